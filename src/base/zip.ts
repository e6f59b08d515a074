import { buffer } from 'node:stream/consumers';
import ZipStream from 'zip-stream';

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
