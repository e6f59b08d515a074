import type { Values } from '../rule.ts';

/** How many elements lie between neighbours along each axis of a row-major box. */
export function stridesOf(shape: readonly number[]): number[] {
  const strides: number[] = new Array(shape.length).fill(1);
  for (let axis = shape.length - 2; axis >= 0; axis--) strides[axis] = strides[axis + 1]! * shape[axis + 1]!;
  return strides;
}

/**
 * The elements at `offset` + the sum of index times stride, for every index into a box of `shape`, in row-major order.
 */
export function gather(
  data: ArrayLike<number>,
  shape: readonly number[],
  strides: readonly number[],
  offset = 0,
): Float64Array {
  const result = new Float64Array(shape.reduce((total, size) => total * size, 1));
  const index = new Int32Array(shape.length);
  let from = offset;
  for (let to = 0; to < result.length; to++) {
    result[to] = data[from]!;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      from += strides[axis]!;
      if (++index[axis]! < shape[axis]!) break;
      from -= strides[axis]! * shape[axis]!;
      index[axis] = 0;
    }
  }
  return result;
}

/** The elements stretched to a shape by broadcasting. */
export function stretch({ data, shape }: Values, to: readonly number[]): Float64Array {
  const strides = stridesOf(shape);
  const missing = to.length - shape.length;
  return gather(
    data,
    to,
    to.map((_, axis) => ((shape[axis - missing] ?? 1) === 1 ? 0 : strides[axis - missing]!)),
  );
}
