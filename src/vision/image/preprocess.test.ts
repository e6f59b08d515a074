import assert from 'node:assert/strict';
import { test } from 'node:test';
import { preprocess } from './preprocess.ts';

test('pixels become three planes of -1..1', () => {
  const pixels = Uint8Array.of(0, 51, 255, 255, 0, 0, 0, 255, 0, 102, 102, 102);
  const red = [-1, 1, -1, 102 / 127.5 - 1];
  assert.deepEqual([...preprocess(pixels, 2)].slice(0, 4), red.map(Math.fround));
  assert.equal(preprocess(pixels, 2)[4], Math.fround(51 / 127.5 - 1));
  const out = new Float32Array(12);
  assert.equal(preprocess(pixels, 2, out), out);
});
