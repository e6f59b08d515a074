/** What storing a picture cannot do without: decode, thumbnail, encrypt, write, fsync. Peer of uploading. */
import { createCipheriv, createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { open, readFile, rename } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { serveSide } from '../side.ts';

serveSide<{ files: string[] }, undefined, number>(async ({ files }) => {
  sharp.concurrency(1);
  sharp.cache(false);
  const directory = mkdtempSync(join(tmpdir(), 'ownsight-bare-'));
  const pictures = await Promise.all(files.map((file) => readFile(file)));
  const key = randomBytes(32);
  let names = 0;

  const keep = async (bytes: Buffer): Promise<void> => {
    const nonce = randomBytes(12);
    const cipher = createCipheriv('aes-256-gcm', key, nonce);
    const sealed = Buffer.concat([nonce, cipher.update(bytes), cipher.final(), cipher.getAuthTag()]);
    const path = join(directory, String(names++));
    const file = await open(`${path}.tmp`, 'wx');
    await file.writeFile(sealed);
    await file.sync();
    await file.close();
    await rename(`${path}.tmp`, path);
  };
  const store = async (bytes: Buffer): Promise<void> => {
    createHash('sha256').update(bytes).digest();
    const thumbnail = await sharp(bytes).resize(256, 256, { fit: 'inside' }).jpeg({ quality: 80 }).toBuffer();
    await Promise.all([keep(bytes), keep(thumbnail)]);
  };
  return {
    /** Pictures a second, four at a time. */
    async round() {
      const begun = performance.now();
      const waiting = [...pictures];
      await Promise.all(
        Array.from({ length: 4 }, async () => {
          for (let bytes = waiting.pop(); bytes !== undefined; bytes = waiting.pop()) await store(bytes);
        }),
      );
      return pictures.length / ((performance.now() - begun) / 1000);
    },
    close: () => rmSync(directory, { recursive: true, force: true }),
  };
});
