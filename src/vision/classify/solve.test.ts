import assert from 'node:assert/strict';
import { test } from 'node:test';
import { evaluate } from '../graph/evaluate.ts';
import { readOnnx } from '../graph/onnx-read.ts';
import { tensorOf } from '../graph/tensor.ts';
import { ortRuntime } from '../runtime/ort.ts';
import type { ClassifierKind } from './classifier.ts';
import { cloudSet, normal } from './fixture-set.ts';
import { lossModel } from './loss.ts';
import { type SolveTask, solver } from './solve.ts';

/** Cross-entropy of one picture from its scores, in plain arithmetic. */
const crossEntropy: { [K in ClassifierKind]: (scores: readonly number[], targets: readonly number[]) => number } = {
  multiclass: (scores, targets) =>
    Math.log(scores.reduce((sum, z) => sum + Math.exp(z), 0)) - scores[targets.indexOf(1)]!,
  multilabel: (scores, targets) =>
    scores.reduce((sum, z, label) => sum - Math.log(1 / (1 + Math.exp(targets[label] === 1 ? -z : z))), 0),
};

for (const kind of ['multiclass', 'multilabel'] as const) {
  test(`the ${kind} loss model is the cross-entropy, and its gradient that of finite differences`, async () => {
    const random = normal(3);
    const numbers = (count: number): number[] => Array.from({ length: count }, random);
    const [rows, length, classes] = [4, 5, 3];
    const targets = kind === 'multiclass' ? [1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 1, 0] : [1, 1, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1];
    const [x, weights, bias] = [numbers(rows * length), numbers(length * classes), numbers(classes)];
    const counts = [1, 0.5, 0, 2];
    const loss = (w: readonly number[], b: readonly number[]): number =>
      counts.reduce((sum, count, row) => {
        const scores = b.map(
          (start, label) =>
            start +
            Array.from({ length }, (_, i) => x[row * length + i]! * w[i * classes + label]!).reduce((a, c) => a + c, 0),
        );
        return sum + count * crossEntropy[kind](scores, targets.slice(row * classes, (row + 1) * classes));
      }, 0);
    const session = await ortRuntime().load(lossModel(kind, { length, classes }));
    const feeds = {
      x: tensorOf('float32', [rows, length], x),
      targets: tensorOf('float32', [rows, classes], targets),
      counts: tensorOf('float32', [1, rows], counts),
      weights: tensorOf('float32', [length, classes], weights),
      bias: tensorOf('float32', [classes], bias),
    };
    const got = await session.run(feeds);
    await session.close();
    const near = (actual: unknown, wanted: number): void =>
      assert.ok(Math.abs((actual as number) - wanted) < 1e-4, `${actual} is not ${wanted}`);
    near(got.loss!.data[0], loss(weights, bias));
    const step = 1e-4;
    const moved = (values: readonly number[], i: number, by: number): number[] =>
      values.map((value, at) => (at === i ? value + by : value));
    for (let i = 0; i < weights.length; i++)
      near(
        got.dWeights!.data[i],
        (loss(moved(weights, i, step), bias) - loss(moved(weights, i, -step), bias)) / (2 * step),
      );
    for (let i = 0; i < bias.length; i++)
      near(
        got.dBias!.data[i],
        (loss(weights, moved(bias, i, step)) - loss(weights, moved(bias, i, -step))) / (2 * step),
      );
    near(evaluate(readOnnx(lossModel(kind, { length, classes })), feeds).loss!.data[0], loss(weights, bias));
  });
}

const task = (change: Partial<SolveTask> = {}): SolveTask => {
  const { features, targets } = cloudSet();
  const [mean, scale] = [new Float64Array(8), new Float64Array(8).fill(1)];
  return {
    kind: 'multiclass',
    classes: 3,
    features,
    length: 8,
    targets: Float32Array.from(targets),
    heldOut: [0, 0],
    mean,
    scale,
    penalty: 0.01,
    start: undefined,
    ...change,
  };
};
const solve = solver(ortRuntime());
const close = (a: ArrayLike<number>, b: ArrayLike<number>, within: number): void => {
  assert.equal(a.length, b.length);
  assert.ok(
    Array.from(a).every((value, i) => Math.abs(value - b[i]!) < within),
    `${a} is not ${b}`,
  );
};

test('at the solution the gradient of the penalised loss is nearly zero, in plain arithmetic', async () => {
  const { features, targets, penalty } = task();
  const { parameters } = await solve(task());
  const gradient = parameters.map((value, at) => (at < 24 ? penalty : 1e-4) * value);
  for (let row = 0; row < 60; row++) {
    const scores = [0, 1, 2].map(
      (label) =>
        parameters[24 + label]! +
        Array.from({ length: 8 }, (_, i) => parameters[i * 3 + label]! * features[row * 8 + i]!).reduce(
          (a, b) => a + b,
        ),
    );
    const total = scores.reduce((sum, z) => sum + Math.exp(z), 0);
    for (const [label, z] of scores.entries()) {
      const error = (Math.exp(z) / total - targets[row * 3 + label]!) / 60;
      for (let i = 0; i < 8; i++) gradient[i * 3 + label]! += error * features[row * 8 + i]!;
      gradient[24 + label]! += error;
    }
  }
  assert.ok(
    gradient.every((value) => Math.abs(value) < 3e-3),
    String(gradient),
  );
});

test('folding the standardisation into the weights is the same as standardising the features', async () => {
  const mean = Float64Array.from({ length: 8 }, (_, i) => i / 4 - 1);
  const scale = Float64Array.from({ length: 8 }, (_, i) => 0.5 + i / 4);
  const features = task().features.map((value, at) => value * scale[at % 8]! + mean[at % 8]!);
  const heldOut = [10, 25] as const;
  const [plain, folded] = [await solve(task({ heldOut })), await solve(task({ heldOut, features, mean, scale }))];
  close(plain.parameters, folded.parameters, 1e-3);
  close(plain.logits, folded.logits, 1e-3);
});

test('held-out pictures are scored but not learned from', async () => {
  const heldOut = [10, 25] as const;
  const changed = task().targets.map((target, at) => (at >= 30 && at < 75 ? 1 - target : target));
  const [one, other] = [await solve(task({ heldOut })), await solve(task({ heldOut, targets: changed }))];
  assert.deepEqual(one.parameters, other.parameters);
  assert.equal(one.logits.length, 45);
  const { features } = task();
  const score = (row: number): number =>
    one.parameters[24]! +
    Array.from({ length: 8 }, (_, i) => one.parameters[i * 3]! * features[row * 8 + i]!).reduce((a, b) => a + b);
  close([one.logits[0]!, one.logits[42]!], [score(10), score(24)], 1e-4);
});

test('a stronger penalty gives smaller weights, and the start hardly matters', async () => {
  const size = (parameters: Float64Array): number => Math.hypot(...parameters.subarray(0, 24));
  const [weak, strong] = [await solve(task()), await solve(task({ penalty: 1 }))];
  assert.ok(size(strong.parameters) < size(weak.parameters) / 2);
  const again = await solve(task({ start: strong.parameters }));
  close(again.parameters, weak.parameters, 0.1);
});

test('more rows than one run takes are learned from and scored in their places', async () => {
  const set = cloudSet({ perClass: [600, 600] });
  const targets = Float32Array.from(set.targets);
  const { parameters, logits } = await solve(task({ features: set.features, classes: 2, targets, heldOut: [20, 820] }));
  for (const row of [20, 531, 532, 533, 819])
    for (const label of [0, 1]) {
      const first = set.features.subarray(row * 8, row * 8 + 8);
      const score = first.reduce((sum, value, i) => sum + value * parameters[i * 2 + label]!, parameters[16 + label]!);
      assert.ok(Math.abs(logits[(row - 20) * 2 + label]! - score) < 1e-4);
    }
});

test('it stops at its next look when it is aborted', async () => {
  const abort = new AbortController();
  const reason = new Error('enough');
  const solving = assert.rejects(solve(task({ penalty: 1e-9 }), { signal: abort.signal }), reason);
  abort.abort(reason);
  await solving;
});
