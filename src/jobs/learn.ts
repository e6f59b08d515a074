import { AppError } from '../base/errors.ts';
import type { JobRun } from '../queue/job.ts';
import type { App, ProjectScope } from '../services/context.ts';
import { computeFeatures, readFeatures } from '../services/features.ts';
import { trainingSetLookup } from '../services/training.ts';
import type { Tx } from '../store/database.ts';
import { imagesWithoutFeatures, outdateFeatures } from '../store/features.ts';
import { iterationImages, learnedImages } from '../store/iterations.ts';
import type { IterationImageRow, IterationRow } from '../store/schema.ts';
import { encodeClassifier } from '../vision/classify/serialize.ts';

/** Parts of the work as a user feels it: computing features, then learning. */
const featuresShare = 0.7;

/** What an iteration has learned, whatever it learned with. */
export interface Learned {
  /** The model as it is kept. */
  readonly model: Uint8Array;
  /** What it was learned from, by id. */
  readonly images: readonly IterationImageRow[];
  /** The held-out result of the image at this position, as it is kept. */
  readonly result: (index: number) => Uint8Array;
}

/**
 * Learns what an iteration is to learn by its record: its settings, its tags in their order, its images with the tags
 * they carried, but not those it is to forget. A function of these alone, to the last bit.
 * @throws AppError `TrainingSetGone` when a tag has no image left.
 */
export async function learn(app: App, scope: ProjectScope, iteration: IterationRow, run: JobRun): Promise<Learned> {
  const images = await learnedImages(app.db.query, iteration.id);
  const tags = await app.db.query
    .selectFrom('iteration_tags')
    .select(['tag_id', 'position'])
    .where('iteration_id', '=', iteration.id)
    .execute();
  const shown = new Set(images.flatMap((image) => JSON.parse(image.tag_ids) as string[]));
  if (tags.some((tag) => !shown.has(tag.tag_id)))
    throw new AppError(
      'TrainingSetGone',
      'All images of a tag were deleted while the iteration was being trained: train again.',
    );
  await computeMissingFeatures(app, scope, images, run);
  const position = new Map(tags.map((tag) => [tag.tag_id, tag.position]));
  const classes = tags.length;
  const targets = new Uint8Array(images.length * classes);
  images.forEach((image, index) => {
    for (const tagId of JSON.parse(image.tag_ids) as string[]) targets[index * classes + position.get(tagId)!] = 1;
  });
  const ids = images.map((image) => image.image_id);
  const { classifier, heldOut } = await app.vision.fitClassifier(
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
  return {
    model: encodeClassifier(classifier),
    images,
    result: (index) => new Uint8Array(heldOut.slice(index * classes, (index + 1) * classes).buffer),
  };
}

/**
 * In the transaction that makes an iteration's model: notes how many images carried each tag of those it learned from, in
 * the end, and returns what tells that nothing changed since (`training_set`).
 */
export async function recordLearned(app: App, tx: Tx, scope: ProjectScope, row: IterationRow): Promise<string> {
  const images = (await iterationImages(tx, row.id)).map((image) => ({
    id: image.image_id,
    tagIds: (JSON.parse(image.tag_ids) as string[]).sort(),
  }));
  const counts = new Map<string, number>();
  for (const tagId of images.flatMap((image) => image.tagIds)) counts.set(tagId, (counts.get(tagId) ?? 0) + 1);
  const tags = await tx
    .selectFrom('iteration_tags')
    .select('tag_id as id')
    .where('iteration_id', '=', row.id)
    .orderBy('tag_id')
    .execute();
  for (const { id } of tags)
    await tx
      .updateTable('iteration_tags')
      .set({ image_count: counts.get(id) ?? 0 })
      .where('iteration_id', '=', row.id)
      .where('tag_id', '=', id)
      .execute();
  return trainingSetLookup(app, scope, row, { tags, images });
}

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
