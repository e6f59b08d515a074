import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cloudSet } from './fixture-set.ts';
import { partScaling, standardise } from './standardise.ts';

const length = 8;
/** 60 rows in folds of 10, 0, 20 and 30. */
const starts = [0, 10, 10, 30, 60];
const set = () => {
  const { features } = cloudSet();
  // A feature far from zero, and one that never changes.
  return features.map((value, i) => (i % length === 0 ? value + 1000 : i % length === 1 ? 7 : value));
};
const moments = (values: Float32Array, rows: readonly number[], i: number): [mean: number, deviation: number] => {
  const column = rows.map((row) => values[row * length + i]!);
  const mean = column.reduce((a, b) => a + b) / rows.length;
  return [mean, Math.sqrt(column.reduce((sum, value) => sum + (value - mean) ** 2, 0) / rows.length)];
};
const near = (actual: number, wanted: number): void =>
  assert.ok(Math.abs(actual - wanted) < 1e-4, `${actual} is not ${wanted}`);
const all = Array.from({ length: 60 }, (_, row) => row);

test('all features get mean 0 and deviation 1, constant ones only mean 0', async () => {
  const features = set();
  const { mean, scale } = await standardise({ features, length, starts });
  for (let i = 0; i < length; i++) {
    const [was, spread] = moments(set(), all, i);
    near(mean[i]!, was);
    near(scale[i]!, i === 1 ? 1 : spread);
    const [now, unit] = moments(features, all, i);
    near(now, 0);
    near(unit, i === 1 ? 0 : 1);
  }
});

test('the scaling of a part is that of its own rows', async () => {
  const features = set();
  const found = await standardise({ features, length, starts });
  const rowsPerFold = [10, 0, 20, 30];
  for (const without of [0, 2, 3, undefined]) {
    const own = all.filter((row) => without === undefined || row < starts[without]! || row >= starts[without + 1]!);
    const { mean, scale } = partScaling(found, rowsPerFold, without);
    for (let i = 0; i < length; i++) {
      const [centre, spread] = moments(features, own, i);
      near(mean[i]!, centre);
      near(scale[i]!, i === 1 ? 1 : spread);
    }
  }
});
