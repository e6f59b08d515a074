import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AppError } from '../../base/errors.ts';
import { ortRuntime } from '../runtime/ort.ts';
import { concat, flatten, matMul, relu, softmax } from './build.ts';
import { evaluate } from './evaluate.ts';
import type { Graph } from './graph.ts';
import { apply, graph, input } from './graph.ts';
import { readModel } from './onnx-model.ts';
import { readOnnx } from './onnx-read.ts';
import { writeOnnx } from './onnx-write.ts';
import { noise, numbersFrom } from './op-cases.ts';
import type { Pieces } from './protobuf.ts';
import { bytesField, floatField, join, packedField, textField, varintField } from './protobuf.ts';
import { numbersOf, tensorOf } from './tensor.ts';

const ints = (name: string, values: readonly number[]): Pieces =>
  bytesField(5, [...textField(1, name), ...packedField(8, values), ...varintField(20, 7)]);
const int = (name: string, value: number): Pieces =>
  bytesField(5, [...textField(1, name), ...varintField(3, value), ...varintField(20, 2)]);
const float = (name: string, value: number): Pieces =>
  bytesField(5, [...textField(1, name), ...floatField(2, value), ...varintField(20, 1)]);
const text = (name: string, value: string): Pieces =>
  bytesField(5, [...textField(1, name), ...textField(4, value), ...varintField(20, 3)]);
const held = (name: string, value: Pieces): Pieces =>
  bytesField(5, [...textField(1, name), ...bytesField(5, value), ...varintField(20, 4)]);

/** Weights the way some writers list them: numbers in `float_data` or `int64_data`, not raw bytes. */
const listedFloats = (name: string, shape: readonly number[], values: readonly number[]): Pieces => [
  ...packedField(1, shape),
  ...varintField(2, 1),
  ...bytesField(4, new Uint8Array(Float32Array.from(values).buffer)),
  ...textField(8, name),
];
const listedInts = (name: string, values: readonly number[]): Pieces => [
  ...varintField(1, values.length),
  ...varintField(2, 7),
  ...values.flatMap((value) => varintField(7, value)),
  ...textField(8, name),
];

const node = (op: string, inputs: readonly string[], output: string, ...attributes: Pieces[]): Pieces =>
  bytesField(1, [
    ...inputs.flatMap((name) => textField(1, name)),
    ...textField(2, output),
    ...textField(3, `${op} node`),
    ...textField(4, op),
    ...attributes.flat(),
  ]);

const edge = (field: number, name: string, shape: readonly number[]): Pieces => {
  const sizes = shape.flatMap((size) => bytesField(1, varintField(1, size)));
  return bytesField(field, [
    ...textField(1, name),
    ...bytesField(2, bytesField(1, [...varintField(1, 1), ...bytesField(2, sizes)])),
  ]);
};

/** A model as another program might write it: input `x`, output `y`. */
const model = (
  opset: number,
  shape: readonly number[],
  nodes: readonly Pieces[],
  weights: readonly Pieces[] = [],
): Uint8Array =>
  join([
    ...varintField(1, 3),
    ...bytesField(7, [
      ...nodes.flat(),
      ...textField(2, 'g'),
      ...weights.flatMap((each) => bytesField(5, each)),
      ...edge(11, 'x', shape),
      ...edge(12, 'y', []),
    ]),
    ...bytesField(8, varintField(2, opset)),
  ]);

/** Scale, bias, mean and variance of three channels. */
const normal = [
  listedFloats('s', [3], [1, 2, -3]),
  listedFloats('b', [3], [0.5, 0, 1]),
  listedFloats('m', [3], [0.1, -0.2, 0.3]),
  listedFloats('v', [3], [1, 0.5, 2]),
];

const foreign: readonly (readonly [name: string, bytes: Uint8Array, shape: readonly number[]])[] = [
  [
    'ReduceSum-11: axes as an attribute, negative',
    model(11, [2, 3, 4], [node('ReduceSum', ['x'], 'y', ints('axes', [-1]), int('keepdims', 0))]),
    [2, 3, 4],
  ],
  ['ReduceMean-11: all axes by default', model(11, [2, 3], [node('ReduceMean', ['x'], 'y')]), [2, 3]],
  [
    'ReduceMean-18: axes as an input',
    model(18, [2, 3], [node('ReduceMean', ['x', 'a'], 'y')], [listedInts('a', [-2])]),
    [2, 3],
  ],
  ['Softmax-7: the last axis by default', model(7, [2, 3], [node('Softmax', ['x'], 'y')]), [2, 3]],
  [
    'Slice-9: bounds as attributes, beyond the end',
    model(9, [4, 5], [node('Slice', ['x'], 'y', ints('starts', [-3, 1]), ints('ends', [100, -1]))]),
    [4, 5],
  ],
  [
    'Slice-13: one axis with a step',
    model(
      13,
      [4, 7],
      [node('Slice', ['x', 's', 'e', 'a', 't'], 'y')],
      [listedInts('s', [1]), listedInts('e', [99]), listedInts('a', [-1]), listedInts('t', [3])],
    ),
    [4, 7],
  ],
  ['Pad-10: sizes as an attribute', model(10, [2, 3], [node('Pad', ['x'], 'y', ints('pads', [0, 1, 2, 0]))]), [2, 3]],
  [
    'Reshape: 0 and -1',
    model(13, [2, 3, 4], [node('Reshape', ['x', 's'], 'y')], [listedInts('s', [0, -1])]),
    [2, 3, 4],
  ],
  ['Transpose: reversed by default', model(13, [2, 3, 4], [node('Transpose', ['x'], 'y')]), [2, 3, 4]],
  ['Flatten: a negative axis', model(13, [2, 3, 4], [node('Flatten', ['x'], 'y', int('axis', -1))]), [2, 3, 4]],
  [
    'Gemm: scaled, transposed, with a bias',
    model(
      11,
      [3, 2],
      [node('Gemm', ['x', 'w', 'b'], 'y', float('alpha', 0.5), float('beta', 2), int('transA', 1), int('transB', 1))],
      [listedFloats('w', [4, 3], [1, -2, 3, 4, 5, -6, 7, 8, 9, -1, 0, 2]), listedFloats('b', [4], [1, 2, 3, 4])],
    ),
    [3, 2],
  ],
  [
    'Conv: SAME_UPPER at stride 2, a constant as a node, kernel sizes left out',
    model(
      13,
      [1, 1, 5, 4],
      [
        node('Constant', [], 'w', held('value', listedFloats('', [1, 1, 2, 3], [1, 2, 3, 4, 5, 6]))),
        node('Conv', ['x', 'w'], 'y', text('auto_pad', 'SAME_UPPER'), ints('strides', [2, 2])),
      ],
    ),
    [1, 1, 5, 4],
  ],
  [
    'AveragePool: SAME_LOWER, without counting the padding',
    model(
      13,
      [1, 1, 5, 5],
      [
        node(
          'AveragePool',
          ['x'],
          'y',
          text('auto_pad', 'SAME_LOWER'),
          ints('kernel_shape', [2, 2]),
          ints('strides', [2, 2]),
        ),
      ],
    ),
    [1, 1, 5, 5],
  ],
  [
    'Clip-6: bounds as attributes',
    model(10, [2, 3], [node('Clip', ['x'], 'y', float('min', -0.5), float('max', 1))]),
    [2, 3],
  ],
  [
    'Clip-13: one bound as an input, none below',
    model(13, [2, 3], [node('Clip', ['x', '', 'm'], 'y')], [listedFloats('m', [], [0.5])]),
    [2, 3],
  ],
  ['LeakyRelu', model(13, [2, 3], [node('LeakyRelu', ['x'], 'y', float('alpha', 0.3))]), [2, 3]],
  ['HardSigmoid', model(13, [2, 3], [node('HardSigmoid', ['x'], 'y', float('alpha', 0.4))]), [2, 3]],
  ['HardSwish', model(14, [2, 3], [node('HardSwish', ['x'], 'y')]), [2, 3]],
  [
    'BatchNormalization: of rows',
    model(13, [4, 3], [node('BatchNormalization', ['x', 's', 'b', 'm', 'v'], 'y', float('epsilon', 0.1))], normal),
    [4, 3],
  ],
  [
    'BatchNormalization: part of the convolution before it',
    model(
      13,
      [2, 2, 4, 4],
      [node('Conv', ['x', 'w'], 'c'), node('BatchNormalization', ['c', 's', 'b', 'm', 'v'], 'y')],
      [listedFloats('w', [3, 2, 1, 1], [1, -2, 3, 4, 5, -6]), ...normal],
    ),
    [2, 2, 4, 4],
  ],
  [
    'MaxPool: padded, after a Relu',
    model(
      13,
      [1, 2, 7, 6],
      [
        node('Relu', ['x'], 'r'),
        node('MaxPool', ['r'], 'y', ints('kernel_shape', [3, 3]), ints('strides', [2, 2]), ints('pads', [1, 1, 1, 1])),
      ],
    ),
    [1, 2, 7, 6],
  ],
  [
    'MaxPool: of all numbers',
    model(13, [1, 2, 5, 4], [node('MaxPool', ['x'], 'y', ints('kernel_shape', [2, 3]))]),
    [1, 2, 5, 4],
  ],
  ['Dropout: nothing when a model is used', model(11, [2, 3], [node('Dropout', ['x'], 'y')]), [2, 3]],
];

for (const [name, bytes, shape] of foreign) {
  test(`${name}: read as onnxruntime reads it`, async () => {
    const next = numbersFrom(3);
    const x = tensorOf(
      'float32',
      shape,
      Float64Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => 4 * next() - 2),
    );
    const session = await ortRuntime().load(bytes);
    const theirs = (await session.run({ x })).y!;
    await session.close();
    const ours = evaluate(readOnnx(bytes), { x }).y!;
    assert.deepEqual([...ours.shape], [...theirs.shape]);
    const expected = numbersOf(theirs);
    Array.from(numbersOf(ours)).forEach((value, i) => {
      assert.ok(Math.abs(value - expected[i]!) < 1e-5, `${value} is not ${expected[i]} at ${i}`);
    });
  });
}

test('an operator that is none of ours is named with its node', () => {
  const bytes = model(13, [2, 3], [node('Tan', ['x'], 'y')]);
  assert.throws(() => readOnnx(bytes), {
    code: 'UnsupportedOp',
    message: /operator Tan of node "Tan node" is not supported/,
  });
  for (const op of ['constructor', '__proto__', 'toString']) {
    assert.throws(() => readOnnx(model(13, [2], [node(op, ['x'], 'y')])), { code: 'UnsupportedOp' });
  }
});

test('uses outside what we compute are refused, not computed wrongly', () => {
  const refuse = (code: string, ...[opset, shape, nodes, weights]: Parameters<typeof model>) =>
    assert.throws(() => readOnnx(model(opset, shape, nodes, weights)), { code });
  const unsupported = refuse.bind(undefined, 'UnsupportedOp');
  unsupported(11, [2, 3, 4], [node('Softmax', ['x'], 'y', int('axis', 1))]);
  unsupported(13, [1, 1, 5, 5], [node('AveragePool', ['x'], 'y', ints('kernel_shape', [2, 2]), int('ceil_mode', 1))]);
  unsupported(13, [2], [node('Reshape', ['x', 'x'], 'y')]);
  const padded = [ints('kernel_shape', [2, 2]), ints('pads', [1, 1, 0, 0])];
  unsupported(13, [1, 1, 5, 5], [node('MaxPool', ['x'], 'y', ...padded)]);
  unsupported(13, [3, 3], [node('BatchNormalization', ['x', 'x', 'x', 'x', 'x'], 'y')]);
  unsupported(13, [2], [node('Pad', ['x', 'p'], 'y', text('mode', 'reflect'))], [listedInts('p', [1, 1])]);
  unsupported(13, [2], [node('Add', ['x', 'x'], 'y', textField(7, 'com.microsoft'))]);
  const bad = refuse.bind(undefined, 'BadModel');
  bad(6, [2], [node('Exp', ['x'], 'y')]);
  bad(27, [2], [node('Exp', ['x'], 'y')]);
  bad(13, [2], [node('Exp', ['z'], 'y')]);
  bad(13, [2], [node('Exp', ['x'], 'z')]);
  bad(13, [2, 3], [node('MatMul', ['x', 'x'], 'y')]);
  bad(13, [2], [node('Concat', ['x'], 'y', float('axis', 1))]);
  bad(13, [1, 1, 5, 5], [node('AveragePool', ['x'], 'y', ints('kernel_shape', [2, 2]), ints('strides', [0, 0]))]);
  bad(13, [2], [node('Add', ['x', 'w'], 'y')], [listedFloats('w', [3], [1, 2])]);
  bad(13, [2], [node('Add', ['x', 'w'], 'y')], [listedFloats('w', [2 ** 40], [1])]);
});

/** A small network with a bit of everything. */
function network(): Graph {
  const x = input('x', 'float32', ['N', 2, 4, 4]);
  const window = { strides: [2, 2], pads: [1, 1, 1, 1], dilations: [1, 1], group: 1 } as const;
  const map = relu(apply('Conv', [x, noise('float32', [3, 2, 3, 3], 1), noise('float32', [3], 2)], window));
  return graph({ y: softmax(matMul(concat([flatten(map), flatten(map)], 1), noise('float32', [24, 2], 3))), map });
}

test('whatever is cut off or changed, the answer is a graph or a clear error', () => {
  const bytes = writeOnnx(network(), { metadata: { key: 'value' } });
  const next = numbersFrom(11);
  const codes = new Map<string, number>();
  const attempt = (hostile: Uint8Array) => {
    try {
      readOnnx(hostile);
    } catch (error) {
      assert.ok(error instanceof AppError && ['BadModel', 'UnsupportedOp'].includes(error.code), String(error));
      assert.ok(error.message.length < 600, error.message);
      codes.set(error.code, (codes.get(error.code) ?? 0) + 1);
    }
  };
  for (let length = 0; length < bytes.length; length++) attempt(bytes.subarray(0, length));
  for (let round = 0; round < 3000; round++) {
    const hostile = bytes.slice();
    for (let flips = 1 + Math.floor(3 * next()); flips > 0; flips--)
      hostile[Math.floor(next() * bytes.length)] = Math.floor(256 * next());
    attempt(hostile);
  }
  assert.ok(codes.get('BadModel')! > 1000 && codes.get('UnsupportedOp')! > 10, JSON.stringify([...codes]));
});

test('sizes that double in every node do not grow into text without end', () => {
  const nodes = Array.from({ length: 60 }, (_, i) =>
    node('Concat', [i ? `v${i}` : 'x', i ? `v${i}` : 'x'], i === 59 ? 'y' : `v${i + 1}`, int('axis', 0)),
  );
  const named = join([
    ...bytesField(7, [
      ...nodes.flat(),
      ...bytesField(11, [
        ...textField(1, 'x'),
        ...bytesField(2, bytesField(1, [...varintField(1, 1), ...bytesField(2, bytesField(1, textField(2, 'N')))])),
      ]),
      ...edge(12, 'y', []),
    ]),
    ...bytesField(8, varintField(2, 13)),
  ]);
  assert.throws(() => readOnnx(named), { code: 'BadModel', message: /a size/ });
});

test('what a model says of itself is kept, and its weights survive the bytes', () => {
  const bytes = writeOnnx(network(), { metadata: { 'Image.BitmapPixelFormat': 'Bgr8' } });
  assert.deepEqual(readModel(bytes).metadata, { 'Image.BitmapPixelFormat': 'Bgr8' });
  const read = readOnnx(bytes);
  bytes.fill(0);
  assert.deepEqual(writeOnnx(read), writeOnnx(network()));
});

test('names of sizes can be given values', () => {
  const read = readOnnx(writeOnnx(network()), { sizes: { N: 5 } });
  assert.deepEqual(read.inputs[0]!.shape, [5, 2, 4, 4]);
  assert.deepEqual(read.outputs.y!.shape, [5, 2]);
});
