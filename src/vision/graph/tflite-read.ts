import { AppError, expected } from '../../base/errors.ts';
import { add, flatten, matMul, max, min, mul, reduceMean, relu, reshape, softmax } from './build.ts';
import { flatbuffer, type Table } from './flatbuffer.ts';
import { apply, constant, type Graph, graph, input, type Node } from './graph.ts';
import type { Window } from './rule.ts';
import { elements, numbersOf, type Tensor, tensor, tensorOf } from './tensor.ts';

/** How a model is to be read. */
export interface TfliteReading {
  /** How many pictures at a time, and of how many pixels, if not as the file says. */
  readonly sizes?: { readonly N?: number | string; readonly H?: number; readonly W?: number };
}

// Numbers of tensorflow/lite/schema/schema.fbs (version 3a): tensor types, operators and the fields of tables.
const [float32, float16, int32, uint8, int64, int8] = [0, 1, 2, 3, 4, 9];
const operators: Readonly<Record<number, string>> = {
  0: 'ADD',
  1: 'AVERAGE_POOL_2D',
  3: 'CONV_2D',
  4: 'DEPTHWISE_CONV_2D',
  6: 'DEQUANTIZE',
  9: 'FULLY_CONNECTED',
  18: 'MUL',
  19: 'RELU',
  21: 'RELU6',
  22: 'RESHAPE',
  25: 'SOFTMAX',
  34: 'PAD',
  40: 'MEAN',
  114: 'QUANTIZE',
};

/** A value of the file: its shape there, channels last, and what it is in our graph, channels second. */
interface Value {
  readonly shape: readonly number[];
  readonly node: Node;
}

interface Operation {
  readonly name: string;
  readonly options: Table | undefined;
  /** Values and constants it takes; `undefined` where an optional one is left out. */
  value(position: number): Value;
  constant(position: number): Tensor | undefined;
  unsupported(why: string): AppError;
}

/** Whether bytes say of themselves that they are a TensorFlow Lite model. */
export const isTflite = (bytes: Uint8Array): boolean => Buffer.from(bytes.subarray(4, 8)).toString('latin1') === 'TFL3';

/**
 * Reads a TensorFlow Lite model of a network on pictures as a graph on [N, C, H, W] in float32. Quantised numbers become
 * what they stand for: scale (q - zero point), each channel with its own where it has one; that values between layers
 * were rounded is not repeated. Outputs bear the file's names.
 * @throws AppError `UnsupportedOp` naming the operator and the value it makes; `BadModel` when the bytes are something
 * else.
 */
export function readTflite(bytes: Uint8Array, { sizes = {} }: TfliteReading = {}): Graph {
  if (!isTflite(bytes))
    throw new AppError('BadModel', expected('a TensorFlow Lite model', 'the mark in bytes 4 to 7', 'another'));
  const model = flatbuffer(bytes);
  const [main] = model.tables(2);
  if (main === undefined) throw new AppError('BadModel', expected('a graph', 'the model', 'none'));
  const buffers = model.tables(4);
  const codes = model.tables(1).map((code) => Math.max(code.byte(0), code.int(3)));
  const tensors = main.tables(0);
  const values = new Map<number, Value>();
  const inputs = main.ints(1).map((at) => {
    const { 0: n, 1: h, 2: w, 3: c } = tensors[at]!.ints(0);
    const shape = [n!, sizes.H ?? h!, sizes.W ?? w!, c!];
    const node = input(tensors[at]!.text(3), 'float32', [sizes.N ?? n!, c!, shape[1]!, shape[2]!]);
    values.set(at, { shape, node });
    return node;
  });
  for (const operator of main.tables(3)) {
    const code = codes[operator.int(0)]!;
    const name = operators[code] ?? `operator ${code}`;
    const [made] = operator.ints(2);
    const taken = operator.ints(1);
    const unsupported = (why: string): AppError =>
      new AppError('UnsupportedOp', `${name}, which makes ${tensors[made!]?.text(3)}, cannot be read: ${why}`);
    const read = readers[name];
    if (read === undefined) throw unsupported('we have no such operation');
    const result = read({
      name,
      options: operator.table(4),
      unsupported,
      value(position) {
        const at = taken[position] ?? -1;
        const known = values.get(at);
        if (known) return known;
        const fixed = tensors[at] && dequantised(tensors[at], buffers);
        if (fixed === undefined) throw unsupported('it takes something that is not there');
        return { shape: fixed.shape, node: constant(fixed) };
      },
      constant(position) {
        const at = taken[position];
        return at === undefined || at === -1 || values.has(at) ? undefined : dequantised(tensors[at]!, buffers);
      },
    });
    values.set(made!, result);
  }
  const outputs = main.ints(2).map((at) => [tensors[at]!.text(3), values.get(at)!.node] as const);
  return graph(Object.fromEntries(outputs), inputs);
}

/** A constant of the file as float32 (whole numbers without a scale as int32). */
function dequantised(table: Table, buffers: readonly Table[]): Tensor | undefined {
  const bytes = Uint8Array.from(buffers[table.int(2)]?.bytes(0) ?? []);
  if (bytes.length === 0) return undefined;
  const shape = table.ints(0);
  const type = table.byte(1);
  const raw = numbersIn(bytes, type);
  if (raw === undefined || raw.length !== elements(shape))
    throw new AppError('BadModel', expected(`${elements(shape)} numbers`, table.text(3), `type ${type}`));
  const quantization = table.table(4);
  const [scales, zeros] = [quantization?.floats(2) ?? [], quantization?.longs(3) ?? []];
  if (scales.length === 0) return tensorOf(type === int32 || type === int64 ? 'int32' : 'float32', shape, raw);
  const axis = quantization!.int(6);
  const inner = elements(shape.slice(axis + 1));
  const channel = (i: number): number => (scales.length === 1 ? 0 : Math.floor(i / inner) % scales.length);
  return tensor(
    'float32',
    shape,
    Float32Array.from(raw, (q, i) => scales[channel(i)]! * (q - (zeros[channel(i)] ?? zeros[0] ?? 0))),
  );
}

function numbersIn({ buffer }: { readonly buffer: ArrayBuffer }, type: number): ArrayLike<number> | undefined {
  if (type === float32) return new Float32Array(buffer);
  if (type === float16) return new Float16Array(buffer);
  if (type === int32) return new Int32Array(buffer);
  if (type === uint8) return new Uint8Array(buffer);
  if (type === int8) return new Int8Array(buffer);
  return type === int64 ? Float64Array.from(new BigInt64Array(buffer), Number) : undefined;
}

/** The activation that is part of another operator. */
function activated(node: Node, kind: number, { unsupported }: Operation): Node {
  if (kind === 0) return node;
  if (kind === 1) return relu(node);
  if (kind === 3) return min(max(node, 0), 6);
  throw unsupported(`activation ${kind} is not known`);
}

const axisOrder = [0, 3, 1, 2] as const;

/** Channels last to channels second. */
function channelsSecond({ shape, data }: Tensor, order: readonly number[]): Tensor {
  const to = order.map((axis) => shape[axis]!);
  const steps = shape.map((_, axis) => elements(shape.slice(axis + 1)));
  const result = new Float32Array(data.length);
  for (let i = 0; i < result.length; i++) {
    let [rest, from] = [i, 0];
    for (let axis = to.length - 1; axis >= 0; axis--) {
      from += (rest % to[axis]!) * steps[order[axis]!]!;
      rest = Math.floor(rest / to[axis]!);
    }
    result[i] = data[from] as number;
  }
  return tensor('float32', to, result);
}

/** Zeros around by the rule SAME: what is odd comes after; none by VALID. */
function windowOf(
  size: readonly [number, number],
  kernel: readonly [number, number],
  options: Table,
  [dilationX, dilationY]: readonly [number, number],
  group: number,
): { readonly window: Window; readonly places: readonly [number, number] } {
  const strides = [options.int(2, 1), options.int(1, 1)] as const;
  const dilations = [options.int(dilationY, 1), options.int(dilationX, 1)] as const;
  const same = options.byte(0) === 0;
  const along = ([0, 1] as const).map((i) => {
    const reach = (kernel[i] - 1) * dilations[i] + 1;
    const places = same ? Math.ceil(size[i] / strides[i]) : Math.floor((size[i] - reach) / strides[i]) + 1;
    const total = same ? Math.max(0, (places - 1) * strides[i] + reach - size[i]) : 0;
    return { places, before: Math.floor(total / 2), after: Math.ceil(total / 2) };
  });
  const [y, x] = along as [(typeof along)[number], (typeof along)[number]];
  return {
    window: { strides, dilations, group, pads: [y.before, x.before, y.after, x.after] },
    places: [y.places, x.places],
  };
}

function convolution(operation: Operation, depthwise: boolean): Value {
  const { shape, node } = operation.value(0);
  const weights = operation.constant(1);
  const { options } = operation;
  if (weights?.dtype !== 'float32' || options === undefined)
    throw operation.unsupported('its weights are not constant');
  const [outputs, height, width] = depthwise
    ? [weights.shape[3]!, weights.shape[1]!, weights.shape[2]!]
    : [weights.shape[0]!, weights.shape[1]!, weights.shape[2]!];
  const group = depthwise ? shape[3]! : shape[3]! / weights.shape[3]!;
  const { window, places } = windowOf(
    [shape[1]!, shape[2]!],
    [height, width],
    options,
    depthwise ? [5, 6] : [4, 5],
    group,
  );
  const turned = channelsSecond(weights, depthwise ? [3, 0, 1, 2] : axisOrder);
  const bias = operation.constant(2);
  const parts = [
    node,
    constant(turned),
    ...(bias ? [constant(tensorOf('float32', [outputs], bias.data as Float32Array))] : []),
  ];
  const result = apply('Conv', parts, window);
  return {
    shape: [shape[0]!, ...places, outputs],
    node: activated(result, options.byte(depthwise ? 4 : 3), operation),
  };
}

/** One of two values as the other is laid out: channels second where it has a plane, as it is otherwise. */
function elementwise(operation: Operation, compute: (a: Node, b: Node) => Node): Value {
  const [a, b] = [operation.value(0), operation.value(1)];
  const larger = a.shape.length >= b.shape.length ? a : b;
  const placed = ({ shape, node }: Value): Node => {
    if (node.kind !== 'constant' || larger.shape.length !== 4) return node;
    const padded = [...Array.from({ length: 4 - shape.length }, () => 1), ...shape];
    return constant(channelsSecond({ ...node.value, shape: padded }, axisOrder));
  };
  const result = compute(placed(a), placed(b));
  return { shape: larger.shape, node: activated(result, operation.options?.byte(0) ?? 0, operation) };
}

const readers: Readonly<Record<string, (operation: Operation) => Value>> = {
  // Values pass from whole numbers to floats and back; ours are what they stand for throughout.
  QUANTIZE: (operation) => operation.value(0),
  DEQUANTIZE: (operation) => operation.value(0),
  CONV_2D: (operation) => convolution(operation, false),
  DEPTHWISE_CONV_2D: (operation) => convolution(operation, true),
  ADD: (operation) => elementwise(operation, add),
  MUL: (operation) => elementwise(operation, mul),
  RELU({ value }) {
    const { shape, node } = value(0);
    return { shape, node: relu(node) };
  },
  RELU6({ value }) {
    const { shape, node } = value(0);
    return { shape, node: min(max(node, 0), 6) };
  },
  PAD(operation) {
    const { shape, node } = operation.value(0);
    const pads = operation.constant(1);
    if (pads === undefined || shape.length !== 4) throw operation.unsupported('only the plane of pictures is padded');
    const [before, after] = [0, 1].map((side) => shape.map((_, axis) => Number(pads.data[2 * axis + side]))) as [
      number[],
      number[],
    ];
    const second = (list: readonly number[]): number[] => axisOrder.map((axis) => list[axis]!);
    return {
      shape: shape.map((size, axis) => size + before[axis]! + after[axis]!),
      node: apply('Pad', [node], { before: second(before), after: second(after) }),
    };
  },
  AVERAGE_POOL_2D(operation) {
    const { shape, node } = operation.value(0);
    const { options } = operation;
    if (options === undefined) throw operation.unsupported('it does not say over what');
    const kernel = [options.int(4, 1), options.int(3, 1)] as const;
    const { window, places } = windowOf([shape[1]!, shape[2]!], kernel, options, [-1, -1], 1);
    const { strides, pads } = window;
    const result = apply('AveragePool', [node], { kernel, strides, pads, countIncludePad: false });
    return { shape: [shape[0]!, ...places, shape[3]!], node: activated(result, options.byte(5), operation) };
  },
  MEAN(operation) {
    const { shape, node } = operation.value(0);
    const fixed = operation.constant(1);
    const axes = Array.from(fixed ? numbersOf(fixed) : [], (axis) => (axis + shape.length) % shape.length);
    if (shape.length !== 4 || axes.toSorted().join() !== '1,2')
      throw operation.unsupported('only the mean over the plane is known');
    const keep = operation.options?.byte(0) === 1;
    return {
      shape: keep ? [shape[0]!, 1, 1, shape[3]!] : [shape[0]!, shape[3]!],
      node: reduceMean(node, [2, 3], keep),
    };
  },
  RESHAPE(operation) {
    const { shape, node } = operation.value(0);
    const fixed = operation.constant(1);
    const wanted = fixed === undefined ? (operation.options?.ints(0) ?? []) : Array.from(numbersOf(fixed));
    // Where there is a plane of more than one place, its channels would be moved.
    if (shape.length === 4 && shape[1]! * shape[2]! > 1) throw operation.unsupported('a plane cannot be reshaped');
    if (wanted.length !== 2) throw operation.unsupported('only one row a picture is known');
    return { shape: [shape[0]!, elements(shape.slice(1))], node: shape.length === 2 ? node : flatten(node) };
  },
  FULLY_CONNECTED(operation) {
    const { shape, node } = operation.value(0);
    const weights = operation.constant(1);
    if (weights === undefined || elements(shape.slice(1, -1)) !== 1)
      throw operation.unsupported('only one row a picture is known');
    const [outputs, inputs] = weights.shape as readonly [number, number];
    const across = channelsSecond(weights, [1, 0]);
    const rows = shape.length === 2 ? node : reshape(node, [node.shape[0]!, inputs]);
    const product = matMul(rows, constant(across));
    const bias = operation.constant(2);
    const result = bias ? add(product, constant(tensorOf('float32', [outputs], bias.data as Float32Array))) : product;
    return { shape: [shape[0]!, outputs], node: activated(result, operation.options?.byte(0) ?? 0, operation) };
  },
  SOFTMAX({ value }) {
    const { shape, node } = value(0);
    return { shape, node: softmax(node) };
  },
};
