import { type Found, suppress } from '../image/box.ts';

/** Pictures are looked at so many pixels wide and high. */
export const proposalSize = 160;
/** Pixels along one side of a cell: what is smaller is not told apart. */
const cell = 4;
/** Fewest cells along each side of what is proposed. */
const fewest = 2;
/** Of proposals that share more than this the best is kept; at most so many are told. */
const suppression = { overlap: 0.6, most: 64 } as const;

/** A part of the picture: cells that touch, of like colour. */
interface Region {
  /** Mean of red, green and blue, 0..1. */
  readonly colour: readonly number[];
  readonly cells: number;
  /** In cells: left, top, right, bottom. */
  readonly bounds: readonly [number, number, number, number];
  /** The cost of the step that made it; of a cell 0. */
  readonly made: number;
  readonly touches: Set<number>;
}

/**
 * Where there may be things, whatever they are, in RGB8 pixels [160, 160, 3]: best first, labels 0. Cells of 4 x 4 pixels are
 * joined step by step, always the two regions that touch and whose union adds least to the squared deviations from
 * the regions' mean colours (Ward, Hierarchical grouping to optimize an objective function, JASA 58, 1963; as proposals: Uijlings et
 * al., Selective search for object recognition, IJCV 104, 2013). The longer a region lasts, from the step that makes it to
 * the one that joins it to another, by the cost of both, the more it stands out: its score, as a part of the picture's best.
 */
export function likelyRegions(pixels: Uint8Array): Found[] {
  const regions = cellsOf(pixels);
  const count = regions.length;
  // Of each region there is: the one nearest to it and the cost of joining them.
  const nearest = new Int32Array(2 * count);
  const cost = new Float64Array(2 * count).fill(Number.POSITIVE_INFINITY);
  const look = (one: number): void => {
    cost[one] = Number.POSITIVE_INFINITY;
    for (const other of regions[one]!.touches) {
      const joined = costOf(regions[one]!, regions[other]!);
      if (joined < cost[one]!) [nearest[one], cost[one]] = [other, joined];
    }
  };
  for (let one = 0; one < count; one++) look(one);
  const found: Found[] = [];
  for (let next = count; next < 2 * count - 1; next++) {
    let one = 0;
    for (let at = 1; at < next; at++) if (cost[at]! < cost[one]!) one = at;
    const other = nearest[one]!;
    const [a, b] = [regions[one]!, regions[other]!];
    const region = joined(a, b, cost[one]!);
    for (const { made, bounds } of [a, b]) {
      const [left, top, right, bottom] = bounds;
      if (right - left < fewest || bottom - top < fewest || region.made <= made) continue;
      const part = (cells: number): number => (cells * cell) / proposalSize;
      const box = { left: part(left), top: part(top), width: part(right - left), height: part(bottom - top) };
      found.push({ label: 0, score: region.made - made, ...box });
    }
    regions.push(region);
    for (const gone of [one, other]) {
      region.touches.delete(gone);
      cost[gone] = Number.POSITIVE_INFINITY;
    }
    look(next);
    for (const neighbour of region.touches) {
      const { touches } = regions[neighbour]!;
      touches.delete(one);
      touches.delete(other);
      touches.add(next);
      const direct = costOf(regions[neighbour]!, region);
      if (nearest[neighbour] === one || nearest[neighbour] === other) look(neighbour);
      else if (direct < cost[neighbour]!) [nearest[neighbour], cost[neighbour]] = [next, direct];
    }
  }
  const best = found.reduce((most, { score }) => Math.max(most, score), 0);
  return suppress(
    found.map((one) => ({ ...one, score: one.score / best })),
    suppression,
  );
}

/** The cells as regions, row by row. */
function cellsOf(pixels: Uint8Array): Region[] {
  const side = proposalSize / cell;
  return Array.from({ length: side * side }, (_, at) => {
    const [x, y] = [at % side, Math.floor(at / side)];
    const colour = [0, 0, 0];
    for (let row = y * cell; row < (y + 1) * cell; row++)
      for (let column = x * cell; column < (x + 1) * cell; column++)
        for (let channel = 0; channel < 3; channel++)
          colour[channel]! += pixels[3 * (row * proposalSize + column) + channel]! / (255 * cell * cell);
    const touches = new Set<number>();
    if (x > 0) touches.add(at - 1);
    if (y > 0) touches.add(at - side);
    if (x < side - 1) touches.add(at + 1);
    if (y < side - 1) touches.add(at + side);
    return { colour, cells: 1, bounds: [x, y, x + 1, y + 1], made: 0, touches };
  });
}

/** What joining adds to the sum of squared deviations. */
const costOf = (a: Region, b: Region): number =>
  (a.colour.reduce((sum, value, channel) => sum + (value - b.colour[channel]!) ** 2, 0) * a.cells * b.cells) /
  (a.cells + b.cells);

/** The union of two regions; never made before its parts. */
function joined(a: Region, b: Region, cost: number): Region {
  const cells = a.cells + b.cells;
  return {
    colour: a.colour.map((value, channel) => (value * a.cells + b.colour[channel]! * b.cells) / cells),
    cells,
    bounds: [
      Math.min(a.bounds[0], b.bounds[0]),
      Math.min(a.bounds[1], b.bounds[1]),
      Math.max(a.bounds[2], b.bounds[2]),
      Math.max(a.bounds[3], b.bounds[3]),
    ],
    made: Math.max(cost, a.made, b.made),
    touches: new Set([...a.touches, ...b.touches]),
  };
}
