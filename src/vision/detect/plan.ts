import type { Tensor } from '../graph/tensor.ts';
import type { Marked } from '../image/box.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { type Layout, layoutOf, spreadOver } from '../train/layout.ts';
import type { DetectorBody } from './network.ts';

/** How long a detector learns, and how. */
export interface DetectorPlan {
  /** Pixels. */
  readonly size: number;
  /** Steps with the backbone as it is, then with all but its first layers. */
  readonly steps: { readonly head: number; readonly whole: number };
}

/** What learning a detector needs besides pictures. */
export interface DetectorTools {
  readonly runtime: Runtime;
  /** Threads one step may use. */
  readonly threads: number;
  /** The backbone for pictures of `size` pixels, `count` at a time. */
  body(count: number, size: number): Promise<DetectorBody>;
}

/** A picture to learn from, decoded: RGB8 [side, side, 3]. */
export interface Sample {
  readonly key: string;
  readonly pixels: Uint8Array;
  readonly side: number;
  readonly marked: readonly Marked[];
}

/** Where weights of these names, or all, lie in one vector. */
export const weightLayout = (
  weights: Readonly<Record<string, Tensor>>,
  names: readonly string[] = Object.keys(weights),
): Layout => layoutOf(Object.fromEntries(names.map((name) => [name, weights[name]!.shape])));

/** How strongly weights are drawn to where they belong: those of matrices and kernels are, biases are free. */
export const decayOf = (layout: Layout): Float32Array =>
  spreadOver(layout, (_, { shape }) => (shape.length > 1 ? 0.05 : 0));

/** At first a label's score only says that something is there; after a fifth of the steps how well its box fits. */
export const qualityAt = (step: number, steps: number): number => Math.min(1, step / (0.2 * steps));
