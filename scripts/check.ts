import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const root = join(import.meta.dirname, '..');

const steps: readonly (readonly [string, readonly string[]])[] = [
  ['types', ['node_modules/typescript/bin/tsc', '-p', '.']],
  [
    'lint and format',
    ['node_modules/@biomejs/biome/bin/biome', 'check', '--error-on-warnings', 'src', 'test', 'scripts'],
  ],
];

/**
 * Runs the type checker, then the linter and formatter (which only look); says what failed. Returns whether all is
 * well.
 */
export function check(): boolean {
  return steps.every(([name, argv]) => {
    const begun = performance.now();
    const { status } = spawnSync(process.execPath, argv, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] });
    const seconds = ((performance.now() - begun) / 1000).toFixed(1);
    console.log(
      status === 0 ? `✔ ${name} (${seconds} s)` : `✖ ${name}: see above. \`npx biome check --write\` repairs format.`,
    );
    return status === 0;
  });
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) process.exitCode = check() ? 0 : 1;
