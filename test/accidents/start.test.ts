import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { runOwnsight } from '../fixtures/server.ts';

test('what keeps a command from starting is said in one sentence, with what to do', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'ownsight-start-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'file');
  writeFileSync(file, 'not a directory');
  const garbage = join(folder, 'garbage');
  mkdirSync(garbage);
  writeFileSync(join(garbage, 'ownsight.db'), 'not a database, but long enough to be looked at'.repeat(40));
  for (const [home, expected] of [
    [join(file, 'data'), /expected a directory there but found a file/],
    [garbage, /is no database: put back a backup/],
  ] as const) {
    const { code, output } = await runOwnsight(home, ['account', 'list']);
    assert.equal(code, 1);
    assert.match(output, expected);
    assert.doesNotMatch(output, /\n\s+at /, 'no stack');
  }
});
