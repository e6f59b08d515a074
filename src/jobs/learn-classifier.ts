import type { App, ProjectScope } from '../services/context.ts';
import { trainingFeatures } from '../services/features.ts';
import type { LearningRun } from '../services/learning.ts';
import { encodeClassifier } from '../vision/classify/serialize.ts';
import type { Learned, Lesson } from './lesson.ts';

/** Parts of the work as a user feels it: computing features, then learning. */
const featuresShare = 0.7;

/** Learns a classifier. The result of an image: float32 [C], its probabilities. */
export async function learnClassifier(
  app: App,
  scope: ProjectScope,
  { iteration, images, positions }: Lesson,
  run: LearningRun,
): Promise<Learned> {
  const classes = positions.size;
  const targets = new Uint8Array(images.length * classes);
  images.forEach((image, index) => {
    for (const tagId of JSON.parse(image.tag_ids) as string[]) targets[index * classes + positions.get(tagId)!] = 1;
  });
  const ids = images.map((image) => image.image_id);
  let done = 0;
  const features = await trainingFeatures(app, scope, ids, {
    backbone: await app.vision.backbone(iteration.backbone),
    signal: run.signal,
    onDone(more) {
      done += more;
      run.progress((featuresShare * done) / images.length);
      run.news({ phase: 'features', step: done, steps: images.length });
    },
  });
  const { classifier, heldOut } = await app.vision.fitClassifier(
    {
      kind: iteration.classification_type === 'Multiclass' ? 'multiclass' : 'multilabel',
      classes,
      features,
      targets,
      folds: Uint8Array.from(images, (image) => image.fold),
      order: ids,
    },
    {
      signal: run.signal,
      onProgress: (fraction) => run.progress(featuresShare + (1 - featuresShare) * fraction),
      onNews: run.news,
    },
  );
  return {
    model: encodeClassifier(classifier),
    images,
    result: (index) => new Uint8Array(heldOut.slice(index * classes, (index + 1) * classes).buffer),
  };
}
