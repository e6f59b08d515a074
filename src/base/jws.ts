import { createPrivateKey, createPublicKey } from 'node:crypto';
import { CompactSign, calculateJwkThumbprint, compactVerify, type JWK } from 'jose';

/** A public Ed25519 key as a JWK (RFC 8037), named by its thumbprint (RFC 7638). */
export interface PublicJwk {
  readonly kty: 'OKP';
  readonly crv: 'Ed25519';
  readonly x: string;
  readonly kid: string;
  readonly use: 'sig';
  readonly alg: 'EdDSA';
}

/** PKCS #8 (RFC 8410) up to the 32 bytes of an Ed25519 key. */
const pkcs8 = Buffer.from('302e020100300506032b657004220420', 'hex');
const alg = 'EdDSA';

/** The part of a public key that is the key itself. */
function bare(seed: Uint8Array): { kty: 'OKP'; crv: 'Ed25519'; x: string } {
  const key = createPrivateKey({ key: Buffer.concat([pkcs8, seed]), format: 'der', type: 'pkcs8' });
  const { x } = createPublicKey(key).export({ format: 'jwk' }) as { x: string };
  return { kty: 'OKP', crv: 'Ed25519', x };
}

/** The public half of a key of 32 random bytes. */
export async function publicJwk(seed: Uint8Array): Promise<PublicJwk> {
  const key = bare(seed);
  return { ...key, kid: await calculateJwkThumbprint(key), use: 'sig', alg };
}

/** `payload` as a JWS in compact form (RFC 7515), signed by EdDSA with Ed25519 (RFC 8037), of media type `typ`. */
export async function signJws(payload: unknown, seed: Uint8Array, typ: string): Promise<string> {
  const key: JWK = { ...bare(seed), d: Buffer.from(seed).toString('base64url') };
  const { kid } = await publicJwk(seed);
  return new CompactSign(Buffer.from(JSON.stringify(payload))).setProtectedHeader({ alg, typ, kid }).sign(key);
}

/**
 * The payload of a JWS that `key` signed as this `typ`; `undefined` when a single bit of it is another, or anything else
 * is wrong with it. Whatever its header says, nothing but EdDSA is accepted.
 */
export async function verifyJws(jws: string, key: Pick<PublicJwk, 'x'>, typ: string): Promise<unknown> {
  // Base64 has spare bits, and decoding may pass over what is no digit: only the one true spelling counts.
  const parts = jws.split('.');
  if (parts.some((part) => Buffer.from(part, 'base64url').toString('base64url') !== part)) return undefined;
  try {
    const { payload, protectedHeader } = await compactVerify(
      jws,
      { kty: 'OKP', crv: 'Ed25519', x: key.x },
      { algorithms: [alg] },
    );
    return protectedHeader.typ === typ ? (JSON.parse(Buffer.from(payload).toString()) as unknown) : undefined;
  } catch {
    return undefined;
  }
}
