import assert from 'node:assert/strict';
import { test } from 'node:test';
import { foldOf } from './split.ts';

test('a fold depends on the id alone, and the folds are about equally large', () => {
  const counts = [0, 0, 0, 0, 0];
  for (let i = 0; i < 5_000; i++) counts[foldOf(`picture ${i}`)]!++;
  for (const count of counts) assert.ok(count > 850 && count < 1_150, String(counts));
  assert.equal(foldOf('0ac460c0-0000-4000-8000-000000000001'), foldOf('0ac460c0-0000-4000-8000-000000000001'));
});

test('the split never changes from release to release', () => {
  assert.deepEqual(
    ['a', 'b', 'c', 'd', 'e', 'f'].map((id) => foldOf(id)),
    [4, 4, 0, 3, 3, 1],
  );
});
