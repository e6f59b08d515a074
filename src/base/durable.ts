import { randomUUID } from 'node:crypto';
import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { dirname, join } from 'node:path';

// Windows knows neither: directories cannot be fsynced there (NTFS keeps names in its journal), and modes mean nothing.
const syncsDirectories = process.platform !== 'win32';

/** Makes the names in a directory survive a power cut: after a creation, a rename or a removal inside it. */
export function syncDirectorySync(path: string): void {
  if (!syncsDirectories) return;
  const fd = openSync(path, constants.O_RDONLY);
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/**
 * {@link syncDirectorySync} without blocking. A directory that is gone is not an error: its removal is its parent's
 * affair.
 */
export async function syncDirectory(path: string): Promise<void> {
  if (!syncsDirectories) return;
  let handle: FileHandle;
  try {
    handle = await open(path, constants.O_RDONLY);
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return;
    throw error;
  }
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Makes a directory and its missing parents, all of mode 0700, each durably. Those there already keep their mode. */
export function makeDirectorySync(path: string): void {
  const first = mkdirSync(path, { recursive: true, mode: 0o700 });
  if (first === undefined) return;
  for (let made = path; made.length >= first.length; made = dirname(made)) syncDirectorySync(dirname(made));
}

/**
 * Puts a file of mode 0600 in place as a whole: when it returns it survives a power cut; interrupted, either nothing or
 * all of it is there, and perhaps a leftover (see {@link isLeftover}) beside it. Replaces a file of this name;
 * with `unlessThere` it throws `EEXIST` instead.
 */
export function writeFileDurablySync(path: string, bytes: Uint8Array, unlessThere = false): void {
  const temporary = join(dirname(path), temporaryName());
  try {
    const fd = openSync(temporary, 'wx', 0o600);
    try {
      for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    if (unlessThere) linkSync(temporary, path);
    else renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
  if (unlessThere) rmSync(temporary, { force: true });
  syncDirectorySync(dirname(path));
}

/** Overwrites a small file with zeros in place, then removes it; each step durably. A missing file is not an error. */
export function shredFileSync(path: string): void {
  let fd: number;
  try {
    fd = openSync(path, 'r+');
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return;
    throw error;
  }
  try {
    // Not a byte more than it has: a full disk would refuse that.
    const zeros = Buffer.alloc(fstatSync(fd).size);
    for (let at = 0; at < zeros.length; ) at += writeSync(fd, zeros, at, zeros.length - at, at);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  unlinkSync(path);
  syncDirectorySync(dirname(path));
}

/** Whether `error` is a system or database error of one of these codes. */
export const hasCode = (error: unknown, ...codes: string[]): boolean =>
  error instanceof Error && 'code' in error && codes.includes(error.code as string);

/** A new name for a file that is being written and will be renamed when it is whole. Tells which process writes it. */
export const temporaryName = (): string => `.${process.pid}.${randomUUID()}.tmp`;

/**
 * Whether a file has a {@link temporaryName} whose process has ended (or is this one, which has just begun): it may be
 * removed.
 */
export function isLeftover(name: string): boolean {
  const pid = Number(/^\.(\d+)\..*\.tmp$/.exec(name)?.[1] ?? Number.NaN);
  if (Number.isNaN(pid)) return false;
  if (pid === process.pid) return true;
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return hasCode(error, 'ESRCH');
  }
}
