import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Classifier } from './classifier.ts';
import { decodeClassifier, encodeClassifier } from './serialize.ts';

const classifier: Classifier = {
  kind: 'multilabel',
  classes: 3,
  mean: Float32Array.of(0.5, -1),
  scale: Float32Array.of(2, 0.25),
  weights: Float32Array.of(1, 2, 3, 4, 5, 6),
  bias: Float32Array.of(7, 8, 9),
  temperature: 1.1,
};

test('a classifier comes back from its bytes', () => {
  const bytes = encodeClassifier(classifier);
  assert.deepEqual(decodeClassifier(bytes), classifier);
  // Wherever the bytes lie: inside a larger buffer, at an odd place.
  const moved = new Uint8Array(bytes.length + 3);
  moved.set(bytes, 3);
  assert.deepEqual(decodeClassifier(moved.subarray(3)), classifier);
  assert.deepEqual(decodeClassifier(Buffer.from(moved.buffer, 3)), classifier);
});

test('bytes that are not a classifier are refused', () => {
  const bytes = encodeClassifier(classifier);
  const refuse = (changed: Uint8Array, message: RegExp) =>
    assert.throws(() => decodeClassifier(changed), { code: 'BadClassifier', message });
  for (let length = 0; length < bytes.length; length++) refuse(bytes.slice(0, length), /bytes/);
  refuse(bytes.with(0, 0), /mark/);
  refuse(bytes.with(4, 2), /version 1/);
  refuse(bytes.with(6, 9), /a kind/);
  refuse(encodeClassifier({ ...classifier, bias: Float32Array.of(7, Number.NaN, 9) }), /finite/);
  refuse(encodeClassifier({ ...classifier, scale: Float32Array.of(2, 0) }), /positive/);
  refuse(encodeClassifier({ ...classifier, temperature: 0 }), /positive/);
});
