import { type Micros, second } from '../base/clock.ts';
import { chunks } from '../base/concurrency.ts';
import { AppError } from '../base/errors.ts';
import type { JobRun, Jobs } from '../queue/job.ts';
import type { App, ProjectScope } from '../services/context.ts';
import { computeFeatures, readFeatures } from '../services/features.ts';
import { putSealed } from '../services/pictures.ts';
import { storing } from '../services/storing.ts';
import { blobKey } from '../store/blobs.ts';
import type { Tx } from '../store/database.ts';
import { imagesWithoutFeatures, outdateFeatures } from '../store/features.ts';
import { findIteration, iterationImages, scoresId } from '../store/iterations.ts';
import { keepBlobs } from '../store/loose-blobs.ts';
import type { IterationImageRow, IterationRow, IterationTagRow } from '../store/schema.ts';
import { sealText } from '../store/sealed.ts';
import type { ClassifierFit } from '../vision/classify/classifier.ts';
import { encodeClassifier } from '../vision/classify/serialize.ts';

/** Parts of the work as a user feels it: computing features, then learning. */
const featuresShare = 0.7;

/**
 * Trains an iteration. What it learns from was recorded when it was asked for; if images of that record are removed
 * while it runs, it starts over without them, unless a tag has none left. A failure for good leaves the iteration `Failed` with the reason.
 */
export async function train(app: App, payload: Jobs['train'], run: JobRun): Promise<void> {
  const scope = { accountId: payload.accountId, projectId: payload.projectId };
  const begun = app.clock.now();
  const row = await findIteration(app.db.query, scope.projectId, payload.iterationId);
  if (row?.status !== 'Training') return;
  try {
    const images = (await iterationImages(app.db.query, row.id)).filter((image) => image.tag_ids !== '[]');
    const tags = await app.db.query
      .selectFrom('iteration_tags')
      .select(['tag_id', 'position'])
      .where('iteration_id', '=', row.id)
      .execute();
    const shown = new Set(images.flatMap((image) => JSON.parse(image.tag_ids) as string[]));
    if (tags.some((tag) => !shown.has(tag.tag_id))) return await trainingFailed(app, payload, setGone(), run.fence);
    await computeMissingFeatures(app, scope, images, run);
    const fit = await learn(app, scope, row, tags, images, run);
    const model = blobKey(scope.accountId, scope.projectId, 'model', row.id);
    await storing(app, scope, [model], () => keepResult(app, scope, row.id, images, fit, begun, run));
  } catch (error) {
    if (run.last && !run.signal.aborted) await trainingFailed(app, payload, error, run.fence);
    throw error;
  }
}

const setGone = (): AppError =>
  new AppError(
    'TrainingSetGone',
    'All images of a tag were deleted while the iteration was being trained: train again.',
  );

async function computeMissingFeatures(
  app: App,
  scope: ProjectScope,
  images: readonly IterationImageRow[],
  run: JobRun,
): Promise<void> {
  const learned = new Set(images.map((image) => image.image_id));
  await outdateFeatures(app.db.query, scope.projectId, app.vision.fingerprint);
  const waiting = await imagesWithoutFeatures(app.db.query, scope.projectId);
  const ids = waiting.filter((id) => learned.has(id));
  let done = images.length - ids.length;
  const report = (more: number): void => {
    done += more;
    run.progress((featuresShare * done) / images.length);
  };
  report(0);
  await computeFeatures(app, scope, ids, { signal: run.signal, background: false, onDone: report });
}

async function learn(
  app: App,
  scope: ProjectScope,
  iteration: IterationRow,
  tags: readonly Pick<IterationTagRow, 'tag_id' | 'position'>[],
  images: readonly IterationImageRow[],
  run: JobRun,
): Promise<ClassifierFit> {
  const position = new Map(tags.map((tag) => [tag.tag_id, tag.position]));
  const classes = tags.length;
  const targets = new Uint8Array(images.length * classes);
  images.forEach((image, index) => {
    for (const tagId of JSON.parse(image.tag_ids) as string[]) targets[index * classes + position.get(tagId)!] = 1;
  });
  const ids = images.map((image) => image.image_id);
  return app.vision.fitClassifier(
    {
      kind: iteration.classification_type === 'Multiclass' ? 'multiclass' : 'multilabel',
      classes,
      features: await readFeatures(app, scope, ids),
      targets,
      folds: Uint8Array.from(images, (image) => image.fold),
      order: ids,
    },
    { signal: run.signal, onProgress: (fraction) => run.progress(featuresShare + (1 - featuresShare) * fraction) },
  );
}

async function keepResult(
  app: App,
  scope: ProjectScope,
  iterationId: string,
  images: readonly IterationImageRow[],
  fit: ClassifierFit,
  begun: Micros,
  run: JobRun,
): Promise<void> {
  const { classes } = fit.classifier;
  const model = encodeClassifier(fit.classifier);
  await putSealed(app, scope, 'model', iterationId, model);
  let written = 0;
  for (const some of chunks([...images.entries()], 500)) {
    await app.db.transaction(async (tx) => {
      await run.fence(tx);
      for (const [index, image] of some) {
        const scores = fit.heldOut.slice(index * classes, (index + 1) * classes);
        const sealed = app.keys.seal(
          { ...scope, kind: 'iteration_images.scores', id: scoresId(iterationId, image.image_id) },
          new Uint8Array(scores.buffer),
        );
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
    const left = (await iterationImages(tx, iterationId)).filter((image) => image.tag_ids !== '[]').length;
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
      })
      .where('id', '=', iterationId)
      .execute();
    await keepBlobs(tx, [blobKey(scope.accountId, scope.projectId, 'model', iterationId)]);
  });
}

/** Marks an iteration that is still `Training` as `Failed`, with the reason in words. */
export async function trainingFailed(
  app: Pick<App, 'db' | 'keys' | 'clock'>,
  payload: Jobs['train'],
  error?: unknown,
  fence: (tx: Tx) => Promise<void> = async () => undefined,
): Promise<void> {
  const { iterationId } = payload;
  const reason =
    error instanceof AppError
      ? error.message
      : 'The training broke off inside the server; its log says more. Train again.';
  await app.db.transaction(async (tx) => {
    await fence(tx);
    await tx
      .updateTable('iterations')
      .set({
        status: 'Failed',
        modified: app.clock.now(),
        error: sealText(app.keys, payload, 'iterations.error', iterationId, reason),
      })
      .where('id', '=', iterationId)
      .where('status', '=', 'Training')
      .execute();
  });
}
