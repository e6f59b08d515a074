import type { Run } from '../../base/run.ts';
import { graph } from '../graph/graph.ts';
import { elements, tensor } from '../graph/tensor.ts';
import { drawView, plainView } from '../image/augment.ts';
import type { MarkedPicture, Sample } from './detector.ts';
import type { ChannelStatistics } from './head.ts';
import type { DetectorPlan, DetectorTools } from './plan.ts';

/** The backbone's maps of pictures, as they are and mirrored, and how each channel is spread. */
export interface Maps {
  /** Those there was room for, n. */
  readonly pictures: readonly MarkedPicture[];
  /** Of each level: float16 [2 n, C, h, w] in one row; picture i at 2 i, mirrored at 2 i + 1. */
  readonly levels: readonly { readonly shape: readonly number[]; readonly data: Float16Array }[];
  readonly statistics: readonly ChannelStatistics[];
}

/** Deviations below this, of channels that are never used, count as this. */
const leastDeviation = 1e-3;

/** Bytes that all maps may take: those of some four hundred pictures of 320 pixels. */
const room = 6e8;

/**
 * Computes them, of the first pictures that there is room for: the backbone need not run again while only the head
 * learns.
 */
export async function mapsOf(
  all: readonly Sample[],
  { size }: DetectorPlan,
  { runtime, threads, body }: DetectorTools,
  { signal, onNews }: Run,
): Promise<Maps> {
  const nodes = (await body(1, size)).maps({});
  const names = nodes.map((_, level) => `map${level}`);
  const outputs = Object.fromEntries(names.map((name, level) => [name, nodes[level]!]));
  const session = await runtime.compile(graph(outputs), { threads });
  const shapes = nodes.map((node) => node.shape.slice(1) as number[]);
  const each = shapes.reduce((sum, shape) => sum + 2 * Float16Array.BYTES_PER_ELEMENT * elements(shape), 0);
  const samples = all.slice(0, Math.max(1, Math.floor(room / each)));
  const levels = shapes.map((shape) => ({ shape, data: new Float16Array(2 * samples.length * elements(shape)) }));
  const sums = shapes.map(([channels]) => ({ sum: new Float64Array(channels!), squares: new Float64Array(channels!) }));
  const picture = new Float32Array(3 * size * size);
  try {
    for (const [i, sample] of samples.entries()) {
      const pixels = await sample.pixels();
      for (const mirrored of [false, true]) {
        signal?.throwIfAborted();
        drawView(pixels, sample.side, { ...plainView, mirrored }, size, picture, 0);
        const results = await session.run({ picture: tensor('float32', [1, 3, size, size], picture) });
        names.forEach((name, level) => {
          const data = results[name]!.data as Float32Array;
          levels[level]!.data.set(data, (2 * i + (mirrored ? 1 : 0)) * data.length);
          if (!mirrored) addUp(sums[level]!, data);
        });
        if (mirrored) onNews?.({ phase: 'features', step: i + 1, steps: samples.length });
      }
    }
  } finally {
    await session.close();
  }
  const statistics = sums.map(({ sum, squares }, level) => {
    const count = (samples.length * elements(shapes[level]!)) / sum.length;
    const mean = Float32Array.from(sum, (each) => each / count);
    const variance = (each: number, c: number): number => Math.max(0, each / count - mean[c]! ** 2);
    return {
      mean,
      deviation: Float32Array.from(squares, (each, c) => Math.max(leastDeviation, Math.sqrt(variance(each, c)))),
    };
  });
  return { pictures: samples, levels, statistics };
}

function addUp(
  { sum, squares }: { readonly sum: Float64Array; readonly squares: Float64Array },
  data: Float32Array,
): void {
  const plane = data.length / sum.length;
  for (let at = 0; at < data.length; at++) {
    const channel = Math.floor(at / plane);
    sum[channel]! += data[at]!;
    squares[channel]! += data[at]! ** 2;
  }
}
