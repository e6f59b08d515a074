import assert from 'node:assert/strict';
import { test } from 'node:test';
import { random } from './random.ts';

test('the same seed and stream give the same numbers, others give others', () => {
  const row = (...stream: (string | number)[]) => {
    const from = random(...stream);
    return Array.from({ length: 5 }, () => from.uniform());
  };
  assert.deepEqual(row('a', 1), row('a', 1));
  assert.notDeepEqual(row('a', 1), row('a', 2));
  assert.notDeepEqual(row('a', 1), row('a1'));
});

test('numbers are spread as they should be', () => {
  const from = random('spread');
  const count = 20_000;
  const uniform = Array.from({ length: count }, () => from.uniform(-1, 3));
  assert.ok(uniform.every((value) => value >= -1 && value < 3));
  const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;
  assert.ok(Math.abs(mean(uniform) - 1) < 0.03);
  const normal = Array.from({ length: count }, () => from.normal());
  assert.ok(Math.abs(mean(normal)) < 0.03);
  assert.ok(Math.abs(mean(normal.map((value) => value ** 2)) - 1) < 0.05);
  assert.ok(Math.abs(mean(normal.map((value) => value ** 4)) - 3) < 0.4);
});

test('an order holds every number once, each place as likely for each', () => {
  const from = random('order');
  const first = [0, 0, 0, 0];
  for (let n = 0; n < 4000; n++) {
    const order = from.order(4);
    assert.deepEqual(order.toSorted(), Uint32Array.of(0, 1, 2, 3));
    first[order[0]!]!++;
  }
  for (const times of first) assert.ok(Math.abs(times - 1000) < 120, String(first));
});
