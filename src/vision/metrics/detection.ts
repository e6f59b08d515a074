import { random } from '../../base/random.ts';
import { type Box, type Found, overlap } from '../image/box.ts';
import { averagePrecision } from './average-precision.ts';
import type { ClassificationPerformance, ClassificationScores } from './classification.ts';

/** A picture a detector had not learned from: what is marked in it and what was found. */
export interface JudgedPicture {
  readonly marked: readonly (Box & { readonly label: number })[];
  readonly found: readonly Found[];
}

/** One label in one picture: what was found, best first, each right (1) or wrong (0), and how much is marked. */
export interface Matches {
  readonly scores: readonly number[];
  readonly right: readonly number[];
  readonly marked: number;
}

/** Pictures drawn anew for the deviations, so many times. */
const resamples = 200;

/**
 * Precision, recall and average precision of a detector for what scores at least `threshold` and overlaps what is marked
 * by at least `overlapThreshold`, both 0..1. Found things take marked ones best score first, each the free one of its
 * label that it overlaps most (as COCO's evaluation, cocoeval.py). Average precision is over all scores, by the rule of
 * {@link averagePrecision}; over all labels it is the mean over those that are marked anywhere (mAP), and precision and
 * recall are over all things together. Deviations: of the figure over pictures drawn anew with replacement (Efron,
 * Bootstrap methods, Annals of Statistics 7, 1979), always the same ones.
 */
export function detectionPerformance(
  pictures: readonly JudgedPicture[],
  classes: number,
  { threshold, overlapThreshold }: { readonly threshold: number; readonly overlapThreshold: number },
): ClassificationPerformance {
  const labels = Array.from({ length: classes }, (_, label) =>
    pictures.map((picture) => matchesOf(picture, label, overlapThreshold)),
  );
  const samples = Array.from({ length: resamples }, (_, n) => {
    const draw = random('bootstrap', n);
    return Uint32Array.from(pictures, () => Math.floor(draw.uniform(0, pictures.length)));
  });
  const scoresOf = (own: readonly (readonly Matches[])[]): Omit<ClassificationScores, 'averagePrecision'> => {
    const whole = rates(own, [...pictures.keys()], threshold);
    const drawn = samples.map((sample) => rates(own, sample, threshold));
    return {
      precision: whole.precision ?? 0,
      recall: whole.recall ?? 0,
      precisionStdDeviation: deviation(drawn.flatMap(({ precision }) => precision ?? [])),
      recallStdDeviation: deviation(drawn.flatMap(({ recall }) => recall ?? [])),
    };
  };
  const perClass = labels.map((matches) => ({ ...scoresOf([matches]), averagePrecision: curveArea(matches) }));
  const marked = labels.flatMap((matches, label) => (matches.some((one) => one.marked > 0) ? [label] : []));
  const meanArea = marked.reduce((sum, label) => sum + perClass[label]!.averagePrecision, 0) / (marked.length || 1);
  return { ...scoresOf(labels), averagePrecision: meanArea, perClass };
}

/** What of a label was found in a picture, by the rule of {@link detectionPerformance}; `atLeast`: the overlap, 0..1. */
export function matchesOf({ marked, found }: JudgedPicture, label: number, atLeast: number): Matches {
  const free = marked.filter((one) => one.label === label);
  const count = free.length;
  const ranked = found.filter((one) => one.label === label).toSorted((a, b) => b.score - a.score);
  const right = ranked.map((one) => {
    let [best, most] = [-1, atLeast];
    free.forEach((box, at) => {
      const shared = overlap(one, box);
      if (shared >= most && (best === -1 || shared > most)) [best, most] = [at, shared];
    });
    if (best === -1) return 0;
    free.splice(best, 1);
    return 1;
  });
  return { scores: ranked.map((one) => one.score), right, marked: count };
}

/** Over all labels and the pictures of these positions; `undefined` where nothing was found, or nothing is marked. */
function rates(labels: readonly (readonly Matches[])[], pictures: Iterable<number>, threshold: number) {
  let [right, found, marked] = [0, 0, 0];
  for (const picture of pictures)
    for (const matches of labels) {
      const one = matches[picture]!;
      marked += one.marked;
      one.scores.forEach((score, at) => {
        if (score < threshold) return;
        found++;
        right += one.right[at]!;
      });
    }
  return { precision: found === 0 ? undefined : right / found, recall: marked === 0 ? undefined : right / marked };
}

function curveArea(matches: readonly Matches[]): number {
  const right = matches.flatMap((one) => one.right);
  const missed = matches.reduce((sum, one) => sum + one.marked, 0) - right.reduce((sum, one) => sum + one, 0);
  return averagePrecision(
    matches.flatMap((one) => one.scores),
    right,
    missed,
  );
}

function deviation(values: readonly number[]): number {
  if (values.length === 0) return 0;
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
}
