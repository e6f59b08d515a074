import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { operations } from '../contract/version.ts';
import { blobCustody, tableCustody } from './custody.ts';
import { custodyPage } from './custody-page.ts';

test('docs/data.md lists what the custody tables say', () => {
  const written = readFileSync(new URL('../../docs/data.md', import.meta.url), 'utf8');
  assert.ok(
    written.endsWith(custodyPage()),
    'docs/data.md is out of date: `node scripts/run.mjs scripts/documents.ts` writes it anew',
  );
});

test('custody names only operations there are', () => {
  for (const [name, { shownBy, deletedBy }] of [...Object.entries(tableCustody), ...Object.entries(blobCustody)])
    for (const operation of [...shownBy, ...deletedBy]) assert.ok(operation in operations, `${name}: ${operation}`);
});
