import { execFileSync, spawnSync } from 'node:child_process';
import { closeSync, mkdirSync, mkdtempSync, openSync, readSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Needle } from './needles.ts';
import { searcher } from './needles.ts';
import type { Hit } from './scan.ts';

/** A file system in a file, every byte of which can be read, those of removed files too. */
export interface RawDisk {
  /** Where it is mounted. */
  readonly path: string;
  /** Finds needles anywhere on it, mounted or not: what was written is there at once. */
  search(needles: readonly Needle[]): Hit[];
  unmount(): void;
  /** Unmounts it and removes it. */
  remove(): void;
}

const bytes = 1 << 30;
const atOnce = 64 << 20;
const overlap = 4096;

/** Why there can be none here; `undefined` when there can. */
export function cannotMount(): string | undefined {
  if (process.platform !== 'linux') return 'needs Linux';
  if (process.getuid?.() !== 0) return 'needs root, to mount a disk';
  const missing = ['mkfs.ext4', 'mount', 'strace'].find((tool) => spawnSync('which', [tool]).status !== 0);
  return missing && `needs ${missing}`;
}

/**
 * Makes and mounts one of 1 GiB, ext4. Mounted with `sync`, so that what lives for a moment only reaches it too, and without
 * `discard`, so that freed blocks keep what was in them.
 */
export function mountRawDisk(): RawDisk {
  const folder = mkdtempSync(join(tmpdir(), 'ownsight-disk-'));
  const [image, path] = [join(folder, 'image'), join(folder, 'mounted')];
  writeFileSync(image, '');
  truncateSync(image, bytes);
  mkdirSync(path);
  execFileSync('mkfs.ext4', ['-q', '-F', image]);
  execFileSync('mount', ['-o', 'loop,sync,nodiscard', image, path]);
  let mounted = true;
  const unmount = (): void => {
    if (mounted) execFileSync('umount', [path]);
    mounted = false;
  };
  return {
    path,
    unmount,
    search(needles) {
      if (mounted) execFileSync('sync', ['-f', path]);
      const search = searcher(needles);
      const hits: Hit[] = [];
      const file = openSync(image, 'r');
      const part = Buffer.alloc(atOnce + overlap);
      for (let at = 0; at < bytes; at += atOnce) {
        const read = readSync(file, part, 0, part.length, at);
        for (const { needle } of search(part.subarray(0, read)))
          hits.push({ kind: needle.kind, encoding: needle.encoding, where: 'the raw disk' });
      }
      closeSync(file);
      return hits;
    },
    remove() {
      unmount();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
