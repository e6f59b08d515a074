import type { IterationImageRow, IterationRow } from '../store/schema.ts';

/** What an iteration is to learn from. */
export interface Lesson {
  readonly iteration: IterationRow;
  /** By id. */
  readonly images: readonly IterationImageRow[];
  /** Of each tag, by its id, the place among the model's outputs: 0, 1, 2 … */
  readonly positions: ReadonlyMap<string, number>;
}

/** What an iteration has learned, whatever it learned with. */
export interface Learned {
  /** The model as it is kept. */
  readonly model: Uint8Array;
  /** What it was learned from, by id. */
  readonly images: readonly IterationImageRow[];
  /** The held-out result of the image at this position, as it is kept; `null` if it was not held out. */
  readonly result: (index: number) => Uint8Array | null;
}
