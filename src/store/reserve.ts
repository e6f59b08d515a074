import { randomFillSync } from 'node:crypto';
import { closeSync, existsSync, fsyncSync, openSync, rmSync, statfsSync, statSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { problem } from '../domain/problems.ts';
import type { BlobStore } from './blobs.ts';
import { isStorageFull } from './storage-full.ts';

/** Room that is set aside on a disk. */
export interface ReservePart {
  readonly path: string;
  readonly bytes: number;
}

/**
 * Room kept for deletions: removing things writes first (a tombstone, the log of the database, the list of what was
 * erased), which a full disk would refuse. It is given up when a deletion needs it, uploads are refused from then on,
 * and it is taken again as soon as there is room.
 */
export interface Reserve {
  /** Sets the room aside, as much of it as there is; from now on {@link spare} asks for it. */
  fill(): void;
  /** Whether there is room beside what is set aside; tries to set it aside again when it was given up. */
  spare(): boolean;
  /** Gives it up if the disk is as good as full. */
  makeWay(): void;
  /** Does `work`, and once more with the room given up when it meets a full disk: it leaves nothing behind then. */
  giveWay<T>(work: () => Promise<T>): Promise<T>;
}

/** Free bytes below which a disk counts as full. */
const asGoodAsFull = 1024 * 1024;
/** How often it is tried to set the room aside again, ms. */
const between = 1000;

/** The reserve in files of these names, in folders that are there when it is filled. */
export function diskReserve(parts: readonly ReservePart[]): Reserve {
  let wanted = false;
  let lastTry = Number.NEGATIVE_INFINITY;
  const held = (): boolean => parts.every(({ path }) => existsSync(path));
  const release = (): boolean => {
    const some = parts.filter(({ path }) => existsSync(path));
    for (const { path } of some) rmSync(path, { force: true });
    return some.length > 0;
  };
  const fill = (): void => {
    wanted = true;
    lastTry = performance.now();
    for (const part of parts) setAside(part);
  };
  const spare = (): boolean => {
    if (!wanted || held()) return true;
    if (performance.now() - lastTry >= between) fill();
    return held();
  };
  return {
    fill,
    spare,
    makeWay() {
      if (parts.some(({ path }) => freeBytes(dirname(path)) < asGoodAsFull)) release();
    },
    async giveWay(work) {
      try {
        return await work();
      } catch (error) {
        if (!isStorageFull(error) || !release()) throw error;
        return await work();
      }
    },
  };
}

/**
 * Makes the file, or makes it longer, as far as there is room; not at all where not even half of it fits. Random bytes: a
 * file system may not store zeros.
 */
function setAside({ path, bytes }: ReservePart): void {
  const there = existsSync(path) ? statSync(path).size : 0;
  const size = Math.min(bytes, there + freeBytes(dirname(path)));
  if (there >= size || size < bytes / 2) return;
  try {
    const fd = openSync(path, 'a', 0o600);
    try {
      for (let at = there; at < size; )
        at += writeSync(fd, randomFillSync(Buffer.allocUnsafe(Math.min(size - at, 1 << 20))));
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    // Somebody else was faster. What there is now is as good.
    if (!isStorageFull(error)) throw error;
  }
}

function freeBytes(folder: string): number {
  const { bavail, bsize } = statfsSync(folder);
  return bavail * bsize;
}

/** A store that takes no more blobs while the reserve is given up. */
export const sparing = (blobs: BlobStore, reserve: Reserve): BlobStore => ({
  ...blobs,
  async put(key, bytes) {
    if (!reserve.spare()) throw problem('ErrorStorageFull');
    await blobs.put(key, bytes);
  },
});
