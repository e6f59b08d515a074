import { AppError } from '../base/errors.ts';
import { createPool } from '../base/threads/pool.ts';
import type { BlobKind } from './blobs.ts';
import type { Keys } from './keys.ts';
import type { OpenerTasks } from './opener-thread.ts';

/** Some blobs of one kind of one project. */
export interface BlobsToOpen {
  readonly accountId: string;
  readonly projectId: string;
  readonly kind: BlobKind;
  readonly ids: readonly string[];
  /** Whether their CRC-32 is wanted too. */
  readonly crc32: boolean;
}

/** A blob in the clear. */
export interface OpenedBlob {
  readonly bytes: Uint8Array;
  /** 32 bytes. */
  readonly sha256: Buffer;
  /** 0 where it was not wanted. */
  readonly crc32: number;
}

/** Reads blobs in a thread of its own, so that whoever needs many of them can do something else meanwhile. */
export interface Opener {
  /**
   * Each blob, in order; `undefined` for one that is not there or does not open: store and keys tell why.
   * @throws AppError `ComputeThreadFailed`, `ComputeClosed`, and the reason of an abort.
   */
  open(blobs: BlobsToOpen, signal: AbortSignal | undefined): Promise<(OpenedBlob | undefined)[]>;
  /** Ends the thread. */
  close(): Promise<void>;
}

/**
 * Opens the blobs that `diskBlobs` keeps in `root`. The thread starts when it is needed first. It is lent the key of one
 * project at a time, in memory it shares with this thread: a key that is destroyed is gone there at the same moment.
 */
export function diskOpener(root: string, keys: Pick<Keys, 'lend'>): Opener {
  const entry = new URL('./opener-thread.ts', import.meta.url);
  const pool = createPool<OpenerTasks>({ entry, threads: 1, data: root });
  return {
    async open(blobs, signal) {
      const { accountId, projectId, ids } = blobs;
      let key: SharedArrayBuffer;
      try {
        key = keys.lend({ accountId, projectId });
      } catch (error) {
        if (error instanceof AppError && error.code === 'KeyMissing') return ids.map(() => undefined);
        throw error;
      }
      const opened = await pool.run('open', { ...blobs, key }, signal === undefined ? {} : { signal });
      let [at, end] = [-1, 0];
      return opened.sizes.map((size) => {
        if (size === undefined) return undefined;
        at++;
        end += size;
        return {
          bytes: opened.bytes.subarray(end - size, end),
          sha256: Buffer.from(opened.sha256.buffer as ArrayBuffer, 32 * at, 32),
          crc32: opened.crc32[at] ?? 0,
        };
      });
    },
    close: () => pool.close(),
  };
}
