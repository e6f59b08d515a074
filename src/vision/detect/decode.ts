import { type Found, suppress } from '../image/box.ts';
import type { Cells } from './cells.ts';

/** Scores up to this are not told. */
export const leastScore = 0.01;
/** Of boxes of a label that share more than this, the best is kept; at most so many of each label. */
export const suppression = { overlap: 0.5, most: 64 } as const;
/** Logarithms of distances beyond this are taken for this: as in the loss. */
const reach = 4;

/**
 * What is found in picture `n` by what the head said of its cells: `scores` [N, C, P] 0..1, `sides` [N, 4, P] logarithms
 * of distances in strides. Best first.
 */
export const decode = (scores: Float32Array, sides: Float32Array, n: number, classes: number, cells: Cells): Found[] =>
  suppress(candidates(scores, sides, n, classes, cells), suppression);

/** What the cells of picture `n` say is there, the same thing many times, label by label. */
export function candidates(
  scores: Float32Array,
  sides: Float32Array,
  n: number,
  classes: number,
  cells: Cells,
): Found[] {
  const { count, size } = cells;
  const found: Found[] = [];
  const distance = (side: number, cell: number): number => {
    const raw = sides[(n * 4 + side) * count + cell]!;
    return (Math.exp(Math.min(reach, Math.max(-reach, raw))) * cells.stride[cell]!) / size;
  };
  const clamped = (value: number): number => Math.min(1, Math.max(0, value));
  for (let label = 0; label < classes; label++)
    for (let cell = 0; cell < count; cell++) {
      const score = scores[(n * classes + label) * count + cell]!;
      if (score <= leastScore) continue;
      const [x, y] = [cells.x[cell]! / size, cells.y[cell]! / size];
      const [left, top] = [clamped(x - distance(0, cell)), clamped(y - distance(1, cell))];
      const [right, bottom] = [clamped(x + distance(2, cell)), clamped(y + distance(3, cell))];
      found.push({ label, score, left, top, width: right - left, height: bottom - top });
    }
  return found;
}
