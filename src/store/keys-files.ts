import { createHmac, randomBytes } from 'node:crypto';
import { chmodSync, existsSync, readdirSync, readFileSync, rmdirSync, rmSync, statSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import {
  hasCode,
  isLeftover,
  makeDirectorySync,
  shredFileSync,
  syncDirectorySync,
  writeFileDurablySync,
} from '../base/durable.ts';
import { AppError } from '../base/errors.ts';
import { isId } from '../base/id.ts';
import type { KeyScope, Keys } from './keys.ts';
import { type MasterFile, openMasterKey, type WrappedFile } from './master-key.ts';
import {
  associated,
  associatedToServer,
  decrypt,
  encrypt,
  keyBytes,
  type Subkeys,
  sealed,
  subkeys,
  wipe,
  wrappedBytes,
} from './sealing.ts';
import { storageError } from './storage-full.ts';

/** Where the keys lie. */
export interface KeyFiles {
  /**
   * The key store: `<account>/account.key` and `<account>/<project>.key`, 61 bytes each. Kept at mode 0700, made when
   * missing.
   */
  readonly folder: string;
  /** 32 bytes in base64. Made on the first start. May lie anywhere. */
  readonly masterKeyFile: string;
  /** There are accounts already, sealed under keys of this store: a missing master key is not made anew. */
  readonly needed?: boolean;
  /** Told of an account before its key, or one of its projects', is used for the first time. */
  readonly onUse?: (accountId: string) => void;
}

const accountFile = 'account.key';
const signingFile = 'signing.key';
const lookupFile = 'lookup.key';

/**
 * Opens the key store, removing what an interrupted write left in it. Keys once used stay unwrapped in memory until
 * they are destroyed.
 *
 * @throws AppError `MasterKey` when the master key's file is malformed, or is missing or another one although it is
 * needed to open what is there; nothing was changed.
 */
export function openKeys({ folder, masterKeyFile, needed = false, onUse }: KeyFiles): Keys {
  if (needed && !existsSync(folder))
    throw new AppError(
      'MasterKey',
      `expected the key store in ${folder} but received no such folder, although accounts need it: put it back, or set OWNSIGHT_KEYS to where it lies`,
    );
  makeDirectorySync(folder);
  if (process.platform !== 'win32') closeToOthers(folder, 0o700);
  for (const path of [folder, ...accountFolders(folder)]) removeLeftovers(path);
  const master = openMasterKey(folder, masterKeyFile, neededBy(folder, needed));
  const cache = new Map<string, Subkeys>();

  const load = (scope: KeyScope): Subkeys => {
    const name = cacheName(scope);
    const cached = cache.get(name);
    if (cached !== undefined) return cached;
    onUse?.(scope.accountId);
    const key = unwrap(scope, readKeyFile(folder, scope));
    const loaded = subkeys(key);
    key.fill(0);
    cache.set(name, loaded);
    return loaded;
  };
  const unwrap = ({ accountId, projectId }: KeyScope, wrapped: Buffer): Buffer => {
    if (wrapped.length !== wrappedBytes) throw sealed();
    const data = ofKey({ accountId, ...(projectId === undefined ? {} : { projectId }) });
    return projectId === undefined ? master.unwrap(data, wrapped) : decrypt(load({ accountId }).wrap, data, wrapped);
  };
  const forget = (name: string): void => {
    const keys = cache.get(name);
    if (keys === undefined) return;
    cache.delete(name);
    wipe(keys);
  };
  const list = (): KeyScope[] =>
    accountFolders(folder).flatMap((path) => {
      const accountId = relative(folder, path);
      return readdirSync(path).flatMap((file): KeyScope[] => {
        if (file === accountFile) return [{ accountId }];
        const projectId = file.endsWith('.key') ? file.slice(0, -4) : '';
        return isId(projectId) ? [{ accountId, projectId }] : [];
      });
    });

  const ofServer = (name: string, kind: string): WrappedFile => ({
    path: join(folder, name),
    data: associatedToServer(kind),
  });
  const signing = ofServer(signingFile, 'signing');
  const lookup = ofServer(lookupFile, 'lookup');
  const underMaster = (): WrappedFile[] => [
    ...[signing, lookup].filter(({ path }) => existsSync(path)),
    ...list()
      .filter((scope) => scope.projectId === undefined)
      .map((scope) => ({ path: keyFile(folder, scope), data: ofKey(scope) })),
  ];
  let serverLookup: Buffer | undefined;
  const lookupOfServer = (): Buffer => {
    serverLookup ??= existsSync(lookup.path)
      ? master.unwrap(lookup.data, readFileSync(lookup.path))
      : Buffer.from(master.lookup());
    return serverLookup;
  };

  const [first] = list();
  if (first !== undefined) assertMaster(master, folder, first.accountId, masterKeyFile);

  return {
    create(scope) {
      const path = keyFile(folder, scope);
      if (existsSync(path)) throw new Error('expected a scope without a key but received one that has it');
      onUse?.(scope.accountId);
      const parent = scope.projectId === undefined ? undefined : load({ accountId: scope.accountId });
      const key = randomBytes(keyBytes);
      try {
        makeDirectorySync(dirname(path));
        if (parent === undefined) master.keep({ path, data: ofKey(scope) }, key);
        else writeFileDurablySync(path, encrypt(parent.wrap, ofKey(scope), key));
      } catch (error) {
        throw storageError(error);
      }
      cache.set(cacheName(scope), subkeys(key));
      key.fill(0);
    },
    destroy(scope) {
      const path = keyFile(folder, scope);
      if (scope.projectId !== undefined) {
        shredFileSync(path);
        forget(cacheName(scope));
        return;
      }
      const own = dirname(path);
      if (!existsSync(own)) return;
      shredFileSync(path);
      for (const name of [...cache.keys()]) if (name.startsWith(scope.accountId)) forget(name);
      for (const file of readdirSync(own)) shredFileSync(join(own, file));
      rmdirSync(own);
      syncDirectorySync(folder);
    },
    has: (scope) => existsSync(keyFile(folder, scope)),
    signing() {
      if (!existsSync(signing.path))
        try {
          master.keep(signing, randomBytes(keyBytes), true);
        } catch (error) {
          // Another process was faster.
          if (!hasCode(error, 'EEXIST')) throw error;
        }
      return master.unwrap(signing.data, readFileSync(signing.path));
    },
    master: {
      rotate() {
        if (!master.ours) return false;
        if (master.halfReplaced()) master.replace(underMaster());
        if (!existsSync(lookup.path)) master.keep(lookup, lookupOfServer());
        master.replace(underMaster());
        return true;
      },
      resume() {
        if (master.halfReplaced()) master.replace(underMaster());
      },
    },
    list,
    seal: (thing, plain) => encrypt(load(thing).seal, associated(thing), plain),
    open: (thing, sealed) => decrypt(load(thing).seal, associated(thing), sealed),
    lend: (scope) => load(scope).seal.buffer,
    lookup: (scope, kind, text) =>
      createHmac('sha256', scope === undefined ? lookupOfServer() : load(scope).lookup)
        .update(kind)
        .update('\0')
        .update(text)
        .digest('hex'),
  };
}

const cacheName = (scope: KeyScope): string =>
  scope.projectId === undefined ? scope.accountId : `${scope.accountId}/${scope.projectId}`;

/** The one place where ids become paths of keys. */
function keyFile(folder: string, { accountId, projectId }: KeyScope): string {
  if (!isId(accountId) || (projectId !== undefined && !isId(projectId)))
    throw new Error('expected UUIDs for the scope of a key but received something else');
  return join(folder, accountId, projectId === undefined ? accountFile : `${projectId}.key`);
}

const accountFolders = (folder: string): string[] =>
  readdirSync(folder)
    .filter(isId)
    .map((name) => join(folder, name));

function removeLeftovers(path: string): void {
  for (const file of readdirSync(path)) if (isLeftover(file)) rmSync(join(path, file), { force: true });
}

function closeToOthers(path: string, mode: number): void {
  if ((statSync(path).mode & 0o077) !== 0) chmodSync(path, mode);
}

/** What needs the master key, in words; `undefined`: nothing yet. */
function neededBy(folder: string, needed: boolean): string | undefined {
  if (accountFolders(folder).length > 0) return `keys in ${folder} need`;
  return needed ? 'accounts need' : undefined;
}

/** Another master key would be noticed only at the first reading of data, after new data was sealed under it. */
function assertMaster(master: MasterFile, folder: string, accountId: string, file: string): void {
  try {
    master.unwrap(ofKey({ accountId }), readKeyFile(folder, { accountId }));
  } catch (error) {
    if (error instanceof AppError && error.code === 'KeyMissing') return;
    throw new AppError(
      'MasterKey',
      `expected the master key that made ${folder} in ${file} but received another one`,
      error,
    );
  }
}

/** @throws AppError `KeyMissing`, also for a key whose destruction was interrupted after it was overwritten. */
function readKeyFile(folder: string, scope: KeyScope): Buffer {
  let bytes: Buffer | undefined;
  try {
    bytes = readFileSync(keyFile(folder, scope));
  } catch (error) {
    if (!hasCode(error, 'ENOENT')) throw error;
  }
  if (bytes === undefined || bytes.every((byte) => byte === 0))
    throw new AppError('KeyMissing', 'The key of this data was destroyed, or is missing from the key store.');
  return bytes;
}

/** What the key of an account or project is bound to. */
const ofKey = (scope: KeyScope): Buffer => associated({ ...scope, kind: 'key', id: '' });
