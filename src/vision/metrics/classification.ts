import { averagePrecisions } from './average-precision.ts';

/** Held-out probabilities and what is true. */
export interface Judged {
  /** One label a picture, or any number of them. */
  readonly kind: 'multiclass' | 'multilabel';
  readonly classes: number;
  /** [n, C], 0..1, by a model that had not seen the picture */
  readonly probabilities: ArrayLike<number>;
  /** [n, C]: 1 where the picture has the label, else 0 */
  readonly targets: ArrayLike<number>;
  /** [n]: which fold held the picture out */
  readonly folds: ArrayLike<number>;
}

/** How well a label, or all together, were predicted; each 0..1. */
export interface ClassificationScores {
  /** Of the predictions made, the part that is right; 0 when none was made. */
  readonly precision: number;
  readonly precisionStdDeviation: number;
  /** Of the true labels, the part that was predicted; 0 when there is none. */
  readonly recall: number;
  readonly recallStdDeviation: number;
  /** Area under the precision/recall curve; 0 when there is no true label. */
  readonly averagePrecision: number;
}

/** Scores of every label and of all. */
export interface ClassificationPerformance extends ClassificationScores {
  /** In the order of the labels. */
  readonly perClass: readonly ClassificationScores[];
}

interface Counts {
  /** Predictions that are right. */
  right: number;
  predicted: number;
  actual: number;
}

/**
 * Precision, recall and average precision at a probability threshold, 0..1. Multiclass: the most probable label is
 * predicted, the first of equals, if it reaches the threshold; multilabel: every label that does. Overall precision and
 * recall are taken over all predictions together (micro average), overall average precision is the mean over the
 * labels. Standard deviations are over the folds (of the population, as numpy's `std`), counting only folds in which
 * the figure is defined: with a prediction, or a true label.
 */
export function classificationPerformance(judged: Judged, threshold: number): ClassificationPerformance {
  const { classes, targets, folds } = judged;
  const foldCount = Array.from(folds).reduce((most, fold) => Math.max(most, fold + 1), 0);
  // One more label, the last, stands for all of them.
  const counts = Array.from({ length: classes + 1 }, () =>
    Array.from({ length: foldCount }, (): Counts => ({ right: 0, predicted: 0, actual: 0 })),
  );
  for (let row = 0; row < folds.length; row++)
    for (let label = 0; label < classes; label++) {
      const predicted = isPredicted(judged, row, label, threshold);
      const actual = targets[row * classes + label] === 1;
      for (const own of [counts[label]!, counts[classes]!]) {
        const count = own[folds[row]!]!;
        if (predicted) count.predicted++;
        if (actual) count.actual++;
        if (predicted && actual) count.right++;
      }
    }
  const areas = averagePrecisions(judged.probabilities, targets, classes);
  const perClass = counts.slice(0, classes).map((own, label) => ({ ...ratios(own), averagePrecision: areas[label]! }));
  return {
    ...ratios(counts[classes]!),
    averagePrecision: mean(perClass.map((scores) => scores.averagePrecision)),
    perClass,
  };
}

/** Whether the label counts as predicted for the picture: see {@link classificationPerformance}. */
function isPredicted({ kind, classes, probabilities }: Judged, row: number, label: number, threshold: number): boolean {
  const own = probabilities[row * classes + label]!;
  if (own < threshold) return false;
  if (kind === 'multilabel') return true;
  for (let other = 0; other < classes; other++) {
    const rival = probabilities[row * classes + other]!;
    if (rival > own || (rival === own && other < label)) return false;
  }
  return true;
}

function ratios(folds: readonly Counts[]): Omit<ClassificationScores, 'averagePrecision'> {
  const sum = (key: keyof Counts): number => folds.reduce((total, count) => total + count[key], 0);
  const over = (of: 'predicted' | 'actual') => {
    const defined = folds.filter((count) => count[of] > 0).map((count) => count.right / count[of]);
    return { value: sum(of) === 0 ? 0 : sum('right') / sum(of), deviation: deviation(defined) };
  };
  const [precision, recall] = [over('predicted'), over('actual')];
  return {
    precision: precision.value,
    precisionStdDeviation: precision.deviation,
    recall: recall.value,
    recallStdDeviation: recall.deviation,
  };
}

const mean = (values: readonly number[]): number =>
  values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;

function deviation(values: readonly number[]): number {
  const centre = mean(values);
  return Math.sqrt(mean(values.map((value) => (value - centre) ** 2)));
}
