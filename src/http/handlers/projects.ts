import { fromDomain, fromProject, fromProjectExport } from '../../contract/from-domain.ts';
import { toProjectChanges } from '../../contract/to-domain.ts';
import { domainById, domains } from '../../domain/domain.ts';
import { problem } from '../../domain/problems.ts';
import type { Project } from '../../domain/project.ts';
import { mayDo, type Role } from '../../domain/role.ts';
import { createConnectedProject, getConnections, updateConnectedProject } from '../../services/connections.ts';
import { importProject } from '../../services/copying/import.ts';
import { exportProject } from '../../services/copying/offer.ts';
import { deleteProject, getAnyProject, listProjects } from '../../services/projects.ts';
import { type Handlers, nothing } from '../handler.ts';

type Ids =
  | 'GetDomains'
  | 'GetDomain'
  | 'CreateProject'
  | 'GetProjects'
  | 'GetProject'
  | 'UpdateProject'
  | 'GetConnections'
  | 'DeleteProject'
  | 'ExportProject'
  | 'ImportProject';

/** Domains and projects. */
export const projectHandlers: Pick<Handlers, Ids> = {
  async GetDomains() {
    return { body: domains.map(fromDomain) };
  },
  async GetDomain({ params }) {
    const domain = domainById(params.domainId);
    if (domain === undefined) throw problem('NotFoundDomain');
    return { body: fromDomain(domain) };
  },
  async CreateProject({ app, accountId, query, body, links }) {
    return { body: fromProject(await createConnectedProject(app, accountId, { ...query, ...body }), links) };
  },
  async GetProjects({ app, accountId, role, links }) {
    return { body: (await listProjects(app, accountId)).map((project) => fromProject(seenBy(role, project), links)) };
  },
  async GetProject({ app, scope, role, links }) {
    return { body: fromProject(seenBy(role, await getAnyProject(app, scope)), links) };
  },
  async UpdateProject({ app, scope, body, links }) {
    return { body: fromProject(await updateConnectedProject(app, scope, toProjectChanges(body)), links) };
  },
  async GetConnections({ app, scope }) {
    return { body: await getConnections(app, scope) };
  },
  async DeleteProject({ app, scope }) {
    await deleteProject(app, scope);
    return nothing;
  },
  async ExportProject({ app, scope, keyId, links }) {
    return { body: fromProjectExport(await exportProject(app, scope, keyId), links) };
  },
  async ImportProject({ app, accountId, query, links }) {
    return { body: fromProject(await importProject(app, accountId, query), links) };
  },
};

/** A project without the addresses it sends to, which may hold secrets, for keys that may not set them. */
const seenBy = (role: Role, project: Project): Project =>
  mayDo(role, 'train') ? project : { ...project, exportModelContainerUri: null, notificationQueueUri: null };
