import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import { AppError } from '../base/errors.ts';
import type { SealedThing } from './keys.ts';

const version = 1;
const nonceBytes = 12;
const tagBytes = 16;
/** Bytes of a key. */
export const keyBytes = 32;
/** Bytes of a key wrapped by another. */
export const wrappedBytes = 1 + nonceBytes + keyBytes + tagBytes;

/** What is used of a key: three subkeys, so that sealing, looking up and wrapping share no key material. */
export interface Subkeys {
  /** In memory that threads can share. */
  readonly seal: Buffer<SharedArrayBuffer>;
  readonly lookup: Buffer;
  readonly wrap: Buffer;
}

/** HKDF-SHA-256 (RFC 5869) without salt: the key is random. */
export function subkeys(key: Buffer): Subkeys {
  const derive = (use: string): Buffer => Buffer.from(hkdfSync('sha256', key, '', `ownsight ${use} 1`, keyBytes));
  const seal = Buffer.from(new SharedArrayBuffer(keyBytes));
  const derived = derive('seal');
  derived.copy(seal);
  derived.fill(0);
  return { seal, lookup: derive('lookup'), wrap: derive('wrap') };
}

/** Overwrites subkeys in memory. */
export function wipe({ seal, lookup, wrap }: Subkeys): void {
  for (const key of [seal, lookup, wrap]) key.fill(0);
}

/** What a ciphertext is bound to. Ids and kinds hold no NUL, so the parts cannot run into each other. */
export const associated = ({ accountId, projectId, kind, id }: SealedThing): Buffer =>
  Buffer.from(`${version}\0${accountId}\0${projectId ?? ''}\0${kind}\0${id}`);

/** The same for a key of the server: no account has this id. */
export const associatedToServer = (kind: string): Buffer => Buffer.from(`${version}\0server\0\0${kind}\0`);

/** What is thrown for bytes that do not open. */
export const sealed = (cause?: unknown): AppError =>
  new AppError('Sealed', 'Stored data does not open: it was changed, or belongs elsewhere.', cause);

/**
 * Makes a cipher. Node tells kinds of keys apart by errors that it throws and catches itself: to note where these come from
 * would take longer than to open most of what is sealed.
 */
function untraced<T>(make: () => T): T {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 0;
  try {
    return make();
  } finally {
    Error.stackTraceLimit = limit;
  }
}

/**
 * AES-256-GCM (NIST SP 800-38D): version (1), nonce (12), ciphertext, tag (16). Random nonces: at most 2^32 seals a
 * key.
 */
export function encrypt(key: Buffer, data: Buffer, plain: Uint8Array): Buffer {
  const nonce = randomBytes(nonceBytes);
  const cipher = untraced(() => createCipheriv('aes-256-gcm', key, nonce)).setAAD(data);
  const head = Buffer.allocUnsafe(1 + nonceBytes);
  head[0] = version;
  nonce.copy(head, 1);
  const body = cipher.update(plain);
  cipher.final();
  return Buffer.concat([head, body, cipher.getAuthTag()]);
}

/** The inverse. @throws AppError `Sealed`. */
export function decrypt(key: Buffer, data: Buffer, bytes: Uint8Array): Buffer {
  const end = bytes.length - tagBytes;
  if (end < 1 + nonceBytes || bytes[0] !== version) throw sealed();
  const nonce = bytes.subarray(1, 1 + nonceBytes);
  const decipher = untraced(() => createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: tagBytes }));
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
