import { AppError, expected } from '../../base/errors.ts';

/** The element types we compute with, and the array each is kept in. `bool` is a byte, 0 or 1. */
export interface Arrays {
  readonly float64: Float64Array;
  readonly float32: Float32Array;
  readonly float16: Float16Array;
  readonly int64: BigInt64Array;
  readonly int32: Int32Array;
  readonly uint8: Uint8Array;
  readonly bool: Uint8Array;
}

/** The name of an element type. */
export type Dtype = keyof Arrays;

/** Numbers in a box: `data` holds the elements in row-major order, as many as the product of `shape`. */
export interface Tensor<D extends Dtype = Dtype> {
  readonly dtype: D;
  readonly shape: readonly number[];
  readonly data: Arrays[D];
}

const constructors = {
  float64: Float64Array,
  float32: Float32Array,
  float16: Float16Array,
  int64: BigInt64Array,
  int32: Int32Array,
  uint8: Uint8Array,
  bool: Uint8Array,
} as const;

/** Bytes of one element. */
export const bytesPerElement = (dtype: Dtype): number => constructors[dtype].BYTES_PER_ELEMENT;

/** Whether a gradient can flow through values of this type. */
export const isFloat = (dtype: Dtype): boolean => dtype === 'float64' || dtype === 'float32' || dtype === 'float16';

/** How many elements a box of this shape holds; 1 for a scalar `[]`. */
export const elements = (shape: readonly number[]): number => shape.reduce((product, size) => product * size, 1);

/**
 * A tensor around an existing array, which is not copied.
 * @throws AppError `BadGraph` when the array has another length than the shape.
 */
export function tensor<D extends Dtype>(dtype: D, shape: readonly number[], data: Arrays[D]): Tensor<D> {
  if (data.length !== elements(shape)) {
    throw new AppError(
      'BadGraph',
      expected(`${elements(shape)} elements`, `a tensor of shape [${shape}]`, data.length),
    );
  }
  return { dtype, shape, data };
}

/**
 * A tensor of `dtype` made from plain numbers: rounded to nearest for floats, towards zero for whole numbers, 0 or 1
 * for `bool`.
 */
export function tensorOf(dtype: Dtype, shape: readonly number[], values: ArrayLike<number>): Tensor {
  return tensor(dtype, shape, arrayOf(dtype, values));
}

function arrayOf(dtype: Dtype, values: ArrayLike<number>): Arrays[Dtype] {
  if (dtype === 'int64') return BigInt64Array.from(values, (value) => BigInt(Math.trunc(value)));
  if (dtype === 'bool') return Uint8Array.from(values, (value) => (value === 0 ? 0 : 1));
  return constructors[dtype].from(values);
}

/** The elements as plain numbers. 64-bit integers beyond 2^53 lose their last digits. Not copied unless `int64`. */
export const numbersOf = (value: Tensor): ArrayLike<number> =>
  value.dtype === 'int64' ? Float64Array.from(value.data as BigInt64Array, Number) : (value.data as ArrayLike<number>);

/** The elements as little-endian bytes, without a copy. */
export const bytesOf = (value: Tensor): Uint8Array =>
  new Uint8Array(value.data.buffer, value.data.byteOffset, value.data.byteLength);

/**
 * The inverse of {@link bytesOf}, into memory of its own.
 * @throws AppError `BadGraph` when the bytes are too many or too few.
 */
export function tensorFromBytes(dtype: Dtype, shape: readonly number[], bytes: Uint8Array): Tensor {
  const wanted = elements(shape) * bytesPerElement(dtype);
  if (bytes.length !== wanted) {
    throw new AppError('BadGraph', expected(`${wanted} bytes`, `a ${dtype} tensor of shape [${shape}]`, bytes.length));
  }
  return tensor(dtype, shape, new constructors[dtype](Uint8Array.from(bytes).buffer) as Arrays[Dtype]);
}
