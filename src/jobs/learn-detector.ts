import { createHash } from 'node:crypto';
import { mapConcurrently } from '../base/concurrency.ts';
import type { App, ProjectScope } from '../services/context.ts';
import type { LearningRun } from '../services/learning.ts';
import { learnedRegions } from '../store/learned-regions.ts';
import type { IterationImageRow } from '../store/schema.ts';
import { encodeFound } from '../vision/detect/found.ts';
import { advancedPlan, regularPlan } from '../vision/detect/plan.ts';
import { encodeDetector } from '../vision/detect/serialize.ts';
import { type Learned, type Lesson, namingImages, readPicture } from './lesson.ts';

/** Pictures read at the same time. */
const readAtOnce = 4;

/**
 * Learns a detector. Pictures go by what they are and not by their ids: wherever the same ones are learned, they give the
 * same model. They are read when they are looked at, so that a project of any size fits in memory. The result of an
 * image: what was found in it, as `encodeFound`, if it was held out.
 */
export async function learnDetector(
  app: App,
  scope: ProjectScope,
  { iteration, images, positions }: Lesson,
  run: LearningRun,
): Promise<Learned> {
  const keys = await keysOf(app, scope, images, run.signal);
  const idOf = new Map(keys.map((key, index) => [key, images[index]!.image_id]));
  const pictures = images.map((image, index) => ({
    key: keys[index]!,
    marked: learnedRegions(app.keys, scope, image).map(({ position, box }) => ({ ...box, label: position })),
  }));
  const plan =
    iteration.training_type === 'Advanced'
      ? advancedPlan(pictures.length, iteration.reserved_budget_hours)
      : regularPlan(pictures.length);
  const { detector, heldOut } = await app.vision
    .fitDetector(
      { classes: positions.size, pictures, read: (key) => readPicture(app, scope, idOf.get(key)!) },
      { ...plan, backbone: iteration.backbone },
      { signal: run.signal, onProgress: run.progress, onNews: run.news },
    )
    .catch(namingImages(images, keys));
  return {
    model: encodeDetector(detector),
    images,
    result: (index) => {
      const found = heldOut[keys[index]!];
      return found === undefined ? null : encodeFound(found);
    },
  };
}

/** The SHA-256 of each picture; of equal ones, which only the trash brings back beside each other, the id as well. */
async function keysOf(
  app: App,
  scope: ProjectScope,
  images: readonly IterationImageRow[],
  signal: AbortSignal,
): Promise<string[]> {
  const digests = await mapConcurrently(images, readAtOnce, async ({ image_id }) => {
    signal.throwIfAborted();
    return createHash('sha256')
      .update(await readPicture(app, scope, image_id))
      .digest('hex');
  });
  const taken = new Set<string>();
  return digests.map((digest, index) => {
    const key = taken.has(digest) ? `${digest} ${images[index]!.image_id}` : digest;
    taken.add(key);
    return key;
  });
}
