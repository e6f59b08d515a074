import { elements, type Tensor, tensor } from './tensor.ts';

/** Names and shapes of float32 weights, in the order in which their numbers lie. */
export type WeightList = readonly (readonly [name: string, shape: readonly number[]])[];

/** What there is to be written of weights by name. */
export const listWeights = (weights: Readonly<Record<string, Tensor>>): WeightList =>
  Object.entries(weights).map(([name, { shape }]) => [name, shape]);

/** How many numbers they are together. */
export const countWeights = (list: WeightList): number => list.reduce((sum, [, shape]) => sum + elements(shape), 0);

/** Writes their numbers one after the other. */
export function writeWeights(weights: Readonly<Record<string, Tensor>>, into: Float32Array): void {
  let at = 0;
  for (const { data } of Object.values(weights)) {
    into.set(data as Float32Array, at);
    at += data.length;
  }
}

/**
 * Reads the weights of a list from bytes that hold exactly their numbers, little-endian; these are copied out, into memory
 * that threads share. `undefined` when one is not finite.
 */
export function readWeights(list: WeightList, bytes: Uint8Array): Record<string, Tensor> | undefined {
  const numbers = new Float32Array(new SharedArrayBuffer(bytes.length));
  new Uint8Array(numbers.buffer).set(bytes);
  if (!numbers.every(Number.isFinite)) return undefined;
  let at = 0;
  return Object.fromEntries(
    list.map(([name, shape]) => {
      const from = at;
      at += elements(shape);
      return [name, tensor('float32', shape, numbers.subarray(from, at))] as const;
    }),
  );
}

/** Whether a value read from JSON is such a list. */
export const isWeightList = (value: unknown): value is WeightList =>
  Array.isArray(value) &&
  value.every(
    (one) =>
      Array.isArray(one) &&
      typeof one[0] === 'string' &&
      Array.isArray(one[1]) &&
      one[1].every((size) => Number.isSafeInteger(size) && size > 0),
  );
