import type { JobRun } from '../queue/job.ts';
import type { App, ProjectScope } from '../services/context.ts';
import { computeFeatures, readFeatures } from '../services/features.ts';
import { imagesWithoutFeatures, outdateFeatures } from '../store/features.ts';
import type { IterationImageRow } from '../store/schema.ts';
import { encodeClassifier } from '../vision/classify/serialize.ts';
import type { Learned, Lesson } from './lesson.ts';

/** Parts of the work as a user feels it: computing features, then learning. */
const featuresShare = 0.7;

/** Learns a classifier. The result of an image: float32 [C], its probabilities. */
export async function learnClassifier(
  app: App,
  scope: ProjectScope,
  { iteration, images, positions }: Lesson,
  run: JobRun,
): Promise<Learned> {
  await computeMissingFeatures(app, scope, images, run);
  const classes = positions.size;
  const targets = new Uint8Array(images.length * classes);
  images.forEach((image, index) => {
    for (const tagId of JSON.parse(image.tag_ids) as string[]) targets[index * classes + positions.get(tagId)!] = 1;
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
