import { chmodSync } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, realpath, rename, rm, stat, unlink } from 'node:fs/promises';
import { dirname, join, relative, sep } from 'node:path';
import { mapConcurrently } from '../base/concurrency.ts';
import { hasCode, isLeftover, makeDirectorySync, syncDirectory, temporaryName } from '../base/durable.ts';
import { isId } from '../base/id.ts';
import { limiter } from '../base/limiter.ts';
import { type BlobKey, type BlobKind, type BlobStore, blobKinds } from './blobs.ts';
import { storageError } from './storage-full.ts';

/**
 * Blobs as files `<root>/<account>/<project>/<kind>/<id>` of mode 0600, made durable before they get their name. What
 * the interrupted puts of ended processes left behind is removed first. A full disk throws `ErrorStorageFull` and
 * leaves nothing.
 */
export async function diskBlobs(root: string): Promise<BlobStore> {
  makeDirectorySync(root);
  if (process.platform !== 'win32') chmodSync(root, 0o700);
  const incoming = join(root, '.incoming');
  makeDirectorySync(incoming);
  for (const name of await readdir(incoming)) if (isLeftover(name)) await rm(join(incoming, name), { force: true });
  const sync = sharedSync();
  const withFile = limiter(filesAtOnce);
  // Directories known to exist durably.
  const made = new Map<string, Promise<void>>();

  const makeDirectory = (path: string): Promise<void> => {
    let making = made.get(path);
    if (making === undefined) {
      making = (async () => {
        const parent = dirname(path);
        if (path === root) return;
        await makeDirectory(parent);
        try {
          await mkdir(path, { mode: 0o700 });
        } catch (error) {
          if (!hasCode(error, 'EEXIST')) throw error;
        }
        await sync(parent);
      })();
      made.set(path, making);
      making.catch(() => made.delete(path));
    }
    return making;
  };
  const realRoot = await realpath(root);
  /** Refuses a folder below the root that a link leads away from it: nothing is removed there. */
  const assertOwn = async (path: string): Promise<void> => {
    try {
      if ((await realpath(path)) !== join(realRoot, relative(root, path)))
        throw new Error('expected a folder of its own for what is removed but received one that a link leads to');
    } catch (error) {
      if (!hasCode(error, 'ENOENT')) throw error;
    }
  };
  const forgetDirectories = (path: string): void => {
    for (const known of made.keys()) if (known === path || known.startsWith(path + sep)) made.delete(known);
  };

  return {
    async put(key, bytes) {
      const path = blobPath(root, key);
      const temporary = join(incoming, temporaryName());
      try {
        await withFile(() => writeWhole(temporary, bytes));
        for (let tries = 1; ; tries++) {
          try {
            await makeDirectory(dirname(path));
            await rename(temporary, path);
            break;
          } catch (error) {
            // A removal took its directories away, or the one in which the next was about to be made.
            if (!hasCode(error, 'ENOENT') || tries === putTries) throw error;
            forgetDirectories(dirname(dirname(dirname(path))));
          }
        }
        await sync(dirname(path));
      } catch (error) {
        await rm(temporary, { force: true });
        throw storageError(error);
      }
    },
    async get(key) {
      const path = blobPath(root, key);
      return withFile(async () => {
        const file = await openOrUndefined(path);
        try {
          return await file?.readFile();
        } finally {
          await file?.close();
        }
      });
    },
    async delete(keys) {
      const paths = keys.map((key) => blobPath(root, key));
      await Promise.all([...new Set(paths.map(dirname))].map(assertOwn));
      await mapConcurrently(paths, filesAtOnce, async (path) => {
        try {
          await unlink(path);
        } catch (error) {
          if (!hasCode(error, 'ENOENT')) throw error;
        }
      });
      await Promise.all([...new Set(paths.map(dirname))].map(sync));
    },
    async deletePrefix(prefix) {
      const parts = prefixParts(prefix);
      if (parts.length === 0) throw new Error('expected the prefix of an account or project but received none');
      const path = join(root, ...parts);
      await assertOwn(dirname(path));
      forgetDirectories(path);
      await rm(path, { recursive: true, force: true, maxRetries: 3 });
      await sync(dirname(path));
    },
    async *list(prefix) {
      yield* listBelow(root, prefixParts(prefix));
    },
  };
}

/** How often the directories of a blob are made while removals take them away. */
const putTries = 10;
/**
 * Files open, or being removed, at a time: enough to share the disk's work, few enough for every limit on open files.
 */
const filesAtOnce = 64;

/** Refuses a part of a path that is not what stands at this depth: account, project, kind, id. */
function assertPart(part: string, depth: number): void {
  const good = depth === 2 ? blobKinds.includes(part as BlobKind) : depth < 4 && isId(part);
  if (!good)
    throw new Error('expected <account>/<project>/<kind>/<id> for the key of a blob but received something else');
}

/** Where a blob lies below the root: the one place where a key becomes a path. */
export function blobPath(root: string, key: BlobKey): string {
  const parts = key.split('/');
  if (parts.length !== 4) assertPart('', 4);
  parts.forEach(assertPart);
  return join(root, ...parts);
}

/** The parts of `''`, `<account>/` and so on. */
function prefixParts(prefix: string): string[] {
  const parts = prefix.split('/');
  if (parts.pop() !== '') assertPart('', 4);
  parts.forEach(assertPart);
  return parts;
}

async function* listBelow(root: string, parts: readonly string[]): AsyncGenerator<{ key: BlobKey; bytes: number }> {
  let names: string[];
  try {
    names = await readdir(join(root, ...parts));
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENOTDIR')) return;
    throw error;
  }
  for (const name of names) {
    const below = [...parts, name];
    if (parts.length === 2 ? !blobKinds.includes(name as BlobKind) : !isId(name)) continue;
    if (parts.length < 3) {
      yield* listBelow(root, below);
      continue;
    }
    try {
      yield { key: below.join('/') as BlobKey, bytes: (await stat(join(root, ...below))).size };
    } catch (error) {
      if (!hasCode(error, 'ENOENT')) throw error;
    }
  }
}

async function writeWhole(path: string, bytes: Uint8Array): Promise<void> {
  const file = await open(path, 'wx', 0o600);
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
}

async function openOrUndefined(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path);
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined;
    throw error;
  }
}

/**
 * `syncDirectory` for many at once: whoever asks while one runs shares the next one, which starts after all of them
 * changed the directory.
 */
function sharedSync(): (path: string) => Promise<void> {
  const running = new Map<string, { now: Promise<void>; next?: Promise<void> }>();
  const start = (path: string): Promise<void> => {
    const state: { now: Promise<void>; next?: Promise<void> } = { now: syncDirectory(path) };
    running.set(path, state);
    const ended = (): void => {
      if (state.next === undefined) running.delete(path);
    };
    state.now.then(ended, ended);
    return state.now;
  };
  return (path) => {
    const state = running.get(path);
    if (state === undefined) return start(path);
    state.next ??= state.now.then(
      () => start(path),
      () => start(path),
    );
    return state.next;
  };
}
