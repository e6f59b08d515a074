import assert from 'node:assert/strict';
import { test } from 'node:test';
import { examine } from './examination.ts';

test('nothing lies open while it is kept, and after its deletion nothing of it lies anywhere', async (t) => {
  const report = await examine();
  t.diagnostic(`${report.figures.canaries} canaries, ${report.figures.needles} ways in which they may lie`);
  assert.deepEqual(report.void, [], 'the scanner finds everything where it is in the open');
  assert.deepEqual(report.unsealed, [], 'while the project is there');
  assert.deepEqual(report.left, [], 'after its deletion');
  assert.deepEqual(report.bystander, [], 'the project beside it');
});
