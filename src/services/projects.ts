import type { Micros } from '../base/clock.ts';
import { newId } from '../base/id.ts';
import { type Domain, defaultDomain, domainById } from '../domain/domain.ts';
import { limits } from '../domain/limits.ts';
import { problem } from '../domain/problems.ts';
import type { Augmentation, ClassificationType, Project } from '../domain/project.ts';
import type { Queries, Tx } from '../store/database.ts';
import {
  accountOfProject as accountOf,
  augmentationColumn,
  augmentationOf,
  connectionColumns,
  countProjects,
  findAnyProject,
  hasProject,
  type ListedProject,
  listProjects as listRows,
  projectFromRow,
  projectNameTaken,
} from '../store/projects.ts';
import type { ProjectRow } from '../store/schema.ts';
import { sealText } from '../store/sealed.ts';
import type { App, ProjectScope } from './context.ts';
import { checkedName } from './names.ts';
import { beginErasure } from './receipts.ts';
import { createKey } from './storing.ts';
import { requireRoom } from './tiers.ts';

/** What a caller says of a project. */
export interface ProjectInput {
  readonly name: string;
  readonly description?: string | undefined;
  readonly domainId?: string | undefined;
  readonly classificationType?: ClassificationType | undefined;
  readonly targetExportPlatforms?: readonly string[] | undefined;
  /** The methods not named are wanted in a new project, and stay as they are in another. */
  readonly augmentation?: Partial<Augmentation> | undefined;
  /** Where exported models and messages go; `''`: nowhere. */
  readonly exportModelContainerUri?: string | undefined;
  readonly notificationQueueUri?: string | undefined;
}

/**
 * Refuses a project that is not the account's or not there. @throws AppError `NotFoundProject`: the same for both;
 * `Conflict` for one that is being imported, or could not be.
 */
export async function requireProject(db: Queries, scope: ProjectScope): Promise<void> {
  if (await hasProject(db, scope.accountId, scope.projectId)) return;
  const { status } = await requireAnyProject(db, scope);
  throw problem(
    'Conflict',
    status === 'Importing'
      ? 'The project is still being imported: wait until its status is Succeeded, or delete it.'
      : 'The project could not be imported, and holds nothing: delete it. GET /ownsight/v1/restores says why, for a day.',
  );
}

/** The row of a project, whatever its status. @throws AppError `NotFoundProject`. */
export async function requireAnyProject(db: Queries, { accountId, projectId }: ProjectScope): Promise<ListedProject> {
  const row = await findAnyProject(db, accountId, projectId);
  if (row === undefined) throw problem('NotFoundProject');
  return row;
}

/**
 * Makes an empty project. Without a domain: General classification; without a type: Multilabel, as Azure. `imported`:
 * a free id, and the date, that it is to have; or the token that leads to what is to be brought into it, until which it
 * is `Importing`.
 * @throws AppError `BadRequestProjectName`, `…NameNotUnique`, `…Description`, `…UnknownDomain`,
 * `…UnknownClassification`, `BadRequestExceedProjectLimit`.
 */
export async function createProject(
  app: Pick<App, 'db' | 'keys' | 'clock' | 'queue'>,
  accountId: string,
  input: ProjectInput,
  imported: { readonly id?: string; readonly created?: Micros | undefined; readonly importToken?: string } = {},
): Promise<Project> {
  const { importToken } = imported;
  const domain = domainOf(input.domainId);
  const id = imported.id ?? newId();
  const scope = { accountId, projectId: id };
  const now = app.clock.now();
  const name = checkedName('BadRequestProjectName', 'the project name', input.name);
  const description = checkedDescription(input.description ?? '');
  const classificationType = classificationOf(domain, input.classificationType);
  const lookup = projectNameLookup(app, accountId, name);
  // What is refused above leaves no key behind.
  await createKey(app, scope);
  const row: ProjectRow = {
    id,
    account_id: accountId,
    name: sealText(app.keys, scope, 'projects.name', id, name),
    name_lookup: lookup,
    description: sealText(app.keys, scope, 'projects.description', id, description),
    domain_id: domain.id,
    classification_type: classificationType,
    target_export_platforms: JSON.stringify(input.targetExportPlatforms ?? []),
    ...augmentationColumn(input.augmentation ?? {}),
    export_container: null,
    notification_queue: null,
    ...connectionColumns(app.keys, scope, input),
    backbone: null,
    created: imported.created ?? now,
    modified: now,
    iteration_count: 0,
    deleted: null,
    status: importToken === undefined ? 'Succeeded' : 'Importing',
    import_token:
      importToken === undefined ? null : sealText(app.keys, scope, 'projects.import_token', id, importToken),
  };
  try {
    await app.db.transaction(async (tx) => {
      await requireRoom(tx, accountId, 'projects', () => countProjects(tx, accountId));
      if (await projectNameTaken(tx, accountId, lookup)) throw problem('BadRequestProjectNameNotUnique');
      await tx.insertInto('projects').values(row).execute();
      if (importToken !== undefined) await queueImport(app, tx, scope);
    });
  } catch (error) {
    app.keys.destroy(scope);
    throw error;
  }
  return projectFromRow(app.keys, { ...row, thumbnail_image_id: null });
}

/** Queues the import of a project whose row says `Importing`. */
export const queueImport = (app: Pick<App, 'queue'>, tx: Tx, scope: ProjectScope): Promise<string> =>
  app.queue.enqueue(tx, 'import-project', scope, { once: `import-project/${scope.projectId}` });

/**
 * The account's projects, newest first. One whose key was lost is left out: the others stay usable, and the doctor
 * names it.
 */
export async function listProjects(app: Pick<App, 'db' | 'keys'>, accountId: string): Promise<Project[]> {
  const rows = await listRows(app.db.query, accountId);
  return rows
    .filter((row) => app.keys.has({ accountId, projectId: row.id }))
    .map((row) => projectFromRow(app.keys, row));
}

/** One project, all of which is there. @throws AppError `NotFoundProject`, `Conflict` as {@link requireProject}. */
export async function getProject(app: Pick<App, 'db' | 'keys'>, scope: ProjectScope): Promise<Project> {
  await requireProject(app.db.query, scope);
  return getAnyProject(app, scope);
}

/** One project, whatever its status. @throws AppError `NotFoundProject`. */
export const getAnyProject = async (app: Pick<App, 'db' | 'keys'>, scope: ProjectScope): Promise<Project> =>
  projectFromRow(app.keys, await requireAnyProject(app.db.query, scope));

/**
 * Changes what is given and leaves the rest.
 * @throws AppError as {@link createProject}, `NotFoundProject`, `BadRequestProjectUnsupportedDomainTypeChange`.
 */
export async function updateProject(
  app: Pick<App, 'db' | 'keys' | 'clock'>,
  scope: ProjectScope,
  changes: Partial<ProjectInput>,
): Promise<Project> {
  const id = scope.projectId;
  const now = app.clock.now();
  await app.db.transaction(async (tx) => {
    const row = await requireAnyProject(tx, scope);
    const before = domainById(row.domain_id)!;
    const domain = changes.domainId === undefined ? before : domainOf(changes.domainId);
    if (domain.type !== before.type) throw problem('BadRequestProjectUnsupportedDomainTypeChange');
    const set: Partial<ProjectRow> = { modified: now, domain_id: domain.id };
    if (changes.name !== undefined) {
      const name = checkedName('BadRequestProjectName', 'the project name', changes.name);
      const lookup = projectNameLookup(app, scope.accountId, name);
      if (await projectNameTaken(tx, scope.accountId, lookup, id)) throw problem('BadRequestProjectNameNotUnique');
      set.name = sealText(app.keys, scope, 'projects.name', id, name);
      set.name_lookup = lookup;
    }
    if (changes.description !== undefined)
      set.description = sealText(app.keys, scope, 'projects.description', id, checkedDescription(changes.description));
    if (changes.classificationType !== undefined)
      set.classification_type = classificationOf(domain, changes.classificationType);
    if (changes.targetExportPlatforms !== undefined)
      set.target_export_platforms = JSON.stringify(changes.targetExportPlatforms);
    Object.assign(set, connectionColumns(app.keys, scope, changes));
    if (changes.augmentation !== undefined)
      Object.assign(set, augmentationColumn({ ...augmentationOf(row), ...changes.augmentation }));
    await tx.updateTable('projects').set(set).where('id', '=', id).execute();
  });
  return getAnyProject(app, scope);
}

/**
 * Makes a project invisible at once, cancels its jobs and has everything of it removed for good. Returns the id of the
 * receipt.
 * @throws AppError `NotFoundProject`.
 */
export async function deleteProject(
  app: Pick<App, 'db' | 'keys' | 'clock' | 'queue' | 'models'>,
  scope: ProjectScope,
): Promise<string> {
  const receiptId = await app.db.transaction(async (tx) => {
    await requireAnyProject(tx, scope);
    await tx.updateTable('projects').set({ deleted: app.clock.now() }).where('id', '=', scope.projectId).execute();
    await app.queue.cancel(tx, scope);
    await app.queue.enqueue(tx, 'purge', scope, { once: `purge/${scope.projectId}` });
    return beginErasure(app, tx, { kind: 'project', ...scope });
  });
  app.models.forget(scope);
  return receiptId;
}

/** Whose project this is, whoever asks: for links that authorise themselves. */
export const accountOfProject = (app: Pick<App, 'db'>, projectId: string): Promise<string | undefined> =>
  accountOf(app.db.query, projectId);

/** What a project's name is found by, in whatever letter case. */
export const projectNameLookup = (app: Pick<App, 'keys'>, accountId: string, name: string): string =>
  app.keys.lookup({ accountId }, 'project-name', name.toLowerCase());

function domainOf(id: string | undefined): Domain {
  const domain = id === undefined ? defaultDomain : domainById(id);
  if (domain === undefined)
    throw problem('BadRequestProjectUnknownDomain', 'Unknown domain: GetDomains lists the ones there are.');
  return domain;
}

function classificationOf(domain: Domain, type: ClassificationType | undefined): ClassificationType | null {
  if (domain.type === 'Classification') return type ?? 'Multilabel';
  if (type !== undefined)
    throw problem('BadRequestProjectUnknownClassification', 'An object detection project has no classification type.');
  return null;
}

function checkedDescription(text: string): string {
  if (text.length > limits.descriptionLength)
    throw problem(
      'BadRequestProjectDescription',
      `Expected a description of at most ${limits.descriptionLength} characters but received ${text.length}.`,
    );
  return text;
}
