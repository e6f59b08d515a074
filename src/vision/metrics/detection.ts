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

/** The same in a picture in which it is marked or found, and what of it counts at a threshold. */
interface Counted extends Matches {
  /** The picture's position. */
  readonly picture: number;
  /** How many score that much, and how many of these are right. */
  readonly told: number;
  readonly hits: number;
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
  const labels = counted(pictures, classes, threshold, overlapThreshold);
  const samples = Array.from({ length: resamples }, (_, n) => {
    const draw = random('bootstrap', n);
    const times = new Uint32Array(pictures.length);
    for (let i = 0; i < pictures.length; i++) times[Math.floor(draw.uniform(0, pictures.length))]!++;
    return times;
  });
  const once = new Uint32Array(pictures.length).fill(1);
  const scoresOf = (own: readonly Counted[]): Omit<ClassificationScores, 'averagePrecision'> => {
    const whole = rates(own, once);
    const drawn = samples.map((times) => rates(own, times));
    return {
      precision: whole.precision ?? 0,
      recall: whole.recall ?? 0,
      precisionStdDeviation: deviation(drawn.flatMap(({ precision }) => precision ?? [])),
      recallStdDeviation: deviation(drawn.flatMap(({ recall }) => recall ?? [])),
    };
  };
  const perClass = labels.map((matches) => ({ ...scoresOf(matches), averagePrecision: curveArea(matches) }));
  const marked = labels.flatMap((matches, label) => (matches.some((one) => one.marked > 0) ? [label] : []));
  const meanArea = marked.reduce((sum, label) => sum + perClass[label]!.averagePrecision, 0) / (marked.length || 1);
  return { ...scoresOf(labels.flat()), averagePrecision: meanArea, perClass };
}

/** Of each label, picture by picture. */
function counted(pictures: readonly JudgedPicture[], classes: number, threshold: number, atLeast: number): Counted[][] {
  const labels = Array.from({ length: classes }, (): Counted[] => []);
  pictures.forEach(({ marked, found }, picture) => {
    const markedAs = Map.groupBy(marked, ({ label }) => label);
    const foundAs = Map.groupBy(found, ({ label }) => label);
    for (const label of new Set([...markedAs.keys(), ...foundAs.keys()])) {
      const own = { marked: markedAs.get(label) ?? [], found: foundAs.get(label) ?? [] };
      const matches = matchesOf(own, label, atLeast);
      const told = matches.scores.filter((score) => score >= threshold).length;
      const hits = matches.right.slice(0, told).reduce((sum, one) => sum + one, 0);
      labels[label]!.push({ ...matches, picture, told, hits });
    }
  });
  return labels;
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

/** Over pictures, each as often as `times` has it; `undefined` where nothing was found, or nothing is marked. */
function rates(matches: readonly Counted[], times: Uint32Array) {
  let [right, found, marked] = [0, 0, 0];
  for (const one of matches) {
    const often = times[one.picture]!;
    right += often * one.hits;
    found += often * one.told;
    marked += often * one.marked;
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
