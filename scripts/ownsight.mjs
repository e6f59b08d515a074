#!/usr/bin/env node
// ownsight <command>, from any directory: installs what is missing, then runs src/main.ts on Node 24.
import { join } from 'node:path';
import { become, ensureInstalled, root } from './setup.mjs';

const args = process.argv.slice(2);
// Commands stream what they read and need little memory at a time; a server that answers many is faster with more.
const flags = args[0] === 'serve' ? [] : ['--max-semi-space-size=1'];
await ensureInstalled();
become(join(root, 'src/main.ts'), args, { flags });
