import assert from 'node:assert/strict';
import { test } from 'node:test';
import { interruptAll } from './interrupted.ts';

test('a dozen kills in the midst of takeouts, restores and erasures leave nothing half done', async (t) => {
  assert.ok((await interruptAll({ kills: 12, seed: 1, atOnce: 2, say: (line) => t.diagnostic(line) })) >= 12);
});
