import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { compatibility } from './compatibility.ts';

test('docs/compatibility.md is what the tables say', () => {
  const written = readFileSync(new URL('../../docs/compatibility.md', import.meta.url), 'utf8');
  assert.equal(
    written,
    compatibility(),
    'docs/compatibility.md is out of date: `node scripts/run.mjs scripts/documents.ts` writes it anew',
  );
});

test('an operation is marked in the versions that have it, and where it differs it is told how', () => {
  const row = (id: string) =>
    compatibility()
      .split('\n')
      .find((line) => line.startsWith(`| ${id} |`));
  assert.equal(row('GetAccountInfo'), '| GetAccountInfo | ◐ | ◐ | ◐ |   |   |   |   |   |   |   |   |');
  assert.equal(row('GetTags'), `| GetTags |${' ● |'.repeat(11)}`);
  assert.equal(row('GetImages'), '| GetImages |   |   |   |   |   |   |   |   |   | ◐ | ◐ |');
  assert.equal(row('ClassifyImageWithNoStore'), '| ClassifyImageWithNoStore |   |   |   | ● | ● |');
  assert.equal(row('DetectImage'), '| DetectImage |   |   |   | ◐ | ◐ |');
  assert.match(compatibility(), /^\| DetectImage \| Boxes of the same thing .*\|$/m);
  assert.match(compatibility(), /^\| CreateImagesFromPredictions, CreateImagesFromPredictions \(to v1\.0\) \| /m);
});
