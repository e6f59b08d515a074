import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tensorOf } from '../graph/tensor.ts';
import type { Detector } from './detector.ts';
import { decodeDetector, encodeDetector } from './serialize.ts';

const detector: Detector = {
  classes: 2,
  size: 64,
  weights: { 'a.weights': tensorOf('float32', [2, 1, 1, 1], [0.5, -2]), 'b.bias': tensorOf('float32', [3], [1, 2, 3]) },
};

test('a detector is read back as it was stored, from anywhere in memory', () => {
  const bytes = encodeDetector(detector);
  assert.deepEqual(decodeDetector(bytes), detector);
  assert.deepEqual(decodeDetector(Buffer.concat([Buffer.of(1), bytes]).subarray(1)), detector);
  assert.deepEqual(encodeDetector(decodeDetector(bytes)), bytes);
});

test('other bytes are refused, whatever is wrong with them', () => {
  const bytes = encodeDetector(detector);
  const changed = (at: number, value: number): Uint8Array => Uint8Array.from(bytes).fill(value, at, at + 1);
  for (const broken of [
    new Uint8Array(3),
    changed(0, 1),
    changed(4, 9),
    changed(8, 255),
    changed(12, 0),
    bytes.subarray(0, bytes.length - 4),
    changed(bytes.length - 1, 0x7f).fill(0xff, bytes.length - 2, bytes.length - 1),
  ])
    assert.throws(() => decodeDetector(broken), { code: 'BadDetector' });
});
