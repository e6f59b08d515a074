import assert from 'node:assert/strict';
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { builtIn } from '../backbone/registry.ts';
import { testPictures } from '../export/test-vectors.ts';
import { bmpFile } from '../image/fixture-bmp.ts';
import { ortRuntime } from '../runtime/ort.ts';
import { taskTable } from './tasks.ts';

test('features of pictures computed at the same time in one thread do not mix', async () => {
  const { features, close } = taskTable(ortRuntime());
  const pictures = testPictures(builtIn.size).map((pixels) => bmpFile(pixels, builtIn.size));
  const alone: Float32Array[] = [];
  for (const picture of pictures) alone.push(...(await features({ pictures: [picture] }, {}, [])));
  const many = Array.from({ length: 24 }, (_, i) => i % pictures.length);
  const beside = await Promise.all(many.map((i) => features({ pictures: [pictures[i]!, pictures[0]!] }, {}, [])));
  for (const [at, i] of many.entries()) assert.deepEqual(beside[at], [alone[i], alone[0]]);
  await close();
});

test('a backbone that is not there is missed by name, and looked for again', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'ownsight-models-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const { features, close } = taskTable(ortRuntime(), folder);
  const picture = bmpFile(testPictures(32)[0]!, 32);
  const ask = () => features({ pictures: [picture], backbone: 'mine' }, {}, []);
  await assert.rejects(ask(), { code: 'BadRequestOperationNotSupported', message: /mine/ });
  writeFileSync(join(folder, 'mine.json'), JSON.stringify({ ...builtIn, name: 'mine' }));
  copyFileSync(fileURLToPath(new URL(`../../../models/${builtIn.file}`, import.meta.url)), join(folder, builtIn.file));
  assert.equal((await ask())[0]!.length, builtIn.featureLength);
  await close();
});
