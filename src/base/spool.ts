import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { type FileHandle, open, rm } from 'node:fs/promises';
import { AppError } from './errors.ts';
import type { Source } from './source.ts';

/** Bytes that are encrypted together. */
const chunkBytes = 256 * 1024;
const tagBytes = 16;

/**
 * Takes a stream of any length to a file that nobody can read but this process: AES-256-GCM under a key that is in
 * memory only. The file loses its name at once where the system allows that, else when the source is closed; so nothing
 * is left however the process ends. On a failure nothing is left either. @throws what the stream or the disk throws.
 */
export async function spool(path: string, stream: AsyncIterable<Uint8Array>): Promise<Source> {
  const key = randomBytes(32);
  const file = await open(path, 'wx+', 0o600);
  const forget = async (): Promise<void> => {
    key.fill(0);
    await file.close();
    await rm(path, { force: true });
  };
  try {
    // Windows removes no file that is open.
    await rm(path, { force: true }).catch(() => undefined);
    return { ...(await fill(file, key, stream)), close: forget };
  } catch (error) {
    await forget();
    throw error;
  }
}

async function fill(
  file: FileHandle,
  key: Buffer,
  stream: AsyncIterable<Uint8Array>,
): Promise<Pick<Source, 'bytes' | 'read'>> {
  let chunks = 0;
  let bytes = 0;
  let held: Uint8Array[] = [];
  let heldBytes = 0;
  const write = async (plain: Uint8Array): Promise<void> => {
    const cipher = createCipheriv('aes-256-gcm', key, nonceOf(chunks));
    const sealed = Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
    await writeAll(file, sealed, chunks * (chunkBytes + tagBytes));
    chunks++;
  };
  for await (const piece of stream) {
    bytes += piece.length;
    heldBytes += piece.length;
    held.push(piece);
    if (heldBytes < chunkBytes) continue;
    const all = Buffer.concat(held);
    let at = 0;
    for (; at + chunkBytes <= all.length; at += chunkBytes) await write(all.subarray(at, at + chunkBytes));
    held = [all.subarray(at)];
    heldBytes = all.length - at;
  }
  if (heldBytes > 0) await write(Buffer.concat(held));

  let last: { readonly number: number; readonly plain: Buffer } | undefined;
  const chunk = async (number: number): Promise<Buffer> => {
    if (last?.number === number) return last.plain;
    const length = Math.min(chunkBytes, bytes - number * chunkBytes);
    const sealed = Buffer.allocUnsafe(length + tagBytes);
    const { bytesRead } = await file.read(sealed, 0, sealed.length, number * (chunkBytes + tagBytes));
    const decipher = createDecipheriv('aes-256-gcm', key, nonceOf(number), { authTagLength: tagBytes });
    decipher.setAuthTag(sealed.subarray(length));
    const plain = decipher.update(sealed.subarray(0, length));
    try {
      if (bytesRead < sealed.length) throw new Error('it became shorter');
      decipher.final();
    } catch (error) {
      throw new AppError('Sealed', 'A temporary file was changed while it was read.', error);
    }
    last = { number, plain };
    return plain;
  };
  return {
    bytes,
    async read(at, length) {
      const parts: Buffer[] = [];
      const end = Math.min(at + length, bytes);
      for (let from = at; from < end; ) {
        const number = Math.floor(from / chunkBytes);
        const begin = from - number * chunkBytes;
        const part = (await chunk(number)).subarray(begin, begin + end - from);
        parts.push(part);
        from += part.length;
      }
      return parts.length === 1 ? Buffer.from(parts[0]!) : Buffer.concat(parts);
    },
  };
}

/** The chunk's number: each is sealed once under its key. */
function nonceOf(chunk: number): Buffer {
  const nonce = Buffer.alloc(12);
  nonce.writeUIntBE(chunk, 6, 6);
  return nonce;
}

async function writeAll(file: FileHandle, bytes: Uint8Array, at: number): Promise<void> {
  for (let done = 0; done < bytes.length; )
    done += (await file.write(bytes, done, bytes.length - done, at + done)).bytesWritten;
}
