import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { samplePictures } from '../scripts/samples.ts';
import { root } from './fixtures/server.ts';

/** Starts `become(target, args)` of scripts/setup.mjs, as `npm start` does once all is installed. */
function become(t: TestContext, code: string, args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const directory = mkdtempSync(join(tmpdir(), 'ownsight-script-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  writeFileSync(join(directory, 'target.ts'), code);
  const setup = pathToFileURL(join(root, 'scripts/setup.mjs')).href;
  const line = `import { become } from '${setup}'; become('target.ts', ${JSON.stringify(args)});`;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', line], {
    cwd: directory,
    env: { ...process.env, ...env },
  });
  const chunks: string[] = [];
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (chunk: string) => chunks.push(chunk));
  return {
    child,
    /** Resolves when `text` has been said. */
    async said(text: string) {
      while (!chunks.join('').includes(text))
        await Promise.race([once(child.stdout, 'data'), once(child.stderr, 'data')]);
    },
    async ended() {
      const [code, signal] = await once(child, 'close');
      return { code, signal, output: chunks.join('') };
    },
  };
}

test('a target is run where the caller stands, with its arguments, and its exit code is passed on', async (t) => {
  const code = 'const n: number = 7; console.log(JSON.stringify(process.argv.slice(2))); process.exitCode = n;';
  const { code: exit, output } = await become(t, code, ['serve', '--ready-file', 'a b']).ended();
  assert.equal(output, '["serve","--ready-file","a b"]\n');
  assert.equal(exit, 7);
});

test('a signal reaches the target', async (t) => {
  const code =
    "process.on('SIGTERM', () => { console.log('asked'); process.exit(3); }); setInterval(() => {}, 1000); console.log('up');";
  const running = become(t, code, []);
  await running.said('up');
  running.child.kill('SIGTERM');
  assert.deepEqual(await running.ended(), { code: 3, signal: null, output: 'up\nasked\n' });
});

test('sample pictures are the same for the same seed, however many are asked for', async () => {
  const [few, many, other] = [
    await samplePictures({ perClass: 1 }),
    await samplePictures({ perClass: 2 }),
    await samplePictures({ seed: 2, perClass: 1 }),
  ];
  assert.deepEqual(
    many.map((one) => one.tag),
    ['Apple', 'Apple', 'Leaf', 'Leaf', 'Mug', 'Mug'],
  );
  for (const one of few)
    assert.deepEqual(
      many.find((each) => each.name === one.name),
      one,
    );
  for (const [at, one] of other.entries()) assert.notDeepEqual(one.bytes, few[at]!.bytes);
});
