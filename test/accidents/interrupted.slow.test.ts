import assert from 'node:assert/strict';
import { test } from 'node:test';
import { interruptAll } from './interrupted.ts';

test('a thousand kills in the midst of takeouts, restores and erasures leave nothing half done', async (t) => {
  assert.ok((await interruptAll({ kills: 1000, seed: 2, atOnce: 2, say: (line) => t.diagnostic(line) })) >= 1000);
});
