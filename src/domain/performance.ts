import type { Image } from './image.ts';
import type { Prediction } from './prediction.ts';

/** How well something did on pictures it had not seen; each 0..1. */
export interface Scores {
  /** Of the predictions made at the threshold, the part that was right. */
  readonly precision: number;
  /** Standard deviation over the folds. */
  readonly precisionStdDeviation: number;
  /** Of the true tags, the part that was predicted. */
  readonly recall: number;
  readonly recallStdDeviation: number;
  /** Area under the precision/recall curve. */
  readonly averagePrecision: number;
}

/** An iteration's held-out performance. */
export interface IterationPerformance extends Scores {
  readonly perTag: readonly (Scores & { readonly id: string; readonly name: string })[];
}

/** An image of an iteration with what the fold that had not seen it predicted. */
export interface ImagePerformance {
  readonly image: Image;
  readonly predictions: readonly Prediction[];
}
