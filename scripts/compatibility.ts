import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { compatibility } from '../src/contract/compatibility.ts';

// Writes docs/compatibility.md from the operation tables.
writeFileSync(join(import.meta.dirname, '../docs/compatibility.md'), compatibility());
