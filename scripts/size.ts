/** npm run size: how much code there is and where it grows too big. A report, not a gate. */
import { globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const root = join(import.meta.dirname, '..');
const sources = globSync(['src/**/*.ts', 'test/**/*.ts', 'scripts/**/*.{ts,mjs}'], { cwd: root }).map((path) => ({
  path: path.replaceAll('\\', '/'),
  lines: readFileSync(join(root, path), 'utf8').split('\n').length - 1,
}));
const isTest = (path: string) => path.startsWith('test/') || path.endsWith('.test.ts');
const sum = (files: typeof sources) => files.reduce((total, file) => total + file.lines, 0);
const median = (files: typeof sources) => files.map((file) => file.lines).sort((a, b) => a - b)[files.length >> 1] ?? 0;

const row = (name: string, ...cells: (string | number)[]) =>
  console.log(name.padEnd(28) + cells.map((cell) => String(cell).padStart(9)).join(''));
row('folder', 'files', 'lines', 'median', 'largest');
for (const [folder, files] of Object.entries(Object.groupBy(sources, (file) => dirname(file.path))).sort()) {
  const code = files!.filter((file) => !isTest(file.path) || folder.startsWith('test'));
  if (code.length > 0) row(folder, code.length, sum(code), median(code), Math.max(...code.map((file) => file.lines)));
}

const tests = sources.filter((file) => isTest(file.path));
const product = sources.filter((file) => file.path.startsWith('src/') && !isTest(file.path));
console.log('');
row('src without tests', product.length, sum(product), median(product));
row('tests', tests.length, sum(tests), median(tests));
console.log(`\ntests : src = ${(sum(tests) / sum(product)).toFixed(2)}`);
const long = sources.filter((file) => file.lines > 300).sort((a, b) => b.lines - a.lines);
console.log(
  long.length === 0
    ? 'no file above 300 lines'
    : `above 300 lines: ${long.map((file) => `${file.path} ${file.lines}`).join(', ')}`,
);
