import assert from 'node:assert/strict';
import { test } from 'node:test';
import { add, matMul, mul, reduceSum, sub } from '../graph/build.ts';
import { input } from '../graph/graph.ts';
import { numbersFrom } from '../graph/op-cases.ts';
import { tensor, tensorOf } from '../graph/tensor.ts';
import { ortRuntime } from '../runtime/ort.ts';
import { cut, join, layoutOf, split, spreadOver } from './layout.ts';
import { adamW, momentum, type Optimizer } from './optimizer.ts';
import { createTrainer, type StepPlan } from './step.ts';

const layout = layoutOf({ weights: [3, 1], bias: [1] });
const x = input('x', 'float32', [8, 3]);
const t = input('t', 'float32', [8, 1]);

/** Least squares: eight points of a plane. */
const plan = (optimizer: Optimizer, more: Partial<StepPlan> = {}): StepPlan => ({
  layout,
  start: Float32Array.of(0.5, -0.5, 0.25, 1),
  inputs: [x, t],
  loss({ weights, bias }) {
    const wrong = sub(add(matMul(x, weights!), bias!), t);
    return { loss: reduceSum(mul(wrong, wrong)), told: { wrong } };
  },
  optimizer,
  ...more,
});
const next = numbersFrom(7);
const points = Float32Array.from({ length: 24 }, () => 2 * next() - 1);
const heights = Float32Array.from({ length: 8 }, (_, i) => 2 * points[3 * i]! - points[3 * i + 1]! + 0.5);
const feeds = { x: tensor('float32', [8, 3], points), t: tensor('float32', [8, 1], heights) };

/** The gradient of that loss, by hand. */
function gradientAt(p: ArrayLike<number>): number[] {
  const g = [0, 0, 0, 0];
  for (let i = 0; i < 8; i++) {
    const row = [points[3 * i]!, points[3 * i + 1]!, points[3 * i + 2]!, 1];
    const wrong = row.reduce((sum, value, k) => sum + value * p[k]!, 0) - heights[i]!;
    row.forEach((value, k) => {
      g[k]! += 2 * wrong * value;
    });
  }
  return g;
}
const close = (a: ArrayLike<number>, b: ArrayLike<number>, within: number): void => {
  assert.equal(a.length, b.length);
  for (let i = 0; i < a.length; i++) assert.ok(Math.abs(a[i]! - b[i]!) <= within, `${a[i]} is not ${b[i]} at ${i}`);
};

test('a layout joins, splits and spreads', () => {
  const values = { weights: tensorOf('float32', [3, 1], [1, 2, 3]), bias: tensorOf('float32', [1], [4]) };
  const flat = join(values, layout);
  assert.deepEqual(flat, Float32Array.of(1, 2, 3, 4));
  assert.deepEqual(split(flat, layout), values);
  assert.deepEqual(
    spreadOver(layout, (name) => (name === 'bias' ? 0 : 2)),
    Float32Array.of(2, 2, 2, 0),
  );
  assert.deepEqual(cut(input('p', 'float32', [4]), layout).weights!.shape, [3, 1]);
  assert.throws(() => join({ weights: values.weights }, layout), { code: 'BadGraph', message: /bias/ });
});

test('momentum takes the steps of its definition', async () => {
  const trainer = await createTrainer(ortRuntime(), plan(momentum(0.5)));
  const p = [0.5, -0.5, 0.25, 1];
  const v = [0, 0, 0, 0];
  for (let n = 0; n < 3; n++) {
    gradientAt(p).forEach((g, i) => {
      v[i] = 0.5 * v[i]! + g;
    });
    v.forEach((each, i) => {
      p[i]! -= 0.01 * each;
    });
    const { loss, taken, told } = await trainer.step({ feeds, rate: 0.01 });
    assert.ok(taken && loss > 0);
    assert.deepEqual(told.wrong!.shape, [8, 1]);
    close(trainer.parameters(), p, 1e-5);
  }
  await trainer.close();
});

test('AdamW takes the steps of its definition, with rates and decay of each parameter and a moving average', async () => {
  const [rates, decay] = [Float32Array.of(1, 0.5, 0, 1), Float32Array.of(0.1, 0.1, 0.1, 0)];
  const home = Float32Array.of(1, 1, 1, 1);
  const trainer = await createTrainer(
    ortRuntime(),
    plan(adamW({ beta1: 0.8, beta2: 0.9 }), { rates, decay, home, clip: 3, averaged: true }),
  );
  let p = [0.5, -0.5, 0.25, 1];
  const [m, s, average] = [[0, 0, 0, 0], [0, 0, 0, 0], [...p]];
  for (let n = 1; n <= 4; n++) {
    const g = gradientAt(p);
    const length = Math.hypot(...g);
    g.forEach((each, i) => {
      const one = each * Math.min(1, 3 / length);
      m[i] = 0.8 * m[i]! + 0.2 * one;
      s[i] = 0.9 * s[i]! + 0.1 * one * one;
    });
    p = p.map((each, i) => {
      const direction = m[i]! / (1 - 0.8 ** n) / (Math.sqrt(s[i]! / (1 - 0.9 ** n)) + 1e-8);
      return each - 0.1 * rates[i]! * (direction + decay[i]! * (each - 1));
    });
    p.forEach((each, i) => {
      average[i] = each + (average[i]! - each) * 0.75;
    });
    const told = await trainer.step({ feeds, rate: 0.1, keep: 0.75 });
    assert.ok(Math.abs(told.norm - length) < 1e-3 * length);
    close(trainer.parameters(), p, 1e-4);
    close(trainer.average(), average, 1e-4);
  }
  assert.equal(trainer.parameters()[2], 0.25, 'a rate of 0 leaves a parameter as it is');
  await trainer.close();
});

test('it learns', async () => {
  const trainer = await createTrainer(ortRuntime(), plan(adamW()));
  let last = Number.POSITIVE_INFINITY;
  for (let n = 0; n < 300; n++) last = (await trainer.step({ feeds, rate: 0.05 })).loss;
  assert.ok(last < 1e-4, String(last));
  close(trainer.parameters(), [2, -1, 0, 0.5], 1e-2);
  await trainer.close();
});

test('a step that is no number is not taken, and one can go on from before', async () => {
  const trainer = await createTrainer(ortRuntime(), plan(momentum()));
  await trainer.step({ feeds, rate: 0.01 });
  const before = trainer.parameters().slice();
  const broken = { ...feeds, t: tensorOf('float32', [8, 1], new Float64Array(8).fill(Number.NaN)) };
  assert.equal((await trainer.step({ feeds: broken, rate: 0.01 })).taken, false);
  assert.deepEqual(trainer.parameters(), before);
  await trainer.step({ feeds, rate: 0.01 });
  const moved = trainer.parameters().slice();
  trainer.restart(before);
  await trainer.step({ feeds, rate: 0.01 });
  assert.notDeepEqual(trainer.parameters(), moved, 'the velocity started anew');
  await trainer.close();
});

test('the same steps give the same bits', async () => {
  const run = async () => {
    const trainer = await createTrainer(ortRuntime(), plan(adamW()));
    for (let n = 0; n < 20; n++) await trainer.step({ feeds, rate: 0.05 });
    await trainer.close();
    return trainer.parameters();
  };
  assert.deepEqual(await run(), await run());
});
