import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

test('computing writes nothing to the temporary and home directories: the library under it reports to nobody', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'ownsight-quiet-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const work = `
    import { testPictures } from '${new URL('../export/test-vectors.ts', import.meta.url)}';
    import { bmpFile } from '${new URL('../image/fixture-bmp.ts', import.meta.url)}';
    import { createVision } from '${new URL('./vision-threads.ts', import.meta.url)}';
    const vision = createVision({ threads: 1 });
    const [features] = await vision.features([bmpFile(testPictures(32)[0], 32)]);
    await vision.close();
    console.log(features.length);`;
  // As on a user's machine: where the library sees a test or CI it is silent by itself.
  const env = { PATH: process.env.PATH, HOME: folder, TMPDIR: folder };
  const script = join(folder, '..', `ownsight-quiet-${process.pid}.ts`);
  writeFileSync(script, work);
  t.after(() => rmSync(script, { force: true }));
  const said = execFileSync(process.execPath, [script], { env, encoding: 'utf8' });
  assert.equal(said.trim(), '1792');
  assert.deepEqual(readdirSync(folder, { recursive: true }), []);
});
