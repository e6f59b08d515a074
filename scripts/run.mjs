// node scripts/run.mjs [--watch] <target.ts> [arguments]: installs what is missing, then runs the target on Node 24.
import { become, ensureInstalled } from './setup.mjs';

const words = process.argv.slice(2);
const watch = words[0] === '--watch';
const [target, ...args] = watch ? words.slice(1) : words;
if (target === undefined) {
  process.stderr.write('expected: node scripts/run.mjs [--watch] <target.ts> [arguments]\n');
  process.exit(2);
}
await ensureInstalled();
become(target, args, { flags: watch ? ['--watch', '--watch-preserve-output'] : [] });
