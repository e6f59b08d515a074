import assert from 'node:assert/strict';
import { test } from 'node:test';
import sharp from 'sharp';
import { jpegSize } from './jpeg-size.ts';

const picture = (width: number, height: number) =>
  sharp({ create: { width, height, channels: 3, background: '#a40' } });

test('the size of JPEG files of all kinds is what decoding them says', async () => {
  for (const bytes of [
    await picture(640, 480).jpeg().toBuffer(),
    await picture(1, 7).jpeg({ progressive: true }).toBuffer(),
    await picture(300, 20)
      .jpeg({ mozjpeg: true })
      .withMetadata({ orientation: 6, exif: { IFD0: { Copyright: 'x'.repeat(5000) } } })
      .toBuffer(),
    await picture(33, 65).grayscale().jpeg({ optimiseCoding: true }).toBuffer(),
  ]) {
    const { width, height } = await sharp(bytes).metadata();
    assert.deepEqual(jpegSize(bytes), { width, height });
  }
});

test('of what is cut off or no JPEG nothing is claimed', async () => {
  const bytes = await picture(64, 48).jpeg().toBuffer();
  const frame = bytes.indexOf(Buffer.from([0xff, 0xc0]));
  for (let length = 0; length < frame + 9; length++) assert.equal(jpegSize(bytes.subarray(0, length)), undefined);
  assert.equal(jpegSize(Buffer.from('not a picture at all')), undefined);
  assert.equal(jpegSize(Buffer.alloc(100, 0xff)), undefined);
});
