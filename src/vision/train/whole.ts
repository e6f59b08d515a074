import type { Graph } from '../graph/graph.ts';
import type { Tensor } from '../graph/tensor.ts';
import { type Layout, layoutOf, spreadOver } from './layout.ts';
import type { Learnable } from './learnable.ts';

/** Filters move at this part of the backbone's rate at least, and at most. */
const [slowest, fastest] = [0.1, 3];

/** Where weights of these names, or all, lie in one vector. */
export const weightLayout = (
  weights: Readonly<Record<string, Tensor>>,
  names: readonly string[] = Object.keys(weights),
): Layout => layoutOf(Object.fromEntries(names.map((name) => [name, weights[name]!.shape])));

/** How strongly weights are drawn to where they belong: those of matrices and kernels are, biases are free. */
export const decayOf = (layout: Layout): Float32Array =>
  spreadOver(layout, (_, { shape }) => (shape.length > 1 ? 0.05 : 0));

/** Weights of the backbone are drawn to what they were, those of the head to 0. */
export function homeOf(layout: Layout, ofBody: readonly string[], start: Float32Array): Float32Array {
  const kept = spreadOver(layout, (name) => (ofBody.includes(name) ? 1 : 0));
  return start.map((value, i) => value * kept[i]!);
}

/**
 * The names of the weights that outputs of a network depend on, without those of its first layers: those up to maps
 * `stride` pixels apart, of pictures `size` pixels wide. Edges and colours look alike everywhere.
 */
export function withoutFirstLayers(
  graph: Graph,
  network: Learnable,
  outputs: readonly string[],
  { size, stride }: { readonly size: number; readonly stride: number },
): string[] {
  const first = new Set<string>();
  for (const node of graph.nodes) {
    if (node.kind !== 'op' || node.op !== 'Conv') continue;
    if (Number(node.shape[2]) >= size / stride) for (const name of network.below(node)) first.add(name);
  }
  const used = new Set(outputs.flatMap((name) => [...network.below(graph.outputs[name]!)]));
  return [...used].filter((name) => !first.has(name));
}

/**
 * How fast each weight moves against those of the head: those of the backbone at `rate`, and each of its filters by how
 * large it is, against what is usual (He et al., Delving deep into rectifiers, ICCV 2015, eq. 10): normalisation was
 * folded into them, so that small ones would otherwise move too far.
 */
export function ratesOf(
  layout: Layout,
  ofBody: readonly string[],
  weights: Readonly<Record<string, Tensor>>,
  rate: number,
): Float32Array {
  const rates = spreadOver(layout, (name) => (ofBody.includes(name) ? rate : 1));
  for (const name of ofBody) {
    const { shape, from } = layout.parts[name]!;
    if (shape.length !== 4) continue;
    const values = weights[name]!.data as Float32Array;
    const length = values.length / shape[0]!;
    for (let filter = 0; filter < shape[0]!; filter++) {
      let squares = 0;
      for (let i = 0; i < length; i++) squares += values[filter * length + i]! ** 2;
      const gain = Math.sqrt(squares / length) / Math.sqrt(2 / length);
      const own = rate * Math.min(fastest, Math.max(slowest, gain));
      rates.fill(own, from + filter * length, from + (filter + 1) * length);
    }
  }
  return rates;
}
