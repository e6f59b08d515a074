import assert from 'node:assert/strict';
import { test } from 'node:test';
import { add, exp, greater, logSoftmax, matMul, mul, neg, reduceMean, reduceSum } from '../graph/build.ts';
import { evaluate } from '../graph/evaluate.ts';
import { graph, input } from '../graph/graph.ts';
import { writeOnnx } from '../graph/onnx-write.ts';
import { noise } from '../graph/op-cases.ts';
import { numbersOf, tensorOf } from '../graph/tensor.ts';
import { ortRuntime } from '../runtime/ort.ts';
import { backward } from './backward.ts';

const x = input('x', 'float32', [2, 2]);
const at = { x: tensorOf('float32', [2, 2], [1, 2, 3, 4]) };

test('contributions of several uses are added', () => {
  // d(sum(x x + 3 x)) = 2 x + 3
  const [g] = backward(reduceSum(add(mul(x, x), mul(x, 3))), [x]);
  assert.deepEqual(Array.from(numbersOf(evaluate(graph({ g: g! }), at).g!)), [5, 7, 9, 11]);
});

test('what the loss does not depend on has zeros, in its own shape', () => {
  const other = input('other', 'float32', [3]);
  const [g, none] = backward(reduceSum(exp(x)), [x, other]);
  assert.deepEqual(g!.shape, [2, 2]);
  assert.deepEqual(evaluate(graph({ none: none! }), {}).none!.data, new Float32Array(3));
});

test('the gradient by a value in the middle does not go on to what it is made of', () => {
  const middle = mul(x, 2);
  const [g] = backward(reduceSum(mul(middle, middle)), [middle]);
  assert.deepEqual(Array.from(numbersOf(evaluate(graph({ g: g! }), at).g!)), [4, 8, 12, 16]);
});

test('a held value counts as a constant', () => {
  // d(x · held(x x)) = x x
  const square = mul(x, x);
  const [g] = backward(reduceSum(mul(x, square)), [x], [square]);
  assert.deepEqual(Array.from(numbersOf(evaluate(graph({ g: g! }), at).g!)), [1, 4, 9, 16]);
});

test('the loss must be one number', () => {
  assert.throws(() => backward(exp(x), [x]), { code: 'BadGraph', message: /one floating point number .* \[2, 2\]/ });
  assert.throws(() => backward(greater(reduceSum(x), 0), [x]), { code: 'BadGraph', message: /bool/ });
});

test('loss and gradient of a classifier run in onnxruntime as by definition', async () => {
  const [features, targets] = [input('features', 'float32', [5, 3]), input('targets', 'float32', [5, 4])];
  const [weights, bias] = [input('weights', 'float32', [3, 4]), input('bias', 'float32', [4])];
  const loss = neg(reduceMean(reduceSum(mul(targets, logSoftmax(add(matMul(features, weights), bias))), [1])));
  const [byWeights, byBias] = backward(loss, [weights, bias]);
  const whole = graph({ loss, byWeights: byWeights!, byBias: byBias! });
  const values = evaluate(
    graph({
      features: noise('float32', [5, 3], 1),
      weights: noise('float32', [3, 4], 2),
      bias: noise('float32', [4], 3),
    }),
    {},
  );
  const feeds = {
    ...values,
    targets: tensorOf(
      'float32',
      [5, 4],
      Array.from({ length: 20 }, (_, i) => (i % 4 === (i >> 2) % 4 ? 1 : 0)),
    ),
  };
  const session = await ortRuntime().load(writeOnnx(whole));
  const [theirs, ours] = [await session.run(feeds), evaluate(whole, feeds)];
  await session.close();
  for (const name of ['loss', 'byWeights', 'byBias']) {
    const expected = numbersOf(theirs[name]!);
    assert.deepEqual([...ours[name]!.shape], [...theirs[name]!.shape]);
    Array.from(numbersOf(ours[name]!)).forEach((value, i) => {
      assert.ok(Math.abs(value - expected[i]!) < 1e-6);
    });
  }
});
