import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes } from 'node:crypto';
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
import type { KeyScope, Keys, SealedThing } from './keys.ts';
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
}

const version = 1;
const nonceBytes = 12;
const tagBytes = 16;
const keyBytes = 32;
const wrappedBytes = 1 + nonceBytes + keyBytes + tagBytes;
const accountFile = 'account.key';
const signingFile = 'signing.key';

/** What is used of a key: three subkeys, so that sealing, looking up and wrapping share no key material. */
interface Subkeys {
  readonly seal: Buffer;
  readonly lookup: Buffer;
  readonly wrap: Buffer;
}

/**
 * Opens the key store, removing what an interrupted write left in it. Keys once used stay unwrapped in memory until
 * they are destroyed.
 *
 * @throws AppError `MasterKey` when the master key's file is malformed, or is missing or another one although it is
 * needed to open what is there; nothing was changed.
 */
export function openKeys({ folder, masterKeyFile }: KeyFiles): Keys {
  makeDirectorySync(folder);
  if (process.platform !== 'win32') closeToOthers(folder, 0o700);
  for (const path of [folder, ...accountFolders(folder)]) removeLeftovers(path);
  const master = subkeys(masterKey(folder, masterKeyFile));
  const cache = new Map<string, Subkeys>();

  const load = (scope: KeyScope): Subkeys => {
    const name = cacheName(scope);
    const cached = cache.get(name);
    if (cached !== undefined) return cached;
    const parent = scope.projectId === undefined ? master : load({ accountId: scope.accountId });
    const loaded = subkeys(unwrap(parent, scope, readKeyFile(folder, scope)));
    cache.set(name, loaded);
    return loaded;
  };
  const forget = (name: string): void => {
    const keys = cache.get(name);
    if (keys === undefined) return;
    cache.delete(name);
    for (const key of [keys.seal, keys.lookup, keys.wrap]) key.fill(0);
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

  const [first] = list();
  if (first !== undefined) assertMaster(master, folder, first.accountId, masterKeyFile);

  return {
    create(scope) {
      const path = keyFile(folder, scope);
      if (existsSync(path)) throw new Error('expected a scope without a key but received one that has it');
      const parent = scope.projectId === undefined ? master : load({ accountId: scope.accountId });
      const key = randomBytes(keyBytes);
      try {
        makeDirectorySync(dirname(path));
        writeFileDurablySync(path, encrypt(parent.wrap, associated({ ...scope, kind: 'key', id: '' }), key));
      } catch (error) {
        throw storageError(error);
      }
      cache.set(cacheName(scope), subkeys(key));
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
      const path = join(folder, signingFile);
      if (!existsSync(path))
        try {
          writeFileDurablySync(path, encrypt(master.wrap, ofSigning, randomBytes(keyBytes)), true);
        } catch (error) {
          // Another process was faster.
          if (!hasCode(error, 'EEXIST')) throw storageError(error);
        }
      return decrypt(master.wrap, ofSigning, readFileSync(path));
    },
    list,
    seal: (thing, plain) => encrypt(load(thing).seal, associated(thing), plain),
    open: (thing, sealed) => decrypt(load(thing).seal, associated(thing), sealed),
    lookup: (scope, kind, text) =>
      createHmac('sha256', (scope === undefined ? master : load(scope)).lookup)
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

/** The master key of the file, made when there is neither it nor anything it would have to open. */
function masterKey(folder: string, file: string): Buffer {
  let text: string;
  try {
    text = readFileSync(file, 'utf8').trim();
  } catch (error) {
    if (!hasCode(error, 'ENOENT')) throw new AppError('MasterKey', `The master key ${file} cannot be read.`, error);
    if (accountFolders(folder).length > 0)
      throw new AppError(
        'MasterKey',
        `expected the master key in ${file} but received no such file, although keys in ${folder} need it: put it back, or set OWNSIGHT_MASTER_KEY_FILE to where it lies`,
      );
    const key = randomBytes(keyBytes);
    makeDirectorySync(dirname(file));
    writeFileDurablySync(file, Buffer.from(`${key.toString('base64')}\n`));
    return key;
  }
  if (!/^[A-Za-z0-9+/]{43}=$/.test(text))
    throw new AppError(
      'MasterKey',
      `expected ${keyBytes} bytes in base64 in the master key ${file} but received something else`,
    );
  // A key file mounted from elsewhere (a container's secret) keeps its mode; ours is closed to others.
  if (process.platform !== 'win32' && dirname(file) === folder) closeToOthers(file, 0o600);
  return Buffer.from(text, 'base64');
}

/** Another master key would be noticed only at the first reading of data, after new data was sealed under it. */
function assertMaster(master: Subkeys, folder: string, accountId: string, file: string): void {
  try {
    unwrap(master, { accountId }, readKeyFile(folder, { accountId }));
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

function unwrap(parent: Subkeys, scope: KeyScope, wrapped: Buffer): Buffer {
  if (wrapped.length !== wrappedBytes) throw sealed();
  return decrypt(parent.wrap, associated({ ...scope, kind: 'key', id: '' }), wrapped);
}

/** HKDF-SHA-256 (RFC 5869) without salt: the key is random. */
function subkeys(key: Buffer): Subkeys {
  const derive = (use: string): Buffer => Buffer.from(hkdfSync('sha256', key, '', `ownsight ${use} 1`, keyBytes));
  return { seal: derive('seal'), lookup: derive('lookup'), wrap: derive('wrap') };
}

/** What the signing key is bound to: no account has this id. */
const ofSigning = Buffer.from(`${version}\0server\0\0signing\0`);

/** Ids and kinds hold no NUL, so the parts cannot run into each other. */
const associated = ({ accountId, projectId, kind, id }: SealedThing): Buffer =>
  Buffer.from(`${version}\0${accountId}\0${projectId ?? ''}\0${kind}\0${id}`);

const sealed = (cause?: unknown): AppError =>
  new AppError('Sealed', 'Stored data does not open: it was changed, or belongs elsewhere.', cause);

/**
 * AES-256-GCM (NIST SP 800-38D): version (1), nonce (12), ciphertext, tag (16). Random nonces: at most 2^32 seals a
 * key.
 */
function encrypt(key: Buffer, data: Buffer, plain: Uint8Array): Buffer {
  const nonce = randomBytes(nonceBytes);
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(data);
  const head = Buffer.allocUnsafe(1 + nonceBytes);
  head[0] = version;
  nonce.copy(head, 1);
  const body = cipher.update(plain);
  cipher.final();
  return Buffer.concat([head, body, cipher.getAuthTag()]);
}

function decrypt(key: Buffer, data: Buffer, bytes: Uint8Array): Buffer {
  const end = bytes.length - tagBytes;
  if (end < 1 + nonceBytes || bytes[0] !== version) throw sealed();
  const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(1, 1 + nonceBytes), { authTagLength: tagBytes });
  decipher.setAAD(data).setAuthTag(bytes.subarray(end));
  const plain = decipher.update(bytes.subarray(1 + nonceBytes, end));
  try {
    decipher.final();
  } catch (error) {
    plain.fill(0);
    throw sealed(error);
  }
  return plain;
}
