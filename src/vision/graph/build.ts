import type { Node } from './graph.ts';
import { apply, constant } from './graph.ts';
import type { Attributes } from './rule.ts';
import { axesOf, axisOf } from './shapes.ts';
import { tensorOf } from './tensor.ts';

/** A value, or a number that stands for a scalar of the other operand's type. */
export type Operand = Node | number;

/** A scalar constant of the element type of `like`. */
export const scalar = (value: number, like: Node): Node => constant(tensorOf(like.dtype, [], [value]));

const nodes = (a: Operand, b: Operand): readonly [Node, Node] => {
  if (typeof a !== 'number') return [a, typeof b === 'number' ? scalar(b, a) : b];
  if (typeof b !== 'number') return [scalar(a, b), b];
  throw new TypeError('expected at least one node but received two numbers');
};

/** a + b */
export const add = (a: Operand, b: Operand): Node => apply('Add', nodes(a, b), {});
/** a - b */
export const sub = (a: Operand, b: Operand): Node => apply('Sub', nodes(a, b), {});
/** a b, element by element */
export const mul = (a: Operand, b: Operand): Node => apply('Mul', nodes(a, b), {});
/** a / b */
export const div = (a: Operand, b: Operand): Node => apply('Div', nodes(a, b), {});
/** The smaller of a and b. */
export const min = (a: Operand, b: Operand): Node => apply('Min', nodes(a, b), {});
/** The larger of a and b. */
export const max = (a: Operand, b: Operand): Node => apply('Max', nodes(a, b), {});
/** Whether a > b: `bool`. */
export const greater = (a: Operand, b: Operand): Node => apply('Greater', nodes(a, b), {});
/** -x */
export const neg = (x: Node): Node => apply('Neg', [x], {});
/** e^x */
export const exp = (x: Node): Node => apply('Exp', [x], {});
/** Natural logarithm. */
export const log = (x: Node): Node => apply('Log', [x], {});
/** Square root. */
export const sqrt = (x: Node): Node => apply('Sqrt', [x], {});
/** max(x, 0) */
export const relu = (x: Node): Node => apply('Relu', [x], {});
/** 1 / (1 + e^-x) */
export const sigmoid = (x: Node): Node => apply('Sigmoid', [x], {});
/** log(1 + e^x) */
export const softplus = (x: Node): Node => apply('Softplus', [x], {});
/** The same values as another element type. */
export const cast = (x: Node, to: Attributes['Cast']['to']): Node => (x.dtype === to ? x : apply('Cast', [x], { to }));
/** [..., m, k] · [..., k, n] */
export const matMul = (a: Node, b: Node): Node => apply('MatMul', [a, b], {});
/** Probabilities along an axis, the last one if not said. */
export const softmax = (x: Node, axis = -1): Node =>
  apply('Softmax', [x], { axis: axisOf(axis, x.shape.length, 'Softmax') });
/** Their logarithms, without losing digits. */
export const logSoftmax = (x: Node, axis = -1): Node =>
  apply('LogSoftmax', [x], { axis: axisOf(axis, x.shape.length, 'LogSoftmax') });

const reduction = (x: Node, axes: readonly number[], keepdims: boolean) => ({
  axes: axesOf(axes, x.shape.length, 'the axes'),
  keepdims,
});
/** Sums over the axes (all if none is named); `keepdims` leaves them with size 1. */
export const reduceSum = (x: Node, axes: readonly number[] = [], keepdims = false): Node =>
  apply('ReduceSum', [x], reduction(x, axes, keepdims));
/** Means over the axes (all if none is named). */
export const reduceMean = (x: Node, axes: readonly number[] = [], keepdims = false): Node =>
  apply('ReduceMean', [x], reduction(x, axes, keepdims));

/** Axes in another order; reversed if not said. */
export const transpose = (x: Node, perm: readonly number[] = [...x.shape.keys()].reverse()): Node =>
  apply('Transpose', [x], { perm });
/** The same elements in another box. */
export const reshape = (x: Node, shape: Attributes['Reshape']['shape']): Node => apply('Reshape', [x], { shape });
/** Two axes: those before `axis` as one, the others as one. */
export const flatten = (x: Node, axis = 1): Node => apply('Flatten', [x], { axis });
/** Axes of size 1 stretched. */
export const expand = (x: Node, shape: readonly number[]): Node => apply('Expand', [x], { shape });
/** One after the other along an axis. */
export const concat = (parts: readonly Node[], axis: number): Node =>
  apply('Concat', parts, { axis: axisOf(axis, parts[0]?.shape.length ?? 0, 'Concat') });
/** Parts along an axis, in the order the whole numbers `indices` say. */
export const gather = (x: Node, indices: Node, axis: number): Node =>
  apply('Gather', [x, indices], { axis: axisOf(axis, x.shape.length, 'Gather') });
/** What is at the places that are the rows of `indices`. */
export const gatherAt = (x: Node, indices: Node): Node => apply('GatherND', [x, indices], {});
/** Zeros around: one entry per axis. */
export const pad = (x: Node, before: readonly number[], after: readonly number[]): Node =>
  apply('Pad', [x], { before, after });
/** A part: one entry per axis. */
export const slice = (
  x: Node,
  starts: readonly number[],
  ends: readonly number[],
  steps: readonly number[] = starts.map(() => 1),
): Node => apply('Slice', [x], { starts, ends, steps });
/** Means over the planes of images [N, C, H, W]: [N, C, 1, 1]. */
export const globalAveragePool = (x: Node): Node => apply('GlobalAveragePool', [x], {});
