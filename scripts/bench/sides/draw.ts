/**
 * Draws pictures as a camera or a telephone app sends them: JPEG, 640 x 480 px. In a process of its own, since where the
 * server's code is loaded sharp reads no drawings.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { samplePictures } from '../../samples.ts';
import { serveSide } from '../side.ts';

serveSide<{ directory: string }, { count: number }, string[]>(async ({ directory }) => ({
  /** The files. */
  async round({ count }) {
    const drawn = await samplePictures({ seed: 3, perClass: Math.ceil(count / 3) });
    return Promise.all(
      drawn.slice(0, count).map(async ({ bytes }, n) => {
        const file = join(directory, `${n}.jpg`);
        writeFileSync(file, await sharp(bytes).resize(640, 480).jpeg({ quality: 90 }).toBuffer());
        return file;
      }),
    );
  },
}));
