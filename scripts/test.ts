/**
 * npm test [-- --slow] [--only <part of a path>] [--no-check]: types, lint and format, then every test beside the code
 * and under test/. `--slow` adds the `*.slow.test.ts`, which take minutes.
 */
import { spawnSync } from 'node:child_process';
import { globSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { check } from './check.ts';

const root = join(import.meta.dirname, '..');
const { values: flags } = parseArgs({
  options: { slow: { type: 'boolean' }, only: { type: 'string' }, check: { type: 'boolean', default: true } },
  allowNegative: true,
});

const files = globSync(['src/**/*.test.ts', 'test/**/*.test.ts'], { cwd: root })
  .filter((file) => flags.slow === true || !file.endsWith('.slow.test.ts'))
  .filter((file) => flags.only === undefined || file.includes(flags.only))
  .sort();

if (files.length === 0) {
  console.error(`expected a test file whose path contains "${flags.only ?? ''}" but there is none`);
  process.exitCode = 2;
} else if (flags.check && !check()) {
  process.exitCode = 1;
} else {
  const options = ['--test', '--test-reporter=spec', `--test-concurrency=${Math.min(8, availableParallelism())}`];
  const limit = `--test-timeout=${(flags.slow === true ? 60 : 10) * 60_000}`;
  const { status, error } = spawnSync(process.execPath, [...options, limit, ...files], {
    cwd: root,
    stdio: 'inherit',
    // A process that a test left behind must not hold the suite up for ever.
    timeout: (flags.slow === true ? 180 : 30) * 60_000,
  });
  if (error !== undefined) console.error(`expected the tests to end but: ${error.message}`);
  process.exitCode = status ?? 1;
}
