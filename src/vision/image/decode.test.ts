import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { encode } from 'fast-bmp';
import sharp, { type Sharp } from 'sharp';
import { inspect, type PictureLimits, pixels, prepare, thumbnail } from './decode.ts';

const limits = { maxPixels: 1_000_000, maxSide: 2_000 };
/** A picture of four quarters: red, green above; blue, white below. */
const quarters = (width: number, height: number): Buffer =>
  Buffer.from(
    Array.from({ length: width * height }, (_, i) => {
      const right = i % width >= width / 2;
      return i < (width * height) / 2 ? (right ? [0, 255, 0] : [255, 0, 0]) : right ? [255, 255, 255] : [0, 0, 255];
    }).flat(),
  );
const source = (width = 400, height = 300): Sharp =>
  sharp(quarters(width, height), { raw: { width, height, channels: 3 } });
const bmp = (width = 400, height = 300): Uint8Array =>
  encode({ width, height, data: quarters(width, height), bitsPerPixel: 24, channels: 3, components: 3 });

const files: Record<string, () => Promise<Uint8Array>> = {
  jpeg: () => source().jpeg({ quality: 100, chromaSubsampling: '4:4:4' }).toBuffer(),
  png: () => source().png().toBuffer(),
  gif: () => source().gif().toBuffer(),
  webp: () => source().webp({ lossless: true }).toBuffer(),
  tiff: () => source().tiff({ compression: 'lzw' }).toBuffer(),
  bmp: async () => bmp(),
};

/** The colour at the middle of each quarter of a square of `size`. */
const corners = (square: Uint8Array, size: number): number[][] =>
  [
    [1, 1],
    [3, 1],
    [1, 3],
    [3, 3],
  ].map(([x, y]) => [...square.subarray((((y! * size) / 4) * size + (x! * size) / 4) * 3).subarray(0, 3)]);
const near = (actual: number[][], wanted: number[][], within = 4): void => {
  const worst = Math.max(...actual.flatMap((colour, i) => colour.map((value, j) => Math.abs(value - wanted[i]![j]!))));
  assert.ok(worst <= within, `${JSON.stringify(actual)} is not ${JSON.stringify(wanted)}`);
};
const colours = [
  [255, 0, 0],
  [0, 255, 0],
  [0, 0, 255],
  [255, 255, 255],
];
const refused = { code: 'BadRequestImageFormat' };

for (const [format, make] of Object.entries(files)) {
  test(`${format}: format, size, pixels and thumbnail`, async () => {
    const bytes = await make();
    assert.deepEqual(await inspect(bytes, limits), { format, width: 400, height: 300 });
    const square = await pixels(bytes, 64);
    assert.equal(square.length, 64 * 64 * 3);
    near(corners(square, 64), colours);
    const small = await sharp(await thumbnail(bytes)).metadata();
    assert.deepEqual([small.format, small.width, small.height], ['jpeg', 256, 192]);
  });

  test(`${format}: cut off in the middle or near its end, it is refused`, async () => {
    const bytes = await make();
    for (const part of [0.5, 0.9]) {
      const cut = bytes.subarray(0, Math.floor(bytes.length * part));
      await assert.rejects(inspect(cut, limits), refused);
      await assert.rejects(prepare(cut, limits), refused);
      await assert.rejects(pixels(cut, 64), refused);
    }
  });
}

test('EXIF turns the picture upright and leaves no trace in the thumbnail', async () => {
  const turned = await source()
    .jpeg({ quality: 100, chromaSubsampling: '4:4:4' })
    .withMetadata({ orientation: 6 })
    .toBuffer();
  const { thumbnail: small, ...picture } = await prepare(turned, limits);
  assert.deepEqual(picture, { format: 'jpeg', width: 300, height: 400 });
  const metadata = await sharp(small).metadata();
  assert.deepEqual(
    [metadata.width, metadata.height, metadata.orientation, metadata.exif, metadata.icc],
    [192, 256, undefined, undefined, undefined],
  );
  near(corners(await pixels(turned, 64), 64), [colours[2]!, colours[0]!, colours[3]!, colours[1]!]);
});

test('grey, CMYK, 16-bit, palette and transparent pictures all become RGB', async () => {
  const grey = await sharp(Buffer.alloc(64 * 64, 128), { raw: { width: 64, height: 64, channels: 1 } })
    .png()
    .toBuffer();
  near(corners(await pixels(grey, 32), 32), new Array(4).fill([128, 128, 128]));
  const cmyk = await source().toColourspace('cmyk').jpeg({ quality: 100 }).toBuffer();
  for (const [i, [red, green, blue]] of corners(await pixels(cmyk, 32), 32).entries())
    assert.ok(
      [red! > 200 && green! < 50, green! > 180 && blue! < 50, blue! > 120 && red! < 50, red! + green! + blue! > 700][i],
      `quarter ${i}: ${red} ${green} ${blue}`,
    );
  const deep = await source().toColourspace('rgb16').png().toBuffer();
  near(corners(await pixels(deep, 32), 32), colours);
  const palette = await source().png({ palette: true }).toBuffer();
  near(corners(await pixels(palette, 32), 32), colours);
  const clear = await sharp({
    create: { width: 40, height: 40, channels: 4, background: { r: 9, g: 9, b: 9, alpha: 0 } },
  })
    .webp()
    .toBuffer();
  near(corners(await pixels(clear, 32), 32), new Array(4).fill([255, 255, 255]));
  assert.equal((await sharp(await thumbnail(clear)).stats()).channels[0]!.min, 255);
});

test('small and very long pictures are accepted; a small one is not enlarged', async () => {
  const dot = await source(1, 1).png().toBuffer();
  const { thumbnail: small, ...picture } = await prepare(dot, limits);
  assert.deepEqual(picture, { format: 'png', width: 1, height: 1 });
  assert.equal((await sharp(small).metadata()).width, 1);
  assert.equal((await pixels(dot, 32)).length, 32 * 32 * 3);
  assert.equal((await inspect(await source(2_000, 4).png().toBuffer(), limits)).height, 4);
});

test('of an animation the first frame counts', async () => {
  const frames = Buffer.concat([quarters(40, 40), Buffer.alloc(40 * 40 * 3)]);
  const animation = await sharp(frames, { raw: { width: 40, height: 80, channels: 3, pageHeight: 40 } })
    .gif({ delay: [50, 50] })
    .toBuffer();
  assert.equal((await sharp(animation, { animated: true }).metadata()).pages, 2);
  assert.deepEqual(await inspect(animation, limits), { format: 'gif', width: 40, height: 40 });
  near(corners(await pixels(animation, 32), 32), colours);
});

test('what is no picture is refused, saying what came', async () => {
  const cases: [Uint8Array, RegExp][] = [
    [new Uint8Array(0), /an empty file/],
    [Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'), /markup/],
    [Buffer.from('\n<!DOCTYPE html><html></html>'), /markup/],
    [Buffer.from('hello'), /received text/],
    [Buffer.from('\0\0\0\x1cftypheic\0\0\0\0mif1'), /HEIC/],
    [Buffer.from([0, 1, 2, 3]), /unknown format/],
    [Buffer.from([0xff, 0xd8, 0xff]), /damaged or cut off/],
    [Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), Buffer.alloc(40)]), /damaged or cut off/],
    [Buffer.concat([Buffer.from('GIF89a'), Buffer.from('<svg/>')]), /damaged or cut off/],
  ];
  for (const [bytes, message] of cases) await assert.rejects(inspect(bytes, limits), { ...refused, message });
});

test('a picture over the limits is refused before it is decoded', async () => {
  const bomb = await sharp({ create: { width: 6_000, height: 6_000, channels: 3, background: '#000' } })
    .png()
    .toBuffer();
  assert.ok(bomb.length < 2_000_000);
  const start = performance.now();
  for (const step of [inspect, prepare, (bytes: Uint8Array, most: PictureLimits) => pixels(bytes, 8, most)])
    await assert.rejects(step(bomb, limits), {
      code: 'BadRequestImageDimensions',
      message: /at most 2000 pixels a side and 1000000 in all but received 6000 x 6000/,
    });
  assert.ok(performance.now() - start < 500);
  await assert.rejects(inspect(await source(1_500, 900).png().toBuffer(), limits), {
    code: 'BadRequestImageDimensions',
  });
  await assert.rejects(inspect(bmp(2_001, 1), limits), { code: 'BadRequestImageDimensions' });
});

test('pictures of very many pixels take memory one after the other', async () => {
  const [width, height] = [8_000, 4_200];
  /** A BMP of one bit a pixel: 4 MB that become 134 MB. */
  const large = Buffer.alloc(62 + (width / 8) * height);
  large.write('BM');
  for (const [offset, value] of [
    [10, 62],
    [14, 40],
    [18, width],
    [22, height],
    [26, 1 + (1 << 16)],
  ] as const)
    large.writeUInt32LE(value, offset);
  const before = process.memoryUsage().arrayBuffers;
  const three = [1, 2, 3].map(() => inspect(large, { maxPixels: 2 ** 26, maxSide: 10_000 }));
  await setImmediate();
  const taken = process.memoryUsage().arrayBuffers - before;
  assert.ok(taken < 2 * width * height * 4, `${taken} bytes at once`);
  for (const picture of await Promise.all(three)) assert.deepEqual(picture, { format: 'bmp', width, height });
});
