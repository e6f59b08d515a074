import { hash } from 'node:crypto';
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { workerData } from 'node:worker_threads';
import { crc32 } from 'node:zlib';
import { separateBuffers } from '../base/buffers.ts';
import { serveTasks } from '../base/threads/serve.ts';
import { blobKey } from './blobs.ts';
import { blobPath } from './blobs-disk.ts';
import type { BlobsToOpen } from './opener.ts';
import { associated, decrypt } from './sealing.ts';

/** What the thread can do. */
export type OpenerTasks = {
  open: {
    input: BlobsToOpen & { readonly key: SharedArrayBuffer };
    output: {
      /** For each blob its size; `undefined`: it is not there, or does not open. */
      readonly sizes: (number | undefined)[];
      /** Those that opened, one behind the other. */
      readonly bytes: Uint8Array;
      /** 32 bytes for each of these. */
      readonly sha256: Uint8Array;
      /** One for each of these, where they are wanted. */
      readonly crc32: number[];
    };
  };
};

// The entry of the thread. What is handed over must not share its memory with anything that stays.
separateBuffers();
const root = workerData as string;
/** What is read into, again and again: a new one for each blob would keep the garbage collector busy. */
let space = Buffer.alloc(0);

serveTasks<OpenerTasks>({
  async open({ key, ids, crc32: withChecksums, ...place }, _, handOver) {
    const opened: Buffer[] = [];
    const sizes = ids.map((id) => {
      try {
        const sealed = read(blobPath(root, blobKey(place.accountId, place.projectId, place.kind, id)));
        const bytes = decrypt(Buffer.from(key), associated({ ...place, id }), sealed);
        opened.push(bytes);
        return bytes.length;
      } catch {
        return undefined;
      }
    });
    const sha256 = Buffer.concat(opened.map((bytes) => hash('sha256', bytes, 'buffer')));
    const checksums = withChecksums ? opened.map((bytes) => crc32(bytes)) : [];
    const bytes = Buffer.concat(opened);
    // Given up here and now, rather than by the garbage collector some time.
    for (const { buffer } of opened) (buffer as ArrayBuffer).transfer(0);
    handOver.push(bytes.buffer);
    return { sizes, bytes, sha256, crc32: checksums };
  },
});

/** The bytes of a file, until the next one is read. */
function read(path: string): Buffer {
  const file = openSync(path, 'r');
  try {
    const { size } = fstatSync(file);
    if (space.length < size) space = Buffer.allocUnsafe(size);
    let length = 0;
    for (let more = -1; more !== 0 && length < size; length += more)
      more = readSync(file, space, length, size - length, null);
    return space.subarray(0, length);
  } finally {
    closeSync(file);
  }
}
