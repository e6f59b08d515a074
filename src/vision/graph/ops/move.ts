import type { OnnxSource, Rules } from '../rule.ts';
import { sharedDtype } from '../rule.ts';
import type { Dim, Shape } from '../shapes.ts';
import { axesOf, axisOf, badGraph, broadcast, fixedShape, product, sameShape, shapeText } from '../shapes.ts';
import type { Tensor } from '../tensor.ts';
import { tensorOf } from '../tensor.ts';
import { gather, stretch, stridesOf } from './gather.ts';

const copy = ([x]: readonly { readonly data: ArrayLike<number> }[]): Float64Array => Float64Array.from(x!.data);
const operand = (values: readonly number[]): Tensor => tensorOf('int64', [values.length], values);

/** The size the one free place of `target` must have so that it holds what `from` holds. */
function remainder(from: Shape, target: Shape, free: number): Dim {
  const rest = target.filter((_, place) => place !== free);
  const [total, taken] = [product(from), product(rest)];
  if (typeof total === 'number' && typeof taken === 'number' && taken > 0 && total % taken === 0) return total / taken;
  // One named size on each side: what remains is that name when the numbers agree.
  const names = from.filter((size) => typeof size === 'string');
  const numbers = from.filter((size) => typeof size === 'number');
  if (names.length === 1 && typeof taken === 'number' && product(numbers) === taken) return names[0]!;
  throw badGraph(`a shape as large as ${shapeText(from)}`, 'Reshape', shapeText(target));
}

/** What ONNX writes as 0 (as the input has it) and -1 (whatever remains), resolved. */
function readReshape(node: OnnxSource): Shape {
  const from = node.inputs[0]!.shape;
  const given = node.operand(1);
  if (!given || node.int('allowzero')) throw node.unsupported('its shape must be given, without allowzero');
  const target = given.map((size, axis): Dim => (size === 0 ? (from[axis] ?? 0) : size));
  const free = target.indexOf(-1);
  return free < 0 ? target : target.with(free, remainder(from, target, free));
}

/** Starts, ends and steps for every axis from ONNX's, which name some axes, count from the end and reach beyond it. */
function readSlice(node: OnnxSource) {
  const shape = node.inputs[0]!.shape;
  const setting = (name: string, position: number) => (node.opset < 10 ? node.ints(name) : node.operand(position));
  const [starts, ends] = [setting('starts', 1), setting('ends', 2)];
  if (!starts || !ends) throw node.unsupported('its starts and ends must be given');
  const axes = (setting('axes', 3) ?? starts.map((_, i) => i)).map((axis) => axisOf(axis, shape.length, 'Slice'));
  const steps = (node.opset < 10 ? undefined : node.operand(4)) ?? starts.map(() => 1);
  const bounds = shape.map((size, axis) => {
    const at = axes.indexOf(axis);
    if (at < 0) return { start: 0, end: typeof size === 'number' ? size : Number.MAX_SAFE_INTEGER, step: 1 };
    if (typeof size !== 'number') throw node.unsupported(`it cuts an axis of unknown size ${size}`);
    const clamp = (value: number) => Math.min(Math.max(value < 0 ? value + size : value, 0), size);
    return { start: clamp(starts[at]!), end: clamp(ends[at]!), step: steps[at]! };
  });
  if (bounds.some(({ step }) => step < 1)) throw node.unsupported('its steps must be positive');
  return {
    starts: bounds.map(({ start }) => start),
    ends: bounds.map(({ end }) => end),
    steps: bounds.map(({ step }) => step),
  };
}

/** Operations that arrange elements anew without computing. */
export const move: Rules<'Transpose' | 'Reshape' | 'Flatten' | 'Expand' | 'Concat' | 'Slice' | 'Pad'> = {
  Transpose: {
    arity: [1, 1],
    infer([x], { perm }) {
      if (!sameShape(axesOf(perm, perm.length, 'Transpose'), [...x!.shape.keys()])) {
        throw badGraph(`an order of ${x!.shape.length} axes`, 'Transpose', shapeText(perm));
      }
      return { dtype: x!.dtype, shape: perm.map((axis) => x!.shape[axis]!) };
    },
    evaluate([x], { perm }, shape) {
      const strides = stridesOf(x!.shape);
      return gather(
        x!.data,
        shape,
        perm.map((axis) => strides[axis]!),
      );
    },
    onnx: {
      read: (node) => ({ perm: node.ints('perm') ?? [...node.inputs[0]!.shape.keys()].reverse() }),
      write: ({ perm }) => ({ attributes: { perm } }),
    },
  },
  Reshape: {
    arity: [1, 1],
    infer([x], { shape }) {
      const free = shape.findIndex((size) => typeof size === 'string');
      const result = free < 0 ? shape : shape.with(free, remainder(x!.shape, shape, free));
      if (product(result) !== product(x!.shape)) {
        throw badGraph(`a shape as large as ${shapeText(x!.shape)}`, 'Reshape', shapeText(shape));
      }
      return { dtype: x!.dtype, shape: result };
    },
    evaluate: copy,
    onnx: {
      operandsFrom: 1,
      read: (node) => ({ shape: readReshape(node) }),
      write: ({ shape }) => ({ operands: [operand(shape.map((size) => (typeof size === 'number' ? size : -1)))] }),
    },
  },
  Flatten: {
    arity: [1, 1],
    infer: ([x], { axis }) => ({
      dtype: x!.dtype,
      shape: [product(x!.shape.slice(0, axis)), product(x!.shape.slice(axis))],
    }),
    evaluate: copy,
    onnx: {
      read(node) {
        const axis = node.int('axis') ?? 1;
        return { axis: axis < 0 ? axis + node.inputs[0]!.shape.length : axis };
      },
      write: ({ axis }) => ({ attributes: { axis } }),
    },
  },
  Expand: {
    arity: [1, 1],
    infer([x], { shape }) {
      if (!sameShape(broadcast(x!.shape, shape, 'Expand'), shape))
        throw badGraph(shapeText(shape), 'Expand', shapeText(x!.shape));
      return { dtype: x!.dtype, shape };
    },
    evaluate: ([x], _, shape) => stretch(x!, shape),
    onnx: {
      operandsFrom: 1,
      read(node) {
        const shape = node.operand(1);
        if (!shape) throw node.unsupported('its shape must be given');
        return { shape: fixedShape(broadcast(node.inputs[0]!.shape, shape, 'Expand'), 'Expand') };
      },
      write: ({ shape }) => ({ operands: [operand(shape)] }),
    },
  },
  Concat: {
    arity: [1, Number.POSITIVE_INFINITY],
    infer(inputs, { axis }) {
      const shape = inputs[0]!.shape;
      axisOf(axis, shape.length, 'Concat');
      for (const other of inputs) {
        if (!sameShape(other.shape.with(axis, 0), shape.with(axis, 0))) {
          throw badGraph(`${shapeText(shape)} but for axis ${axis}`, 'Concat', shapeText(other.shape));
        }
      }
      const sizes = inputs.map((input) => input.shape[axis]!);
      const total = sizes.every((size) => typeof size === 'number')
        ? sizes.reduce((a, b) => a + b, 0)
        : sizes.join('+');
      return { dtype: sharedDtype(inputs, 'Concat'), shape: shape.with(axis, sizes.length === 1 ? sizes[0]! : total) };
    },
    evaluate(inputs, { axis }, shape) {
      const result = new Float64Array(shape.reduce((total, size) => total * size, 1));
      const rows = shape.slice(0, axis).reduce((total, size) => total * size, 1);
      const width = rows === 0 ? 0 : result.length / rows;
      let at = 0;
      for (const { data } of inputs) {
        const part = rows === 0 ? 0 : data.length / rows;
        for (let i = 0; i < data.length; i++) result[Math.floor(i / part) * width + at + (i % part)] = data[i]!;
        at += part;
      }
      return result;
    },
    onnx: {
      read: (node) => ({ axis: axisOf(node.int('axis') ?? 1, node.inputs[0]!.shape.length, 'Concat') }),
      write: ({ axis }) => ({ attributes: { axis } }),
    },
  },
  Slice: {
    arity: [1, 1],
    infer: ([x], { starts, ends, steps }) => ({
      dtype: x!.dtype,
      shape: x!.shape.map((size, axis) => {
        const [start, end, step] = [starts[axis]!, ends[axis]!, steps[axis]!];
        if (typeof size === 'string') {
          if (start === 0 && step === 1 && end === Number.MAX_SAFE_INTEGER) return size;
          throw badGraph('a size known beforehand', 'Slice', size);
        }
        return Math.max(0, Math.ceil((Math.min(end, size) - start) / step));
      }),
    }),
    evaluate([x], { starts, steps }, shape) {
      const strides = stridesOf(x!.shape);
      const offset = strides.reduce((total, stride, axis) => total + stride * starts[axis]!, 0);
      return gather(
        x!.data,
        shape,
        strides.map((stride, axis) => stride * steps[axis]!),
        offset,
      );
    },
    onnx: {
      operandsFrom: 1,
      read: readSlice,
      write: ({ starts, ends, steps }) => ({
        operands: [operand(starts), operand(ends), operand([...starts.keys()]), operand(steps)],
      }),
    },
  },
  Pad: {
    arity: [1, 1],
    infer: ([x], { before, after }) => ({
      dtype: x!.dtype,
      shape: x!.shape.map((size, axis) => {
        const added = before[axis]! + after[axis]!;
        if (added === 0) return size;
        return typeof size === 'number' ? size + added : `${size}+${added}`;
      }),
    }),
    evaluate([x], { before }, shape) {
      const result = new Float64Array(shape.reduce((total, size) => total * size, 1));
      const strides = stridesOf(shape);
      const offset = strides.reduce((total, stride, axis) => total + stride * before[axis]!, 0);
      const places = gather(Float64Array.from(result.keys()), x!.shape, strides, offset);
      places.forEach((place, i) => {
        result[place] = x!.data[i]!;
      });
      return result;
    },
    onnx: {
      operandsFrom: 1,
      read(node) {
        const rank = node.inputs[0]!.shape.length;
        const pads = node.opset < 11 ? node.ints('pads') : node.operand(1);
        const value = node.opset < 11 ? node.float('value') : node.operand(2)?.[0];
        const plain =
          (node.text('mode') ?? 'constant') === 'constant' && (value ?? 0) === 0 && pads?.every((size) => size >= 0);
        if (!pads || pads.length !== 2 * rank || !plain) throw node.unsupported('it must add zeros around all axes');
        return { before: pads.slice(0, rank), after: pads.slice(rank) };
      },
      write: ({ before, after }) => ({ operands: [operand([...before, ...after])] }),
    },
  },
};
