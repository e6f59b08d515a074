import assert from 'node:assert/strict';
import { test } from 'node:test';
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

test('without its file the backbone is missed by name, and looked for again', async () => {
  const { features, close } = taskTable(ortRuntime(), '/nowhere');
  const picture = bmpFile(testPictures(32)[0]!, 32);
  for (let i = 0; i < 2; i++)
    await assert.rejects(features({ pictures: [picture] }, {}, []), { code: 'BadBackbone', message: /ownsight-s/ });
  await close();
});
