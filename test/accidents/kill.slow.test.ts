import assert from 'node:assert/strict';
import { test } from 'node:test';
import { killAgainAndAgain } from './kills.ts';

test('sixty kills in the middle of uploads, trainings and deletions lose nothing and leave nothing behind', async (t) => {
  assert.equal(await killAgainAndAgain({ rounds: 60, seed: 2, say: (line) => t.diagnostic(line) }), 60);
});
