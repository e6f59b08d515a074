import { once } from 'node:events';
import { buffer } from 'node:stream/consumers';
import ZipStream from 'zip-stream';
import type { ArchiveEntry } from './archive-entry.ts';

/** One entry of an archive. */
export interface ZipEntry {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** A small zip archive in memory, its entries deflated, in order, all dated `date`. */
export async function zip(entries: readonly ZipEntry[], date: Date): Promise<Buffer> {
  const archive = new ZipStream({ level: 6 });
  const whole = buffer(archive);
  for (const { name, bytes } of entries)
    await new Promise<void>((resolve, reject) =>
      archive.entry(Buffer.from(bytes), { name, date }, (error) => (error ? reject(error) : resolve())),
    );
  archive.finalize();
  return whole;
}

/**
 * The entries as a zip, all dated `date`; written as fast as it is read, one entry in memory at a time. Beyond 65,535
 * entries or 4 GiB it is a zip64. What is worth it is deflated.
 */
export async function* zipStream(entries: AsyncIterable<ArchiveEntry>, date: Date): AsyncGenerator<Uint8Array> {
  const archive = new ZipStream({ level: 6 });
  const closed = new AbortController();
  archive.once('close', () => closed.abort());
  const add = ({ name, bytes, text }: ArchiveEntry): Promise<void> =>
    new Promise((resolve, reject) => {
      const source = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      archive.entry(source, { name, date, mode: 0o600, store: !text }, (error) => (error ? reject(error) : resolve()));
    });
  const writing = (async () => {
    try {
      for await (const entry of entries) {
        await add(entry);
        if (archive.destroyed) return;
        if (archive.writableNeedDrain) await once(archive, 'drain', { signal: closed.signal });
      }
      archive.finalize();
    } catch (error) {
      archive.destroy(error as Error);
    }
  })();
  try {
    yield* archive as AsyncIterable<Uint8Array>;
    await writing;
  } finally {
    archive.destroy();
  }
}
