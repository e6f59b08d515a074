import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, readFileSync, renameSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { hasCode, makeDirectorySync, shredFileSync, syncDirectorySync, writeFileDurablySync } from '../base/durable.ts';
import { AppError } from '../base/errors.ts';
import { decrypt, encrypt, keyBytes, type Subkeys, subkeys, wipe, wrappedBytes } from './sealing.ts';
import { storageError } from './storage-full.ts';

/** A file that holds a key wrapped by the master key. */
export interface WrappedFile {
  readonly path: string;
  /** What its ciphertext is bound to. */
  readonly data: Buffer;
}

/**
 * The master key of a key store. While it is replaced there are two, and every wrapped key opens with the one or the
 * other; other processes notice that by themselves.
 */
export interface MasterFile {
  /** The key in a file. @throws AppError `Sealed` when neither master key opens it. */
  unwrap(data: Buffer, wrapped: Buffer): Buffer;
  /**
   * Puts a wrapped key in place, durably, and once more when the master key was replaced meanwhile: so a replacement
   * that did not see the file yet does not lose it. @throws `EEXIST` with `unlessThere`, AppError `ErrorStorageFull`.
   */
  keep(file: WrappedFile, key: Buffer, unlessThere?: boolean): void;
  /** For lookups under the server's own scope, as long as the first master key is the only one there ever was. */
  lookup(): Buffer;
  /** Whether the file lies in the key store, and is ours to replace. */
  readonly ours: boolean;
  /** Whether a replacement was interrupted. */
  halfReplaced(): boolean;
  /**
   * Replaces it, or finishes the replacement that was interrupted, by a new one under which all of `files` are wrapped
   * anew; the old one is overwritten. Interrupted anywhere, the store opens as before and this can be called again.
   * Only one process at a time may call it.
   */
  replace(files: readonly WrappedFile[]): void;
}

/**
 * The master key in `file`, made when it is missing and `needed` does not say that there is something it has to open.
 *
 * The order of a replacement: the new key is put beside the old one (`<file>.next`); each file is wrapped anew, one
 * rename each; the old key is overwritten; the new one takes its name.
 *
 * @throws AppError `MasterKey` when it is malformed, or missing although it is needed; nothing was changed.
 */
export function openMasterKey(folder: string, file: string, needed: string | undefined): MasterFile {
  const ours = dirname(file) === folder;
  const nextFile = `${file}.next`;
  let keys = read() ?? make();
  // A key file mounted from elsewhere (a container's secret) keeps its mode; ours is closed to others.
  if (process.platform !== 'win32' && ours && existsSync(file)) closeToOthers(file);

  /** The master keys there are now, newest first; none when no file is there. */
  function read(): Subkeys[] | undefined {
    // The new key is there before the old one is touched, and stays until it has its name: so one look is enough,
    // unless it took place between the two.
    for (let looks = 0; ; looks++) {
      const next = ours ? keyIn(nextFile) : undefined;
      const now = keyIn(file);
      if (next instanceof Buffer) return [next, ...(now instanceof Buffer ? [now] : [])].map(subkeys);
      if (now instanceof Buffer) return [subkeys(now)];
      if (looks === 0) continue;
      if (now === 'malformed')
        throw new AppError(
          'MasterKey',
          `expected ${keyBytes} bytes in base64 in the master key ${file} but received something else`,
        );
      return undefined;
    }
  }

  function make(): Subkeys[] {
    if (needed !== undefined)
      throw new AppError(
        'MasterKey',
        `expected the master key in ${file} but received no such file, although ${needed} it: put it back, or set OWNSIGHT_MASTER_KEY_FILE to where it lies`,
      );
    const key = randomBytes(keyBytes);
    makeDirectorySync(dirname(file));
    writeKey(file, key);
    return [subkeys(key)];
  }

  /** Reads again; tells whether there is a newer key than was known. */
  function renewed(): boolean {
    const before = keys[0]!;
    const now = read() ?? keys;
    if (now === keys) return false;
    const changed = !now[0]!.wrap.equals(before.wrap);
    for (const key of keys) wipe(key);
    keys = now;
    return changed;
  }

  function tryAll(data: Buffer, wrapped: Buffer): Buffer | undefined {
    for (const key of keys)
      try {
        return decrypt(key.wrap, data, wrapped);
      } catch (error) {
        if (!(error instanceof AppError)) throw error;
      }
    return undefined;
  }

  function rewrap({ path, data }: WrappedFile): void {
    const wrapped = readFileSync(path);
    // What is being destroyed, or does not open with any key there is, is left as it is.
    if (wrapped.length !== wrappedBytes) return;
    const key = tryAll(data, wrapped);
    if (key === undefined) return;
    writeFileDurablySync(path, encrypt(keys[0]!.wrap, data, key));
    key.fill(0);
  }

  return {
    ours,
    unwrap(data, wrapped) {
      const key = tryAll(data, wrapped);
      if (key !== undefined) return key;
      renewed();
      return tryAll(data, wrapped) ?? decrypt(keys[0]!.wrap, data, wrapped);
    },
    keep({ path, data }, key, unlessThere = false) {
      try {
        writeFileDurablySync(path, encrypt(keys[0]!.wrap, data, key), unlessThere);
        while (renewed()) writeFileDurablySync(path, encrypt(keys[0]!.wrap, data, key));
      } catch (error) {
        throw storageError(error);
      }
    },
    lookup: () => keys[0]!.lookup,
    halfReplaced: () => ours && existsSync(nextFile),
    replace(files) {
      try {
        if (!existsSync(nextFile)) writeKey(nextFile, randomBytes(keyBytes));
        renewed();
        for (const one of files) rewrap(one);
      } catch (error) {
        throw storageError(error);
      }
      shredFileSync(file);
      renameSync(nextFile, file);
      syncDirectorySync(dirname(file));
      renewed();
    },
  };
}

const writeKey = (file: string, key: Buffer): void =>
  writeFileDurablySync(file, Buffer.from(`${key.toString('base64')}\n`));

function keyIn(file: string): Buffer | 'malformed' | undefined {
  try {
    const text = readFileSync(file, 'utf8').trim();
    return /^[A-Za-z0-9+/]{43}=$/.test(text) ? Buffer.from(text, 'base64') : 'malformed';
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined;
    throw new AppError('MasterKey', `The master key ${file} cannot be read.`, error);
  }
}

function closeToOthers(path: string): void {
  if ((statSync(path).mode & 0o077) !== 0) chmodSync(path, 0o600);
}
