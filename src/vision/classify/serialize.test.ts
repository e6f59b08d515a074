import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tensorOf } from '../graph/tensor.ts';
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

const tuned: Classifier = {
  ...classifier,
  backbone: { '3.weights': tensorOf('float32', [2, 1], [0.5, -0.5]), '3.bias': tensorOf('float32', [1], [4]) },
};

test('a classifier comes back from its bytes, with a backbone of its own or without', () => {
  for (const one of [classifier, tuned]) {
    const bytes = encodeClassifier(one);
    assert.deepEqual(decodeClassifier(bytes), one);
    // Wherever the bytes lie: inside a larger buffer, at an odd place.
    const moved = new Uint8Array(bytes.length + 3);
    moved.set(bytes, 3);
    assert.deepEqual(decodeClassifier(moved.subarray(3)), one);
    assert.deepEqual(decodeClassifier(Buffer.from(moved.buffer, 3)), one);
  }
  assert.ok(decodeClassifier(encodeClassifier(tuned)).backbone!['3.bias']!.data.buffer instanceof SharedArrayBuffer);
});

test('bytes that are not a classifier are refused', () => {
  const bytes = encodeClassifier(classifier);
  const refuse = (changed: Uint8Array, message: RegExp) =>
    assert.throws(() => decodeClassifier(changed), { code: 'BadClassifier', message });
  for (let length = 0; length < bytes.length; length++) refuse(bytes.slice(0, length), /bytes/);
  refuse(bytes.with(0, 0), /mark/);
  refuse(bytes.with(4, 3), /version 1 or 2/);
  refuse(bytes.with(4, 2), /table/);
  const whole = encodeClassifier(tuned);
  for (let length = bytes.length; length < whole.length; length++) refuse(whole.slice(0, length), /table|bytes/);
  refuse(encodeClassifier({ ...tuned, backbone: { a: tensorOf('float32', [1], [Number.NaN]) } }), /finite/);
  refuse(bytes.with(6, 9), /a kind/);
  refuse(encodeClassifier({ ...classifier, bias: Float32Array.of(7, Number.NaN, 9) }), /finite/);
  refuse(encodeClassifier({ ...classifier, scale: Float32Array.of(2, 0) }), /positive/);
  refuse(encodeClassifier({ ...classifier, temperature: 0 }), /positive/);
});
