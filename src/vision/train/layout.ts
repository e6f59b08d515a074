import { AppError, expected } from '../../base/errors.ts';
import { reshape, slice } from '../graph/build.ts';
import type { Node } from '../graph/graph.ts';
import { elements, type Tensor, tensor } from '../graph/tensor.ts';

/** One of the tensors that are learned, and where its elements begin in the flat vector of all. */
export interface Part {
  readonly shape: readonly number[];
  readonly from: number;
}

/** How the tensors that are learned lie one after the other in one flat vector, by name. */
export interface Layout {
  /** Elements of all together. */
  readonly length: number;
  readonly parts: Readonly<Record<string, Part>>;
}

/** The layout of tensors of these shapes, in their order. */
export function layoutOf(shapes: Readonly<Record<string, readonly number[]>>): Layout {
  let length = 0;
  const parts: Record<string, Part> = {};
  for (const [name, shape] of Object.entries(shapes)) {
    parts[name] = { shape, from: length };
    length += elements(shape);
  }
  return { length, parts };
}

/** The tensors as nodes, cut out of the flat vector [length]. */
export function cut(flat: Node, { parts }: Layout): Record<string, Node> {
  return Object.fromEntries(
    Object.entries(parts).map(([name, { shape, from }]) => [
      name,
      reshape(slice(flat, [from], [from + elements(shape)]), shape),
    ]),
  );
}

/**
 * The flat vector of these values. @throws AppError `BadGraph` when one is missing or has another size.
 */
export function join(values: Readonly<Record<string, Tensor>>, { length, parts }: Layout): Float32Array {
  const flat = new Float32Array(length);
  for (const [name, { shape, from }] of Object.entries(parts)) {
    const value = values[name];
    if (value?.dtype !== 'float32' || value.data.length !== elements(shape))
      throw new AppError('BadGraph', expected(`float32 [${shape}]`, name, value && `${value.dtype} [${value.shape}]`));
    flat.set(value.data as Float32Array, from);
  }
  return flat;
}

/** The inverse of {@link join}: tensors that share the vector's memory. */
export const split = (flat: Float32Array, { parts }: Layout): Record<string, Tensor> =>
  Object.fromEntries(
    Object.entries(parts).map(([name, { shape, from }]) => [
      name,
      tensor('float32', shape, flat.subarray(from, from + elements(shape))),
    ]),
  );

/** A flat vector that has in the place of each tensor the number `of` says, as often as it has elements. */
export function spreadOver({ length, parts }: Layout, of: (name: string, part: Part) => number): Float32Array {
  const flat = new Float32Array(length);
  for (const [name, part] of Object.entries(parts))
    flat.fill(of(name, part), part.from, part.from + elements(part.shape));
  return flat;
}
