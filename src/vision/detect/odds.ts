import type { Marked } from '../image/box.ts';
import { assign, emptyTargets } from './assign.ts';
import type { Cells } from './cells.ts';
import type { HeadStart } from './head.ts';

/** Distances where nothing is known of them, in strides. */
const usual = 2;
/** Odds a label has at least and at most before anything is seen. */
const [rarest, mostCommon] = [1e-4, 0.05];

/** What pictures commonly show: how many of the cells stand for each label, and how far sides mostly are. */
export function commonly(
  pictures: readonly (readonly Marked[])[],
  classes: number,
  cells: Cells,
): Pick<HeadStart, 'frequency' | 'sides'> {
  const counts = new Array<number>(classes).fill(0);
  const sides = cells.levels.map(() => [0, 1, 2, 3].map(() => [] as number[]));
  for (const marked of pictures) {
    const targets = emptyTargets(1, classes, cells);
    assign(targets, 0, marked, [], cells);
    for (let cell = 0; cell < cells.count; cell++) {
      if (targets.positive[cell] === 0) continue;
      for (let label = 0; label < classes; label++) counts[label]! += targets.labels[label * cells.count + cell]!;
      const level = cells.levels.findLastIndex((one) => one.from <= cell);
      for (let side = 0; side < 4; side++) sides[level]![side]!.push(targets.sides[side * cells.count + cell]!);
    }
  }
  const places = Math.max(1, pictures.length) * cells.count;
  const median = (values: number[]): number => values.sort((a, b) => a - b)[values.length >> 1] ?? usual;
  return {
    frequency: counts.map((count) => Math.min(mostCommon, Math.max(rarest, count / places))),
    sides: sides.map((level) => level.map(median)),
  };
}
