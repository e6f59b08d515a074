import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encode } from 'fast-bmp';
import { readBmpHeader, readBmpPixels } from './bmp.ts';

/** A BMP file with a 40-byte header; `rows` as they lie in the file, padded to four bytes by the caller. */
function bmp(
  width: number,
  height: number,
  bits: number,
  rows: readonly number[],
  options: { compression?: number; before?: readonly number[] } = {},
): Uint8Array {
  const before = options.before ?? [];
  const bytes = Buffer.alloc(54 + before.length + rows.length);
  bytes.write('BM');
  bytes.writeUInt32LE(bytes.length, 2);
  bytes.writeUInt32LE(54 + before.length, 10);
  bytes.writeUInt32LE(40, 14);
  bytes.writeInt32LE(width, 18);
  bytes.writeInt32LE(height, 22);
  bytes.writeUInt16LE(1, 26);
  bytes.writeUInt16LE(bits, 28);
  bytes.writeUInt32LE(options.compression ?? 0, 30);
  bytes.set(before, 54);
  bytes.set(rows, 54 + before.length);
  return bytes;
}

const read = async (bytes: Uint8Array): Promise<number[][]> => {
  const out = await readBmpPixels(bytes, readBmpHeader(bytes));
  return Array.from({ length: out.length / 4 }, (_, i) => [...out.subarray(i * 4, i * 4 + 4)]);
};
const red = [255, 0, 0, 255];
const green = [0, 255, 0, 255];
const blue = [0, 0, 255, 255];
const white = [255, 255, 255, 255];

test('24 bits: rows from bottom to top, or from top to bottom when the height is negative', async () => {
  const upper = [0, 0, 255, 0, 255, 0, 0, 0];
  const lower = [255, 0, 0, 255, 255, 255, 0, 0];
  assert.deepEqual(await read(bmp(2, 2, 24, [...lower, ...upper])), [red, green, blue, white]);
  assert.deepEqual(await read(bmp(2, -2, 24, [...upper, ...lower])), [red, green, blue, white]);
});

test('16 bits: five bits a colour, and 5-6-5 by masks', async () => {
  assert.deepEqual(await read(bmp(2, 1, 16, [0x00, 0x7c, 0xe0, 0x03])), [red, green]);
  const masks = [0x00, 0xf8, 0, 0, 0xe0, 0x07, 0, 0, 0x1f, 0, 0, 0];
  assert.deepEqual(await read(bmp(2, 1, 16, [0x00, 0xf8, 0xe0, 0x07], { compression: 3, before: masks })), [
    red,
    green,
  ]);
});

test('32 bits: without masks the fourth byte is no alpha; by masks the colours may stand anywhere', async () => {
  assert.deepEqual(await read(bmp(2, 1, 32, [0, 0, 255, 0, 255, 0, 0, 9])), [red, blue]);
  const masks = [255, 0, 0, 0, 0, 255, 0, 0, 0, 0, 255, 0];
  assert.deepEqual(await read(bmp(2, 1, 32, [255, 0, 0, 0, 0, 0, 255, 0], { compression: 3, before: masks })), [
    red,
    blue,
  ]);
});

test('1, 4 and 8 bits go through the colour table', async () => {
  const table = [0, 0, 255, 0, 0, 255, 0, 0];
  assert.deepEqual(await read(bmp(3, 1, 1, [0b01000000, 0, 0, 0], { before: table })), [red, green, red]);
  const padded = (entries: number): number[] => [...table, ...new Array(entries * 4 - table.length).fill(0)];
  assert.deepEqual(await read(bmp(3, 1, 4, [0x01, 0x10, 0, 0], { before: padded(16) })), [red, green, green]);
  assert.deepEqual(await read(bmp(2, 1, 8, [1, 0, 0, 0], { before: padded(256) })), [green, red]);
});

test('reads what another encoder writes, with and without alpha', async () => {
  const data = Uint8Array.from({ length: 5 * 3 * 4 }, (_, i) => (i * 37) % 256);
  const file = encode({ width: 5, height: 3, data, bitsPerPixel: 32, channels: 4, components: 3 });
  assert.deepEqual([...(await readBmpPixels(file, readBmpHeader(file)))], [...data]);
});

test('refuses what it cannot read, before memory is taken', () => {
  const refuses = (bytes: Uint8Array, message: RegExp): void =>
    assert.throws(() => readBmpHeader(bytes), { code: 'BadRequestImageFormat', message });
  const whole = bmp(2, 2, 24, new Array(16).fill(0));
  refuses(whole.subarray(0, 20), /only 20 bytes/);
  refuses(whole.subarray(0, whole.length - 1), /cut off: 16 bytes of pixels promised, 15 there/);
  refuses(bmp(60_000, 60_000, 24, [0, 0, 0, 0]), /cut off/);
  refuses(
    bmp(2, 2, 8, new Array(8).fill(0), { compression: 1, before: new Array(1024).fill(0) }),
    /compressed \(method 1\)/,
  );
  refuses(bmp(2, 2, 7, new Array(16).fill(0)), /7 bits per pixel/);
  refuses(bmp(0, 2, 24, []), /0 x 2/);
  refuses(bmp(2, 1, 8, [0, 0, 0, 0]), /colour table overlaps/);
  refuses(bmp(2, 1, 16, [0, 0, 0, 0], { compression: 3 }), /masks overlap/);
});
