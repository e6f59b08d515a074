import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Classifier } from './classifier.ts';
import { classify } from './predict.ts';

const two: Classifier = {
  kind: 'multiclass',
  classes: 2,
  mean: Float32Array.of(1, 2),
  scale: Float32Array.of(2, 4),
  weights: Float32Array.of(1, 0, 0, 1),
  bias: Float32Array.of(0, 1),
  temperature: 2,
};

test('scores are of standardised features, divided by the temperature', () => {
  // (3 - 1) / 2 = 1 and (10 - 2) / 4 = 2: scores 1 and 3, at temperature 2 half of that.
  const [a, b] = classify(two, Float32Array.of(3, 10));
  assert.ok(Math.abs(b! / a! - Math.E) < 1e-5);
  assert.ok(Math.abs(a! + b! - 1) < 1e-6);
});

test('labels are independent when multilabel', () => {
  const [a, b] = classify({ ...two, kind: 'multilabel' }, Float32Array.of(3, 10));
  assert.ok(Math.abs(a! - 1 / (1 + Math.exp(-0.5))) < 1e-6);
  assert.ok(Math.abs(b! - 1 / (1 + Math.exp(-1.5))) < 1e-6);
});

test('extreme features give probabilities all the same', () => {
  for (const kind of ['multiclass', 'multilabel'] as const) {
    const probabilities = classify({ ...two, kind }, Float32Array.of(1e30, -1e30));
    assert.deepEqual([...probabilities], [1, 0]);
  }
});

test('features of another length are refused', () => {
  assert.throws(() => classify(two, new Float32Array(3)), {
    code: 'BadFeatures',
    message: /expected 2 features .* received 3/,
  });
});
