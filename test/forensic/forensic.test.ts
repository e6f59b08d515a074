import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { root } from '../fixtures/server.ts';
import { examine } from './examination.ts';
import { deepFaults, faults } from './faults.ts';

test('nothing lies open while it is kept, and after its deletion nothing of it lies anywhere', async (t) => {
  const report = await examine();
  const { canaries, needles, requests } = report.figures;
  t.diagnostic(`${canaries} canaries in ${requests} requests, ${needles} ways in which they may lie`);
  assert.ok(requests > 250);
  assert.deepEqual(report.void, [], 'the scanner finds everything where it is in the open');
  assert.deepEqual(report.unsealed, [], 'while the project is there');
  assert.deepEqual(report.left, [], 'after its deletion');
  assert.deepEqual(report.bystander, [], 'the project beside it');
});

test('every fault that the slow test plants still has its one place in the source', () => {
  assert.ok(faults.length >= 15);
  for (const { name, file, change } of [...faults, ...deepFaults]) {
    const source = readFileSync(join(root, 'src', file), 'utf8');
    assert.equal(source.split(change[0]).length, 2, `${name}: expected once in ${file}: ${change[0]}`);
  }
});
