import type { Tensor } from '../graph/tensor.ts';

/** One label per picture (softmax), or any number of them (sigmoids). */
export type ClassifierKind = 'multiclass' | 'multilabel';

/**
 * A linear classifier on standardised features: probabilities = link((weights · ((f - mean) / scale) + bias) /
 * temperature).
 */
export interface Classifier {
  readonly kind: ClassifierKind;
  /** Number of outputs, C. */
  readonly classes: number;
  /** float32 [d] */
  readonly mean: Float32Array;
  /** float32 [d], all > 0 */
  readonly scale: Float32Array;
  /** float32 [C, d] */
  readonly weights: Float32Array;
  /** float32 [C] */
  readonly bias: Float32Array;
  /** > 0 */
  readonly temperature: number;
  /** Weights of the backbone that were learned too, by name; absent when it is as it came. */
  readonly backbone?: Readonly<Record<string, Tensor>>;
}

/** What a classifier is learned from: n pictures. */
export interface ClassifierSet {
  readonly kind: ClassifierKind;
  readonly classes: number;
  /** float32 [n, d] */
  readonly features: Float32Array;
  /** 1 where the picture has the label: uint8 [n, C]; exactly one per row when multiclass. */
  readonly targets: Uint8Array;
  /**
   * uint8 [n], 0..folds-1: which fold holds the picture out. Depends on the picture's own id only (see
   * `train/split.ts`), never on position or count.
   */
  readonly folds: Uint8Array;
  /**
   * Sort keys, one per picture, equal for no two: rows are brought into this order first, so that sums do not depend on
   * the caller's.
   */
  readonly order: readonly string[];
}

/** The result of learning. */
export interface ClassifierFit {
  readonly classifier: Classifier;
  /** float32 [n, C], rows in the caller's order: probabilities by the fold model that had not seen the picture. */
  readonly heldOut: Float32Array;
  /** The chosen strength of the L2 penalty. */
  readonly penalty: number;
  /** By fold: the classifier that learned from all others; absent where it could not be. */
  readonly without: readonly (Classifier | undefined)[];
}
