import type { App, ProjectScope } from '../services/context.ts';
import { trainingFeatures } from '../services/features.ts';
import type { LearningRun } from '../services/learning.ts';
import type { FineTuned, TimeLimits } from '../vision/classify/fine-tune.ts';
import { encodeClassifier } from '../vision/classify/serialize.ts';
import { type Learned, type Lesson, namingImages, readPicture } from './lesson.ts';

/** Where computing features ends, and fitting the head, as parts of the work: of a regular training, of an advanced one. */
const shares = { Regular: [0.7, 1], Advanced: [0.05, 0.1] } as const;

/** Learns a classifier, fine-tuned when that was asked for. The result of an image: float32 [C], its probabilities. */
export async function learnClassifier(
  app: App,
  scope: ProjectScope,
  { iteration, images, positions }: Lesson,
  run: LearningRun,
): Promise<Learned> {
  const { training_type: training, reserved_budget_hours: hours, backbone } = iteration;
  const [featuresShare, headShare] = shares[training];
  const limits = training === 'Advanced' ? timeLimits(hours) : {};
  const classes = positions.size;
  const targets = new Uint8Array(images.length * classes);
  images.forEach((image, index) => {
    for (const tagId of JSON.parse(image.tag_ids) as string[]) targets[index * classes + positions.get(tagId)!] = 1;
  });
  const ids = images.map((image) => image.image_id);
  let done = 0;
  const features = await trainingFeatures(app, scope, ids, {
    backbone: await app.vision.backbone(backbone),
    signal: run.signal,
    onDone(more) {
      done += more;
      run.progress((featuresShare * done) / images.length);
      run.news({ phase: 'features', step: done, steps: images.length });
    },
  });
  const set = {
    kind: iteration.classification_type === 'Multiclass' ? 'multiclass' : 'multilabel',
    classes,
    targets,
    folds: Uint8Array.from(images, (image) => image.fold),
    order: ids,
  } as const;
  const part = (from: number, to: number) => (fraction: number) => run.progress(from + (to - from) * fraction);
  const quick = await app.vision.fitClassifier(
    { ...set, features },
    { signal: run.signal, onProgress: part(featuresShare, headShare), onNews: run.news },
  );
  const rows = ids.map((_, row) => quick.heldOut.slice(row * classes, (row + 1) * classes));
  const learned: FineTuned =
    training === 'Regular'
      ? { classifier: quick.classifier, heldOut: rows }
      : await app.vision
          .fineTune(
            { ...set, read: (id) => readPicture(app, scope, id) },
            quick,
            { hours, backbone },
            { signal: run.signal, onProgress: part(headShare, 1), onNews: run.news, limits },
          )
          .catch(namingImages(images, ids));
  return {
    model: encodeClassifier(learned.classifier),
    images,
    result(index) {
      const probabilities = learned.heldOut[index];
      return probabilities === undefined ? null : new Uint8Array(probabilities.buffer);
    },
  };
}

/** Trying settings may take as much of a budget, and all together. What is left is for what comes after learning. */
const [trialsShare, wholeShare] = [0.5, 0.98];
/** Timers reach no farther. */
const farthest = 2 ** 31 - 1;

/** When the time of a training that begins now is up. Plans keep well within it: this is for slow or busy machines. */
function timeLimits(hours: number): TimeLimits {
  const after = (share: number): AbortSignal => AbortSignal.timeout(Math.min(farthest, share * hours * 3_600_000));
  return { trials: after(trialsShare), all: after(wholeShare) };
}
