import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { root } from '../fixtures/server.ts';

test('each promise is listed in docs/data.md with tests that are there', () => {
  const page = readFileSync(join(root, 'docs/data.md'), 'utf8');
  const rows = [...page.matchAll(/^\| (P\d+) \| (.+?) \| (.+) \|$/gm)];
  assert.deepEqual(
    rows.map(([, promise]) => promise),
    Array.from({ length: 22 }, (_, n) => `P${n + 1}`),
  );
  for (const [, promise, , tests] of rows)
    for (const one of tests!.split('<br>')) {
      const [, title, file] = /^(.+) \(`(.+)`\)$/.exec(one) ?? assert.fail(`${promise}: ${one}`);
      const source = readFileSync(join(root, file!), 'utf8').replaceAll("\\'", "'");
      assert.ok(source.includes(title!), `${promise}: ${file} has no test called ${title}`);
    }
});
