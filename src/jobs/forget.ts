import { setImmediate } from 'node:timers/promises';
import { type Micros, second } from '../base/clock.ts';
import { AppError } from '../base/errors.ts';
import { newId } from '../base/id.ts';
import type { JobRun, Jobs } from '../queue/job.ts';
import { record } from '../services/audit.ts';
import type { App, ProjectScope } from '../services/context.ts';
import type { LearningRun } from '../services/learning.ts';
import { putSealed } from '../services/pictures.ts';
import { storing } from '../services/storing.ts';
import { blobKey } from '../store/blobs.ts';
import type { Tx } from '../store/database.ts';
import { noteForgotten } from '../store/forgetting.ts';
import { findIteration, iterationImages, learnedImages, listExports, sealScores } from '../store/iterations.ts';
import { abandonBlobs, keepBlobs } from '../store/loose-blobs.ts';
import type { ExportRow, IterationImageRow, IterationRow, Sealed } from '../store/schema.ts';
import { sealText } from '../store/sealed.ts';
import { learn, recordLearned } from './learn.ts';
import type { Learned } from './lesson.ts';
import { serverDied, trainingFailure } from './training-failure.ts';

/** Rows written in the swap before others have their turn. */
const rowsAtOnce = 500;

/**
 * Trains an iteration anew without the images it is to forget, and puts the new model in the place of the old one in one
 * transaction: until then it is as it was, whatever happens; after it nothing of it knows the images. If its set changes
 * meanwhile, it begins anew.
 */
export const forget = (app: App, payload: Jobs['forget'], run: JobRun): Promise<void> =>
  app.learning.during(payload.iterationId, run, (told) => forgetOnce(app, payload, told));

async function forgetOnce(app: App, payload: Jobs['forget'], run: LearningRun): Promise<void> {
  const scope = { accountId: payload.accountId, projectId: payload.projectId };
  const begun = app.clock.now();
  const row = await findIteration(app.db.query, scope.projectId, payload.iterationId);
  if (row?.rebuild !== 'Waiting') return;
  try {
    const learned = await learn(app, scope, row, run);
    run.news({ phase: 'storing' });
    const modelId = newId();
    const model = blobKey(scope.accountId, scope.projectId, 'model', modelId);
    await storing(app, scope, [model], async () => {
      await putSealed(app, scope, 'model', modelId, learned.model);
      await swap(app, scope, row.id, modelId, learned, begun, run);
    });
    app.models.forget(scope, row.id);
  } catch (error) {
    const { tries } = trainingFailure(error);
    const hopeless = tries !== undefined && run.attempt >= tries;
    if ((run.last || hopeless) && !run.signal.aborted) await forgettingFailed(app, payload, error, run.fence);
    if (!hopeless) throw error;
  }
}

async function swap(
  app: App,
  scope: ProjectScope,
  iterationId: string,
  modelId: string,
  { model, images, result }: Learned,
  begun: Micros,
  run: JobRun,
): Promise<void> {
  const { accountId, projectId } = scope;
  const results = images.map((image, index) => sealScores(app.keys, scope, iterationId, image.image_id, result(index)));
  await app.db.transaction(async (tx) => {
    await run.fence(tx);
    const row = await findIteration(tx, projectId, iterationId);
    const rest = await learnedImages(tx, iterationId);
    if (row?.rebuild !== 'Waiting' || !sameImages(rest, images))
      throw new AppError('TrainingSetChanged', 'what the iteration is to forget changed while it was trained');
    const forgotten = (await iterationImages(tx, iterationId)).filter((image) => image.forgetting === 1);
    await tx
      .deleteFrom('iteration_images')
      .where('iteration_id', '=', iterationId)
      .where('forgetting', '=', 1)
      .execute();
    await writeResults(tx, iterationId, images, results);
    const exports = await dropExports(app, tx, scope, row);
    const now = app.clock.now();
    await tx
      .updateTable('iterations')
      .set({
        model_id: modelId,
        model_bytes: model.byteLength,
        rebuild: null,
        error: null,
        remake_exports: 0,
        trained_at: now,
        modified: now,
        training_minutes: Math.ceil((now - begun) / (60 * second)),
        training_set: await recordLearned(app, tx, scope, row),
      })
      .where('id', '=', iterationId)
      .execute();
    await keepBlobs(tx, [blobKey(accountId, projectId, 'model', modelId)]);
    await abandonBlobs(tx, projectId, [blobKey(accountId, projectId, 'model', row.model_id ?? row.id)]);
    const ids = forgotten.map((image) => image.image_id);
    await noteForgotten(tx, projectId, iterationId, ids, { model: 1, ...exports });
    await record(
      app,
      tx,
      'iteration-rebuilt',
      { ...scope, subjectId: iterationId },
      { images: ids.length, exports: exports.exports },
    );
    await app.queue.enqueue(tx, 'purge', scope, { once: `purge/${projectId}` });
  });
}

const sameImages = (some: readonly IterationImageRow[], others: readonly IterationImageRow[]): boolean =>
  some.length === others.length && some.every((image, index) => image.image_id === others[index]!.image_id);

/** The held-out results of the new model. */
async function writeResults(
  tx: Tx,
  iterationId: string,
  images: readonly IterationImageRow[],
  results: readonly (Sealed | null)[],
): Promise<void> {
  for (const [index, { image_id }] of images.entries()) {
    await tx
      .updateTable('iteration_images')
      .set({ scores: results[index] ?? null })
      .where('iteration_id', '=', iterationId)
      .where('image_id', '=', image_id)
      .execute();
    if (index % rowsAtOnce === rowsAtOnce - 1) await setImmediate();
  }
}

/**
 * Removes the exports, which hold the old weights. Made again: all if that was asked for, else those that were being made.
 */
async function dropExports(
  app: App,
  tx: Tx,
  scope: ProjectScope,
  { id: iterationId, remake_exports }: IterationRow,
): Promise<{ exports: number; export: number }> {
  const { accountId, projectId } = scope;
  const rows = await listExports(tx, projectId, iterationId);
  await abandonBlobs(
    tx,
    projectId,
    rows.map((one) => blobKey(accountId, projectId, 'export', one.id)),
  );
  await tx.deleteFrom('exports').where('iteration_id', '=', iterationId).execute();
  const now = app.clock.now();
  for (const row of rows) {
    if (remake_exports === 0 && row.status !== 'Exporting') continue;
    const fresh = { created: now, modified: now, bytes: 0, downloads: 0, downloaded: null };
    const again: ExportRow = { ...row, id: newId(), status: 'Exporting', ...fresh };
    await tx.insertInto('exports').values(again).execute();
    await app.queue.enqueue(tx, 'export', { ...scope, exportId: again.id });
  }
  return { exports: rows.length, export: rows.filter((one) => one.status === 'Done').length };
}

/**
 * Notes that an iteration could not be trained anew, and why: it stays as it was, and still holds what it was to forget.
 */
export async function forgettingFailed(
  app: Pick<App, 'db' | 'keys' | 'reserve'>,
  payload: Jobs['forget'],
  error: unknown = serverDied,
  fence: (tx: Tx) => Promise<void> = async () => undefined,
): Promise<void> {
  const { iterationId } = payload;
  const { reason } = trainingFailure(error);
  const failed = async (tx: Tx): Promise<void> => {
    await fence(tx);
    await tx
      .updateTable('iterations')
      .set({ rebuild: 'Failed', error: sealText(app.keys, payload, 'iterations.error', iterationId, reason) })
      .where('id', '=', iterationId)
      .where('rebuild', '=', 'Waiting')
      .execute();
  };
  await app.reserve.giveWay(() => app.db.transaction(failed));
}
