import { AppError, expected } from '../../base/errors.ts';
import type { Dtype } from './tensor.ts';

/**
 * The size of one axis: a number, or a name for a size known only when the graph runs (`N`). Two names are equal sizes
 * when they are the same text; sizes computed from a name are written out as text and otherwise opaque.
 */
export type Dim = number | string;

/** Sizes of all axes, outermost first. */
export type Shape = readonly Dim[];

/** What is known of a value before it is computed. */
export interface TensorType {
  readonly dtype: Dtype;
  readonly shape: Shape;
}

/** A graph that cannot be: the message says what was expected. */
export const badGraph = (what: string, name: string, received: unknown): AppError =>
  new AppError('BadGraph', expected(what, name, received));

/** A shape as messages show it: `[N, 3, 160, 160]`. */
export const shapeText = (shape: Shape): string => `[${shape.join(', ')}]`;

/** Whether the two shapes are the same, axis by axis. */
export const sameShape = (a: Shape, b: Shape): boolean =>
  a.length === b.length && a.every((size, axis) => size === b[axis]);

/**
 * The shape two operands have together by the rule of ONNX (and numpy): axes are aligned at the end, a size of 1
 * stretches. Two sizes of which one is a name are taken to be equal, as they must be when the graph runs.
 * @throws AppError `BadGraph` when they cannot.
 */
export function broadcast(a: Shape, b: Shape, name: string): Shape {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, axis) => {
    const x = a[a.length - rank + axis] ?? 1;
    const y = b[b.length - rank + axis] ?? 1;
    if (x === 1) return y;
    if (y === 1 || x === y || typeof y === 'string') return x;
    if (typeof x === 'string') return y;
    throw badGraph('shapes that broadcast', name, `${shapeText(a)} and ${shapeText(b)}`);
  });
}

/**
 * An axis counted from the front, from one that may be negative (counted from the end).
 * @throws AppError `BadGraph` outside the rank.
 */
export function axisOf(axis: number, rank: number, name: string): number {
  const positive = axis < 0 ? axis + rank : axis;
  if (!Number.isInteger(positive) || positive < 0 || positive >= rank)
    throw badGraph(`an axis of rank ${rank}`, name, axis);
  return positive;
}

/** The same for several, in rising order and without repetition; none at all means every axis. */
export function axesOf(axes: readonly number[], rank: number, name: string): readonly number[] {
  const all =
    axes.length === 0 ? Array.from({ length: rank }, (_, axis) => axis) : axes.map((axis) => axisOf(axis, rank, name));
  return [...new Set(all)].sort((a, b) => a - b);
}

/** The shape as numbers. @throws AppError `BadGraph` when a size is known by name only. */
export function fixedShape(shape: Shape, name: string): readonly number[] {
  const sizes = shape.filter((size) => typeof size === 'number');
  if (sizes.length !== shape.length) throw badGraph('sizes known beforehand', name, shapeText(shape));
  return sizes;
}

/** The product of sizes; names are joined by `*` in order. 1 for none. */
export function product(shape: Shape): Dim {
  const number = shape.reduce<number>((total, size) => (typeof size === 'number' ? total * size : total), 1);
  const names = shape.filter((size) => typeof size === 'string');
  if (names.length === 0 || number === 0) return number;
  return number === 1 ? names.join('*') : `${number}*${names.join('*')}`;
}

/** How a window moves over one axis. */
export interface Sliding {
  readonly kernel: number;
  readonly stride: number;
  readonly dilation: number;
  /** Zeros before and after, together. */
  readonly padding: number;
}

/**
 * How many places the window takes: floor((size + padding - ((kernel - 1) dilation + 1)) / stride) + 1.
 * @throws AppError `BadGraph` if none.
 */
export function slide(size: Dim, { kernel, stride, dilation, padding }: Sliding, name: string): Dim {
  const steps = [kernel, stride, dilation, padding + 1];
  if (steps.some((step) => !Number.isInteger(step) || step < 1))
    throw badGraph('a window that moves', name, shapeText(steps));
  const reach = (kernel - 1) * dilation + 1;
  if (typeof size === 'string')
    return reach === 1 + padding && stride === 1 ? size : `⌊(${size}+${padding - reach})/${stride}⌋+1`;
  const places = Math.floor((size + padding - reach) / stride) + 1;
  if (places < 1) throw badGraph(`at least ${reach - padding} positions`, name, size);
  return places;
}
