/**
 * Erases something of an account as a server does, and ends: `node deed-child.ts <erasure> <home> <account>`. Says
 * `deleted` when the deletion is acknowledged, `finished` when the purge has ended. To be killed.
 */
import { writeSync } from 'node:fs';
import { openApp } from '../../src/app.ts';
import { readConfig } from '../../src/config.ts';
import { type ErasureName, erasures, work } from './deeds.ts';

const [erasure, home, accountId] = process.argv.slice(2) as [ErasureName, string, string];
const app = await openApp({ ...readConfig({ OWNSIGHT_HOME: home }), logLevel: 'silent' });
await erasures[erasure](app, accountId);
writeSync(1, 'deleted\n');
await work(app);
writeSync(1, 'finished\n');
await app.close();
