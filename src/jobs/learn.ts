import { AppError } from '../base/errors.ts';
import type { App, ProjectScope } from '../services/context.ts';
import type { LearningRun } from '../services/learning.ts';
import { recordedSet, trainingSetLookup } from '../services/training-set.ts';
import type { Tx } from '../store/database.ts';
import { learnedImages } from '../store/iterations.ts';
import type { IterationRow } from '../store/schema.ts';
import { learnClassifier } from './learn-classifier.ts';
import { learnDetector } from './learn-detector.ts';
import type { Learned } from './lesson.ts';

/**
 * Learns what an iteration is to learn by its record: its settings, its tags in their order, its images with the tags
 * they carried, but not those it is to forget. A function of these alone, to the last bit.
 * @throws AppError `TrainingSetGone` when a tag has no image left.
 */
export async function learn(
  app: App,
  scope: ProjectScope,
  iteration: IterationRow,
  run: LearningRun,
): Promise<Learned> {
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
  const learnKind = iteration.classification_type === null ? learnDetector : learnClassifier;
  return learnKind(app, scope, { iteration, images, positions }, run);
}

/**
 * In the transaction that makes an iteration's model: notes how many images carried each tag of those it learned from, in
 * the end, and returns what tells that nothing changed since (`training_set`).
 */
export async function recordLearned(app: App, tx: Tx, scope: ProjectScope, row: IterationRow): Promise<string> {
  const set = await recordedSet(app, tx, scope, row);
  for (const { id, imageCount } of set.tags)
    await tx
      .updateTable('iteration_tags')
      .set({ image_count: imageCount })
      .where('iteration_id', '=', row.id)
      .where('tag_id', '=', id)
      .execute();
  return trainingSetLookup(app, scope, row, set);
}
