import { newId } from '../base/id.ts';
import type { Project } from '../domain/project.ts';
import type { Tx } from '../store/database.ts';
import { connectionsOf, findAnyProject } from '../store/projects.ts';
import type { App, ProjectScope } from './context.ts';
import { createProject, getProject, type ProjectInput, updateProject } from './projects.ts';
import { type Reaching, removeFile, sendMessage, storeFile } from './targets.ts';

/** Where a project's exported models and messages go. */
type Connections = Pick<Project, 'exportModelContainerUri' | 'notificationQueueUri'>;

/** A message in Azure's words. Source: Custom Vision, "Integrate Azure storage for notifications and model export". */
export const messageOf = (type: 'ConnectionTest' | 'Training' | 'Export', content: object): object => ({
  version: '1.0',
  type,
  Content: content,
});

/** What messages of a project to an address are signed with: the receiver has to be told. Another address, another secret. */
export const secretOf = (app: Pick<App, 'keys'>, { accountId, projectId }: ProjectScope, uri: string): string =>
  app.keys.lookup({ accountId }, 'notification-secret', `${projectId}\n${uri}`);

/** {@link createProject} when what is put into its container and sent to its queue arrives. @throws AppError as it, and as {@link testConnections}. */
export async function createConnectedProject(
  app: Pick<App, 'db' | 'keys' | 'clock' | 'queue'> & Reaching,
  accountId: string,
  input: ProjectInput,
): Promise<Project> {
  const id = newId();
  await testConnections(app, { accountId, projectId: id }, input);
  return createProject(app, accountId, input, { id });
}

/** {@link updateProject} when the same holds of those that are new. @throws AppError as it, and as {@link testConnections}. */
export async function updateConnectedProject(
  app: Pick<App, 'db' | 'keys' | 'clock'> & Reaching,
  scope: ProjectScope,
  changes: Partial<ProjectInput>,
): Promise<Project> {
  const { exportModelContainerUri: container, notificationQueueUri: queue } = changes;
  if (container !== undefined || queue !== undefined) {
    const before = await getProject(app, scope);
    await testConnections(app, scope, {
      exportModelContainerUri: container === before.exportModelContainerUri ? '' : container,
      notificationQueueUri: queue === before.notificationQueueUri ? '' : queue,
    });
  }
  return updateProject(app, scope, changes);
}

/**
 * Puts a file into the container, where it is removed again if that is allowed, and sends a message to the queue.
 * @throws AppError `BadRequestInvalidUri` for the one that does not take it.
 */
async function testConnections(
  app: Pick<App, 'keys'> & Reaching,
  scope: ProjectScope,
  { exportModelContainerUri: container, notificationQueueUri: queue }: Partial<ProjectInput>,
): Promise<void> {
  const { projectId } = scope;
  if (container) {
    const name = `CustomVision-TestPermission/${projectId}`;
    await storeFile(app, container, name, Buffer.from('Exported models can be put here.\n'));
    await removeFile(app, container, name);
  }
  if (queue)
    await sendMessage(app, queue, messageOf('ConnectionTest', { projectId }), {
      id: newId(),
      secret: secretOf(app, scope, queue),
    });
}

/** Queues the message that a training or an export has ended, where its project wants to tell anybody. */
export async function queueAnnouncement(
  app: Pick<App, 'queue'>,
  tx: Tx,
  { accountId, projectId }: ProjectScope,
  subject: { readonly iterationId: string; readonly exportId?: string },
): Promise<void> {
  const wanted = await tx
    .selectFrom('projects')
    .select('id')
    .where('id', '=', projectId)
    .where((at) => at.or([at('export_container', 'is not', null), at('notification_queue', 'is not', null)]))
    .executeTakeFirst();
  if (wanted !== undefined) await app.queue.enqueue(tx, 'announce', { accountId, projectId, ...subject });
}

/** What an owner may know of a project's connections. */
export interface KnownConnections extends Connections {
  /** What messages are signed with; `null` when none are sent. */
  readonly secret: string | null;
  /** How many messages could not be delivered in the last 30 days, all tries of them. */
  readonly undelivered: number;
}

/** Where a project's exported models and messages go, and whether they arrive. @throws AppError `NotFoundProject`. */
export async function getConnections(app: Pick<App, 'db' | 'keys'>, scope: ProjectScope): Promise<KnownConnections> {
  const { exportModelContainerUri, notificationQueueUri } = await getProject(app, scope);
  const { n } = await app.db.query
    .selectFrom('jobs')
    .select((at) => at.fn.countAll<number>().as('n'))
    .where('project_id', '=', scope.projectId)
    .where('name', '=', 'announce')
    .where('state', '=', 'failed')
    .executeTakeFirstOrThrow();
  return {
    exportModelContainerUri,
    notificationQueueUri,
    secret: notificationQueueUri && secretOf(app, scope, notificationQueueUri),
    undelivered: Number(n),
  };
}

/** Where the exported models and messages of a project go, if it is there. */
export async function findConnections(
  app: Pick<App, 'db' | 'keys'>,
  { accountId, projectId }: ProjectScope,
): Promise<Connections | undefined> {
  const row = await findAnyProject(app.db.query, accountId, projectId);
  return row && connectionsOf(app.keys, row);
}
