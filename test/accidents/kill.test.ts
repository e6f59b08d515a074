import assert from 'node:assert/strict';
import { test } from 'node:test';
import { killAgainAndAgain } from './kills.ts';

test('six kills in the middle of uploads, trainings and deletions lose nothing and leave nothing behind', async (t) => {
  assert.equal(await killAgainAndAgain({ rounds: 6, seed: 1, say: (line) => t.diagnostic(line) }), 6);
});
