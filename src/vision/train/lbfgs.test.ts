import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Evaluation, minimise } from './lbfgs.ts';

const tight = { gradientTolerance: 1e-9, valueTolerance: 0, maxIterations: 500 };

test('a quadratic bowl a hundred times steeper one way than another', async () => {
  const steep = Float64Array.from({ length: 30 }, (_, i) => 10 ** ((2 * i) / 29));
  const bowl = async (x: Float64Array): Promise<Evaluation> => ({
    value: x.reduce((sum, v, i) => sum + (steep[i]! * (v - i) ** 2) / 2, 0),
    gradient: x.map((v, i) => steep[i]! * (v - i)),
  });
  const start = new Float64Array(30);
  const found = await minimise(bowl, start, tight);
  found.point.forEach((v, i) => {
    assert.ok(Math.abs(v - i) < 1e-8);
  });
  assert.ok(found.evaluations < 200, String(found.evaluations));
  assert.deepEqual(start, new Float64Array(30));
  assert.deepEqual((await minimise(bowl, start, tight)).point, found.point);
});

test("Rosenbrock's valley", async () => {
  const valley = async (p: Float64Array): Promise<Evaluation> => {
    const [x, y] = p as unknown as [number, number];
    return {
      value: (1 - x) ** 2 + 100 * (y - x * x) ** 2,
      gradient: Float64Array.of(2 * (x - 1) - 400 * x * (y - x * x), 200 * (y - x * x)),
    };
  };
  const { point, value } = await minimise(valley, Float64Array.of(-1.2, 1), tight);
  assert.ok(Math.abs(point[0]! - 1) < 1e-8 && Math.abs(point[1]! - 1) < 1e-8 && value < 1e-16);
});

test('ends where no step can lower the value, at the limit of steps, and when the evaluation throws', async () => {
  const kink = async (x: Float64Array): Promise<Evaluation> => ({
    value: Math.abs(x[0]!),
    gradient: Float64Array.of(x[0]! < 0 ? -1 : 1),
  });
  assert.ok((await minimise(kink, Float64Array.of(3), tight)).value < 1e-6);
  let calls = 0;
  const steps = async (x: Float64Array): Promise<Evaluation> => ({
    value: x[0]! ** 4,
    gradient: Float64Array.of(4 * x[0]! ** 3 + 0 * calls++),
  });
  const { evaluations } = await minimise(steps, Float64Array.of(3), { ...tight, maxIterations: 2 });
  assert.equal(evaluations, calls);
  assert.ok(evaluations <= 8);
  await assert.rejects(
    minimise(() => Promise.reject(new Error('stop')), Float64Array.of(1), tight),
    /stop/,
  );
});
