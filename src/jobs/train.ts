import { type Micros, second } from '../base/clock.ts';
import { chunks } from '../base/concurrency.ts';
import { AppError } from '../base/errors.ts';
import type { JobRun, Jobs } from '../queue/job.ts';
import { queueAnnouncement } from '../services/connections.ts';
import type { App, ProjectScope } from '../services/context.ts';
import type { LearningRun } from '../services/learning.ts';
import { putSealed } from '../services/pictures.ts';
import { storing } from '../services/storing.ts';
import { blobKey } from '../store/blobs.ts';
import type { Tx } from '../store/database.ts';
import { findIteration, learnedImages, sealScores } from '../store/iterations.ts';
import { keepBlobs } from '../store/loose-blobs.ts';
import type { IterationRow } from '../store/schema.ts';
import { sealText } from '../store/sealed.ts';
import { learn, recordLearned } from './learn.ts';
import type { Learned } from './lesson.ts';
import { serverDied, trainingFailure } from './training-failure.ts';

/**
 * Trains an iteration. What it learns from was recorded when it was asked for; if images of that record are removed
 * while it runs, it starts over without them, unless a tag has none left. A failure for good leaves the iteration `Failed` with the reason.
 */
export const train = (app: App, payload: Jobs['train'], run: JobRun): Promise<void> =>
  app.learning.during(payload.iterationId, run, (told) => trainOnce(app, payload, told));

async function trainOnce(app: App, payload: Jobs['train'], run: LearningRun): Promise<void> {
  const scope = { accountId: payload.accountId, projectId: payload.projectId };
  const begun = app.clock.now();
  const row = await findIteration(app.db.query, scope.projectId, payload.iterationId);
  if (row?.status !== 'Training') return;
  try {
    const learned = await learn(app, scope, row, run);
    run.news({ phase: 'storing' });
    const model = blobKey(scope.accountId, scope.projectId, 'model', row.model_id ?? row.id);
    await storing(app, scope, [model], () => keepResult(app, scope, row, learned, begun, run));
  } catch (error) {
    const { tries } = trainingFailure(error);
    const hopeless = tries !== undefined && run.attempt >= tries;
    if ((run.last || hopeless) && !run.signal.aborted) await trainingFailed(app, payload, error, run.fence);
    if (!hopeless) throw error;
    app.log.warn('training-failed', { iteration: payload.iterationId, error: (error as { code?: string }).code });
  }
}

async function keepResult(
  app: App,
  scope: ProjectScope,
  iteration: IterationRow,
  { model, images, result }: Learned,
  begun: Micros,
  run: JobRun,
): Promise<void> {
  const iterationId = iteration.id;
  const modelId = iteration.model_id ?? iterationId;
  await putSealed(app, scope, 'model', modelId, model);
  let written = 0;
  for (const some of chunks([...images.entries()], 500)) {
    await app.db.transaction(async (tx) => {
      await run.fence(tx);
      for (const [index, image] of some) {
        const sealed = sealScores(app.keys, scope, iterationId, image.image_id, result(index));
        const { numUpdatedRows } = await tx
          .updateTable('iteration_images')
          .set({ scores: sealed })
          .where('iteration_id', '=', iterationId)
          .where('image_id', '=', image.image_id)
          .executeTakeFirst();
        written += Number(numUpdatedRows);
      }
    });
  }
  await app.db.transaction(async (tx) => {
    await run.fence(tx);
    const left = (await learnedImages(tx, iterationId)).length;
    if (written < images.length || left < images.length)
      throw new AppError('TrainingSetChanged', 'images were removed while the iteration was trained');
    const now = app.clock.now();
    await tx
      .updateTable('iterations')
      .set({
        status: 'Completed',
        trained_at: now,
        modified: now,
        training_minutes: Math.ceil((now - begun) / (60 * second)),
        model_bytes: model.byteLength,
        training_set: await recordLearned(app, tx, scope, iteration),
      })
      .where('id', '=', iterationId)
      .execute();
    await keepBlobs(tx, [blobKey(scope.accountId, scope.projectId, 'model', modelId)]);
    await queueAnnouncement(app, tx, scope, { iterationId });
  });
}

/** Marks an iteration that is still `Training` as `Failed`, with the reason in words; on a full disk too. */
export async function trainingFailed(
  app: Pick<App, 'db' | 'keys' | 'clock' | 'queue' | 'reserve'>,
  payload: Jobs['train'],
  error: unknown = serverDied,
  fence: (tx: Tx) => Promise<void> = async () => undefined,
): Promise<void> {
  const { iterationId } = payload;
  const { reason } = trainingFailure(error);
  const failed = async (tx: Tx): Promise<void> => {
    await fence(tx);
    const { numUpdatedRows } = await tx
      .updateTable('iterations')
      .set({
        status: 'Failed',
        modified: app.clock.now(),
        error: sealText(app.keys, payload, 'iterations.error', iterationId, reason),
      })
      .where('id', '=', iterationId)
      .where('status', '=', 'Training')
      .executeTakeFirst();
    if (numUpdatedRows > 0n) await queueAnnouncement(app, tx, payload, { iterationId });
  };
  await app.reserve.giveWay(() => app.db.transaction(failed));
}
