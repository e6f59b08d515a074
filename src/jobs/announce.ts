import type { JobRun, Jobs } from '../queue/job.ts';
import { findConnections, messageOf, secretOf } from '../services/connections.ts';
import type { App } from '../services/context.ts';
import { readExport } from '../services/exporting.ts';
import { linkPath } from '../services/link-path.ts';
import { sendMessage, storeFile } from '../services/targets.ts';
import { findIteration } from '../store/iterations.ts';

/**
 * Puts a finished export into its project's container, and tells its queue how a training or an export ended. Tried again
 * when somebody does not answer, so that both may be done twice; a message goes out in the last try although the model could not.
 */
export async function announce(app: App, payload: Jobs['announce'], run: JobRun): Promise<void> {
  const { accountId, projectId, iterationId, exportId } = payload;
  const scope = { accountId, projectId };
  const to = await findConnections(app, scope);
  if (to === undefined) return;
  const message = exportId === undefined ? await trainingMessage() : await exportMessage(exportId);
  if (message === undefined || to.notificationQueueUri === null) return;
  const secret = secretOf(app, scope, to.notificationQueueUri);
  await sendMessage(app, to.notificationQueueUri, message, { id: run.id, secret, signal: run.signal });

  async function trainingMessage(): Promise<object | undefined> {
    const iteration = await findIteration(app.db.query, projectId, iterationId);
    const trainingStatus = iteration?.status === 'Failed' ? 'TrainingFailed' : 'TrainingCompleted';
    return iteration && messageOf('Training', { projectId, iterationId, trainingStatus });
  }

  async function exportMessage(id: string): Promise<object | undefined> {
    const row = await app.db.query
      .selectFrom('exports')
      .select(['platform', 'flavor', 'status'])
      .where('id', '=', id)
      .where('project_id', '=', projectId)
      .executeTakeFirst();
    if (row === undefined) return undefined;
    const { platform, flavor } = row;
    if (row.status !== 'Done')
      return messageOf('Export', { projectId, iterationId, exportStatus: 'ExportFailed', modelUri: null });
    const link = linkPath({ kind: 'export', projectId, iterationId, platform, flavor }).slice(1);
    const copy = await copied(id, `${projectId} - ${iterationId}.${platform}${flavor === null ? '' : `.${flavor}`}`);
    return messageOf('Export', { projectId, iterationId, exportStatus: 'ExportCompleted', modelUri: copy ?? link });
  }

  /** Where the model was put; `undefined` when there is no place for it, or it could not be put there in the end. */
  async function copied(id: string, name: string): Promise<string | undefined> {
    const container = to?.exportModelContainerUri ?? null;
    if (container === null) return undefined;
    const { bytes } = await readExport(app, scope, id);
    try {
      return await storeFile(app, container, name, bytes, run.signal);
    } catch (error) {
      if (!run.last || run.signal.aborted || to?.notificationQueueUri == null) throw error;
      app.log.warn('model-not-copied', { job: run.id, error: (error as { code?: string }).code });
      return undefined;
    }
  }
}
