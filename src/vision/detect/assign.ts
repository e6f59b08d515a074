import type { Box, Marked } from '../image/box.ts';
import type { Cells } from './cells.ts';

/** What the cells of some pictures ought to say; P cells, C labels. */
export interface Targets {
  /** float32 [N, C, P]: 1 for the label a cell stands for. */
  readonly labels: Float32Array;
  /** float32 [N, 4, P]: from the cell's centre to left, top, right and bottom, in strides; 1 where there is nothing. */
  readonly sides: Float32Array;
  /** float32 [N, 1, P]: 1 where there is something. */
  readonly positive: Float32Array;
  /** float32 [N, 1, P]: 0 where nothing is to be learned, neither that there is something nor that there is not. */
  readonly counted: Float32Array;
  /** How many cells stand for something. */
  positives: number;
}

/** Boxes up to so many pixels along their longer side belong to the first level, the second; all others to the third. */
const levelLimits = [64, 128];
/** How far from the centre of a box a cell may be, in strides. */
const radius = 1.5;
/** A cell that stands for a box is this near to its sides at least, in strides: the least the head can say. */
const least = Math.exp(-4);

/** Targets for `count` pictures, with nothing in them yet. */
export function emptyTargets(count: number, classes: number, cells: Cells): Targets {
  return {
    labels: new Float32Array(count * classes * cells.count),
    sides: new Float32Array(count * 4 * cells.count).fill(1),
    positive: new Float32Array(count * cells.count),
    counted: new Float32Array(count * cells.count).fill(1),
    positives: 0,
  };
}

/**
 * Writes into picture `n` of the targets what is marked in it, and which places are to be passed over (`unsure`).
 * The cells near the centre of a box stand for it, on the level of its size; where several claim a cell the smallest
 * box has it; a box that has no cell takes the nearest one of the finest level. Source: center sampling, Tian et al.,
 * FCOS, ICCV 2019, section 3.2 and its improvements.
 */
export function assign(
  targets: Targets,
  n: number,
  marked: readonly Marked[],
  unsure: readonly Box[],
  cells: Cells,
): void {
  const classes = targets.labels.length / targets.positive.length;
  const owner = new Map<number, Marked>();
  const larger = (a: Marked, b: Marked): number => b.width * b.height - a.width * a.height;
  for (const box of marked.toSorted(larger)) for (const cell of cellsFor(box, cells)) owner.set(cell, box);
  for (const [cell, box] of owner) {
    const [x, y, stride] = [cells.x[cell]!, cells.y[cell]!, cells.stride[cell]!];
    const { left, top, right, bottom } = inPixels(box, cells.size);
    targets.labels[(n * classes + box.label) * cells.count + cell] = 1;
    targets.positive[n * cells.count + cell] = 1;
    [x - left, y - top, right - x, bottom - y].forEach((distance, side) => {
      targets.sides[(n * 4 + side) * cells.count + cell] = Math.max(least, distance / stride);
    });
  }
  targets.positives += owner.size;
  for (const box of unsure) {
    const { left, top, right, bottom } = inPixels(box, cells.size);
    for (let cell = 0; cell < cells.count; cell++) {
      const inside = cells.x[cell]! > left && cells.x[cell]! < right && cells.y[cell]! > top && cells.y[cell]! < bottom;
      if (inside && !owner.has(cell)) targets.counted[n * cells.count + cell] = 0;
    }
  }
}

const inPixels = ({ left, top, width, height }: Box, size: number) => ({
  left: left * size,
  top: top * size,
  right: (left + width) * size,
  bottom: (top + height) * size,
});

/** The cells that may stand for a box: at least one. */
function cellsFor(box: Box, cells: Cells): number[] {
  const { left, top, right, bottom } = inPixels(box, cells.size);
  const [centreX, centreY] = [(left + right) / 2, (top + bottom) / 2];
  const longer = Math.max(right - left, bottom - top);
  const level = levelLimits.findIndex((limit) => longer < limit);
  const { stride, side, from } = cells.levels[level === -1 ? levelLimits.length : level]!;
  const found: number[] = [];
  const range = (low: number, high: number): [number, number] => [
    Math.max(0, Math.ceil(low / stride - 0.5)),
    Math.min(side - 1, Math.floor(high / stride - 0.5)),
  ];
  const [firstX, lastX] = range(Math.max(left, centreX - radius * stride), Math.min(right, centreX + radius * stride));
  const [firstY, lastY] = range(Math.max(top, centreY - radius * stride), Math.min(bottom, centreY + radius * stride));
  for (let y = firstY; y <= lastY; y++) for (let x = firstX; x <= lastX; x++) found.push(from + y * side + x);
  if (found.length > 0) return found;
  const finest = cells.levels[0]!;
  const nearest = (centre: number): number =>
    Math.min(finest.side - 1, Math.max(0, Math.floor(centre / finest.stride)));
  return [finest.from + nearest(centreY) * finest.side + nearest(centreX)];
}
