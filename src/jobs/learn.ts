import { AppError } from '../base/errors.ts';
import type { JobRun } from '../queue/job.ts';
import type { App, ProjectScope } from '../services/context.ts';
import { trainingSetLookup } from '../services/training.ts';
import type { Tx } from '../store/database.ts';
import { iterationImages, learnedImages } from '../store/iterations.ts';
import type { IterationRow } from '../store/schema.ts';
import { learnClassifier } from './learn-classifier.ts';
import type { Learned } from './lesson.ts';

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
  const positions = new Map(tags.map((tag) => [tag.tag_id, tag.position]));
  return learnClassifier(app, scope, { iteration, images, positions }, run);
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
