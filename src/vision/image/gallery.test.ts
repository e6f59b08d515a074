import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bmpFile } from './fixture-bmp.ts';
import { gallery } from './gallery.ts';

test('pictures are read when they are looked at, once while there is room, and no more of them stay than that', async () => {
  const reads: string[] = [];
  const read = async (key: string): Promise<Uint8Array> => {
    reads.push(key);
    return bmpFile(new Uint8Array(3 * 4 * 4).fill(key.charCodeAt(0)), 4);
  };
  const pictures = ['a', 'b', 'c'].map((key) => ({ key }));
  const [a, b, c] = gallery(pictures, read, { side: 2, room: 2 * 3 * 2 * 2 });
  assert.deepEqual(reads, []);
  for (const one of [c!, a!, b!, c!, a!, b!, b!])
    assert.deepEqual(Array.from(await one.pixels()), new Array(12).fill(one.key.charCodeAt(0)));
  assert.deepEqual(reads, ['c', 'a', 'b', 'b', 'b']);
});

test('a picture that cannot be decoded is named', async () => {
  const [one] = gallery([{ key: 'this one' }], async () => Buffer.from('no picture'), { side: 2, room: 0 });
  await assert.rejects(one!.pixels(), { code: 'PictureUndecodable', message: /this one/ });
});
