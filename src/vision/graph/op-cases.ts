import type { Node } from './graph.ts';
import { apply, constant, input } from './graph.ts';
import type { Attributes, OpName } from './rule.ts';
import type { Dtype, Tensor } from './tensor.ts';
import { elements, tensorOf } from './tensor.ts';

/** One use of an operation, for the tests that go through all of them. */
export interface OpCase<O extends OpName = OpName> {
  readonly inputs: readonly (readonly number[])[];
  readonly attributes: Attributes[O];
  /** Range of the inputs' elements, -2 to 2 if not given. */
  readonly range?: readonly [number, number];
  /** What comes after the inputs and is part of the graph. */
  readonly constants?: readonly Tensor[];
}

const plain = (...inputs: readonly (readonly number[])[]) => ({ inputs, attributes: {} });
const broadcasts = [
  plain([2, 3], [2, 3]),
  plain([2, 3], [3]),
  plain([1], [2, 3]),
  plain([2, 1, 3], [4, 1]),
  plain([], [2]),
];
const window = { strides: [1, 1], pads: [0, 0, 0, 0], dilations: [1, 1], group: 1 } as const;
const positive = [0.5, 3] as const;

/** At least one use of every operation; an operation without one does not compile. */
const opCases: { readonly [O in OpName]: readonly OpCase<O>[] } = {
  Add: broadcasts,
  Sub: broadcasts,
  Mul: broadcasts,
  Div: broadcasts.map((each) => ({ ...each, range: positive })),
  Min: broadcasts,
  Max: broadcasts,
  Greater: broadcasts,
  Neg: [plain([2, 3])],
  Exp: [plain([2, 3])],
  Log: [{ ...plain([2, 3]), range: positive }],
  Sqrt: [{ ...plain([2, 3]), range: positive }],
  Relu: [plain([4, 5])],
  Sigmoid: [plain([4, 5]), { ...plain([7]), range: [-40, 40] }],
  Softplus: [plain([4, 5]), { ...plain([7]), range: [-40, 40] }],
  Identity: [plain([3])],
  Cast: [
    { inputs: [[2, 3]], attributes: { to: 'float32' } },
    { inputs: [[2, 3]], attributes: { to: 'int32' } },
    { inputs: [[2, 3]], attributes: { to: 'bool' } },
  ],
  ReduceSum: [
    { inputs: [[2, 3, 4]], attributes: { axes: [1], keepdims: false } },
    { inputs: [[2, 3, 4]], attributes: { axes: [0, 2], keepdims: true } },
    { inputs: [[2, 3]], attributes: { axes: [0, 1], keepdims: false } },
  ],
  ReduceMean: [
    { inputs: [[2, 3, 4]], attributes: { axes: [2], keepdims: false } },
    { inputs: [[2, 3, 4]], attributes: { axes: [0, 1], keepdims: true } },
  ],
  Softmax: [
    { inputs: [[3, 4]], attributes: { axis: 1 } },
    { inputs: [[2, 3, 4]], attributes: { axis: 1 }, range: [-50, 50] },
  ],
  LogSoftmax: [
    { inputs: [[3, 4]], attributes: { axis: 1 } },
    { inputs: [[3, 4]], attributes: { axis: 0 }, range: [-50, 50] },
  ],
  GlobalAveragePool: [plain([2, 3, 4, 5])],
  MatMul: [plain([3, 4], [4, 2]), plain([2, 3, 4], [4, 5]), plain([5, 1, 3, 4], [2, 4, 2])],
  Transpose: [
    { inputs: [[2, 3]], attributes: { perm: [1, 0] } },
    { inputs: [[2, 3, 4, 5]], attributes: { perm: [2, 0, 3, 1] } },
  ],
  Reshape: [
    { inputs: [[2, 6]], attributes: { shape: [3, 2, 2] } },
    { inputs: [[2, 1]], attributes: { shape: [2] } },
  ],
  Flatten: [
    { inputs: [[2, 3, 4]], attributes: { axis: 1 } },
    { inputs: [[2, 3, 4]], attributes: { axis: 2 } },
  ],
  Expand: [
    { inputs: [[2, 1, 3]], attributes: { shape: [2, 4, 3] } },
    { inputs: [[3]], attributes: { shape: [2, 3] } },
  ],
  Concat: [
    {
      inputs: [
        [2, 3],
        [2, 1],
        [2, 4],
      ],
      attributes: { axis: 1 },
    },
    {
      inputs: [
        [2, 3],
        [1, 3],
      ],
      attributes: { axis: 0 },
    },
  ],
  Slice: [
    { inputs: [[4, 5]], attributes: { starts: [1, 0], ends: [3, 5], steps: [1, 1] } },
    { inputs: [[7, 9]], attributes: { starts: [1, 2], ends: [7, 9], steps: [3, 2] } },
    { inputs: [[6, 4]], attributes: { starts: [0, 1], ends: [6, 2], steps: [2, 3] } },
  ],
  Pad: [{ inputs: [[2, 3]], attributes: { before: [1, 0], after: [0, 2] } }],
  Gather: [
    { inputs: [[3, 4]], attributes: { axis: 0 }, constants: [tensorOf('int64', [2], [2, 0])] },
    { inputs: [[3, 4, 2]], attributes: { axis: 1 }, constants: [tensorOf('int64', [2, 2], [3, -1, 0, 1])] },
    { inputs: [[3, 4]], attributes: { axis: 1 }, constants: [tensorOf('int32', [], [1])] },
  ],
  GatherND: [
    { inputs: [[3, 4]], attributes: {}, constants: [tensorOf('int64', [2, 2], [2, 3, 0, -1])] },
    { inputs: [[3, 4, 2]], attributes: {}, constants: [tensorOf('int64', [3, 1], [1, 0, 2])] },
  ],
  NonMaxSuppression: [
    {
      inputs: [
        [1, 40, 4],
        [1, 2, 40],
      ],
      range: [0, 1],
      attributes: { most: 10, overlap: 0.2, leastScore: 0.3 },
    },
    {
      inputs: [
        [2, 7, 4],
        [2, 1, 7],
      ],
      range: [0, 1],
      attributes: { most: 3, overlap: 0.5, leastScore: 0.1 },
    },
  ],
  Conv: [
    { inputs: [[2, 3, 5, 6], [4, 3, 3, 3], [4]], attributes: { ...window, pads: [1, 1, 1, 1] } },
    { inputs: [[2, 3, 8, 8], [4, 3, 3, 3], [4]], attributes: { ...window, strides: [2, 2], pads: [1, 1, 1, 1] } },
    {
      inputs: [
        [1, 4, 7, 6],
        [6, 2, 3, 2],
      ],
      attributes: { ...window, group: 2, strides: [2, 1], pads: [0, 1, 2, 0] },
    },
    {
      inputs: [[2, 4, 9, 9], [4, 1, 3, 3], [4]],
      attributes: { ...window, group: 4, dilations: [2, 2], pads: [2, 2, 2, 2] },
    },
    {
      inputs: [
        [2, 3, 6, 5],
        [5, 3, 1, 1],
      ],
      attributes: { ...window, strides: [2, 2] },
    },
    {
      inputs: [
        [1, 4, 6, 5],
        [6, 2, 3, 2],
      ],
      attributes: { ...window, group: 2, pads: [1, 0, 2, 1] },
    },
    // The last window ends before the image does; the image is small against the weights.
    {
      inputs: [
        [2, 4, 8, 9],
        [4, 1, 3, 2],
      ],
      attributes: { ...window, group: 4, strides: [3, 2], pads: [0, 1, 0, 0] },
    },
    { inputs: [[2, 3, 4, 3], [6, 3, 3, 3], [6]], attributes: { ...window, strides: [2, 1], pads: [1, 0, 0, 2] } },
  ],
  ConvTranspose: [
    { inputs: [[2, 3, 4, 5], [3, 2, 3, 3], [2]], attributes: { ...window, pads: [1, 1, 1, 1], outputPadding: [0, 0] } },
    {
      inputs: [
        [1, 4, 3, 3],
        [4, 2, 3, 2],
      ],
      attributes: { ...window, strides: [2, 3], pads: [1, 0, 0, 1], group: 2, outputPadding: [1, 2] },
    },
    {
      inputs: [[1, 2, 3, 4], [2, 1, 2, 2], [2]],
      attributes: { ...window, dilations: [2, 2], group: 2, outputPadding: [0, 0] },
    },
  ],
  AveragePool: [
    {
      inputs: [[2, 3, 6, 6]],
      attributes: { kernel: [2, 2], strides: [2, 2], pads: [0, 0, 0, 0], countIncludePad: false },
    },
    {
      inputs: [[1, 2, 7, 5]],
      attributes: { kernel: [3, 2], strides: [2, 1], pads: [1, 0, 1, 1], countIncludePad: false },
    },
    {
      inputs: [[1, 2, 7, 5]],
      attributes: { kernel: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1], countIncludePad: true },
    },
  ],
};

/** The next of a row of numbers in 0..1 that looks random and is always the same: Park and Miller's generator. */
export function numbersFrom(seed: number): () => number {
  let state = seed % 2147483647 || 1;
  return () => {
    state = (state * 48271) % 2147483647;
    return state / 2147483647;
  };
}

/** A case made into nodes of an element type, with what to feed. */
export interface PreparedCase {
  readonly name: string;
  readonly inputs: readonly Node[];
  readonly result: Node;
  readonly feeds: Readonly<Record<string, Tensor>>;
}

function prepare<O extends OpName>(
  op: O,
  { inputs, attributes, range: [low, high] = [-2, 2], constants = [] }: OpCase<O>,
  dtype: Dtype,
): PreparedCase {
  const next = numbersFrom(inputs.length + elements(inputs[0]!));
  const nodes: Node[] = inputs.map((shape, i) => input(`x${i}`, dtype, shape));
  const feeds = inputs.map((shape, i) => {
    const values = Float64Array.from({ length: elements(shape) }, () => low + (high - low) * next());
    return [`x${i}`, tensorOf(dtype, shape, values)] as const;
  });
  const name = `${op} ${inputs.map((shape) => `[${shape}]`).join(' ')} ${JSON.stringify(attributes)}`;
  return {
    name,
    inputs: nodes,
    result: apply(op, [...nodes, ...constants.map(constant)], attributes),
    feeds: Object.fromEntries(feeds),
  };
}

/** Every case of every operation. */
export function preparedCases(dtype: Dtype): PreparedCase[] {
  return (Object.keys(opCases) as OpName[]).flatMap(<O extends OpName>(op: O) =>
    opCases[op].map((each) => prepare(op, each, dtype)),
  );
}

/** A constant of seeded numbers in -1..1. */
export function noise(dtype: Dtype, shape: readonly number[], seed: number): Node {
  const next = numbersFrom(seed);
  return constant(
    tensorOf(
      dtype,
      shape,
      Float64Array.from({ length: elements(shape) }, () => 2 * next() - 1),
    ),
  );
}
