import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { compatibility } from '../src/contract/compatibility.ts';
import { custodyPage } from '../src/store/custody-page.ts';

// Writes the documents that are made from tables of the code: docs/compatibility.md, and the second half of
// docs/data.md.
const docs = join(import.meta.dirname, '../docs');
writeFileSync(join(docs, 'compatibility.md'), compatibility());
const data = readFileSync(join(docs, 'data.md'), 'utf8');
writeFileSync(join(docs, 'data.md'), data.slice(0, data.indexOf('## Rows of the database')) + custodyPage());
