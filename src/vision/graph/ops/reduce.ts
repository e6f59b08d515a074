import type { Attributes, OnnxForm, OnnxSource, Reduction, Rule, Rules, Values } from '../rule.ts';
import { plainForm } from '../rule.ts';
import type { TensorType } from '../shapes.ts';
import { axesOf, axisOf, badGraph } from '../shapes.ts';
import { tensorOf } from '../tensor.ts';
import { gather, stridesOf } from './gather.ts';

function reduced({ dtype, shape }: TensorType, { axes, keepdims }: Reduction): TensorType {
  const gone = new Set(axes);
  return {
    dtype,
    shape: keepdims
      ? shape.map((size, axis) => (gone.has(axis) ? 1 : size))
      : shape.filter((_, axis) => !gone.has(axis)),
  };
}

/** Sums over `axes`: the kept axes are brought to the front, so that each sum is over one run of neighbours. */
function sums(
  { data, shape }: Values,
  axes: readonly number[],
): { readonly totals: Float64Array; readonly count: number } {
  const strides = stridesOf(shape);
  const order = [...shape.keys()].sort((a, b) => Number(axes.includes(a)) - Number(axes.includes(b)) || a - b);
  const count = axes.reduce((total, axis) => total * shape[axis]!, 1);
  const moved = gather(
    data,
    order.map((axis) => shape[axis]!),
    order.map((axis) => strides[axis]!),
  );
  const totals = Float64Array.from({ length: count === 0 ? 0 : moved.length / count }, (_, row) => {
    let total = 0;
    for (let i = row * count; i < (row + 1) * count; i++) total += moved[i]!;
    return total;
  });
  return { totals, count };
}

/** Axes as an attribute, or since `operandSince` as the second input. */
const readReduction = (operandSince: number) => (node: OnnxSource) => {
  const given = node.opset >= operandSince ? node.operand(1) : node.ints('axes');
  if ((given ?? []).length === 0 && node.int('noop_with_empty_axes')) throw node.unsupported('it reduces nothing');
  return {
    axes: axesOf(given ?? [], node.inputs[0]!.shape.length, 'the axes'),
    keepdims: (node.int('keepdims') ?? 1) === 1,
  };
};

const normalised = (name: string, finish: (row: Float64Array) => Float64Array): Rule<Attributes['Softmax']> => ({
  arity: [1, 1],
  infer([x], { axis }) {
    axisOf(axis, x!.shape.length, name);
    return x!;
  },
  evaluate([x], { axis }, shape) {
    const size = shape[axis]!;
    const step = stridesOf(shape)[axis]!;
    const result = new Float64Array(x!.data.length);
    for (let start = 0; start < result.length; start++) {
      if (Math.floor(start / step) % size !== 0) continue;
      const row = finish(Float64Array.from({ length: size }, (_, i) => x!.data[start + i * step]!));
      for (let i = 0; i < size; i++) result[start + i * step] = row[i]!;
    }
    return result;
  },
  onnx: normalisedForm,
});

/** Before operator set 13 the axes from `axis` on were normalised together: the same only where it is the last. */
const normalisedForm: OnnxForm<Attributes['Softmax']> = {
  read(node) {
    const rank = node.inputs[0]!.shape.length;
    const axis = axisOf(node.int('axis') ?? (node.opset < 13 ? 1 : -1), rank, 'the axis');
    if (node.opset < 13 && axis !== rank - 1)
      throw node.unsupported('before operator set 13 its axis must be the last');
    return { axis };
  },
  write: ({ axis }) => ({ attributes: { axis } }),
};

function logSumExp(row: Float64Array): number {
  const top = row.reduce((a, b) => Math.max(a, b), -Infinity);
  return top + Math.log(row.reduce((total, value) => total + Math.exp(value - top), 0));
}

/** Operations that sum over axes. */
export const reduce: Rules<'ReduceSum' | 'ReduceMean' | 'Softmax' | 'LogSoftmax' | 'GlobalAveragePool'> = {
  ReduceSum: {
    arity: [1, 1],
    infer: ([x], attributes) => reduced(x!, attributes),
    evaluate: ([x], { axes }) => sums(x!, axes).totals,
    onnx: {
      operandsFrom: 1,
      read: readReduction(13),
      write: ({ axes, keepdims }) => ({
        attributes: { keepdims: keepdims ? 1 : 0 },
        operands: [tensorOf('int64', [axes.length], axes)],
      }),
    },
  },
  ReduceMean: {
    arity: [1, 1],
    infer: ([x], attributes) => reduced(x!, attributes),
    evaluate([x], { axes }) {
      const { totals, count } = sums(x!, axes);
      return totals.map((total) => total / count);
    },
    onnx: {
      operandsFrom: 1,
      read: readReduction(18),
      write: ({ axes, keepdims }) => ({ attributes: { axes, keepdims: keepdims ? 1 : 0 } }),
    },
  },
  Softmax: normalised('Softmax', (row) => {
    const total = logSumExp(row);
    return row.map((value) => Math.exp(value - total));
  }),
  LogSoftmax: normalised('LogSoftmax', (row) => {
    const total = logSumExp(row);
    return row.map((value) => value - total);
  }),
  GlobalAveragePool: {
    arity: [1, 1],
    infer([x]) {
      if (x!.shape.length !== 4) throw badGraph('[N, C, H, W]', 'GlobalAveragePool', x!.shape.length);
      return { dtype: x!.dtype, shape: [...x!.shape.slice(0, 2), 1, 1] };
    },
    evaluate([x]) {
      const { totals, count } = sums(x!, [2, 3]);
      return totals.map((total) => total / count);
    },
    onnx: plainForm,
  },
};
