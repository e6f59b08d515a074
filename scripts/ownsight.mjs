#!/usr/bin/env node
// ownsight <command>, from any directory: installs what is missing, then runs src/main.ts on Node 24.
import { join } from 'node:path';
import { become, ensureInstalled, root } from './setup.mjs';

await ensureInstalled();
become(join(root, 'src/main.ts'), process.argv.slice(2));
