import {
  createHash,
  createPrivateKey,
  createPublicKey,
  type JsonWebKey,
  type KeyObject,
  sign,
  verify,
} from 'node:crypto';

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

const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

const privateKey = (seed: Uint8Array): KeyObject =>
  createPrivateKey({ key: Buffer.concat([pkcs8, seed]), format: 'der', type: 'pkcs8' });

/** The public half of a key of 32 random bytes. */
export function publicJwk(seed: Uint8Array): PublicJwk {
  const { x } = createPublicKey(privateKey(seed)).export({ format: 'jwk' }) as { x: string };
  // RFC 7638, section 3: the required members, in this order, without white space.
  const kid = createHash('sha256').update(`{"crv":"Ed25519","kty":"OKP","x":"${x}"}`).digest('base64url');
  return { kty: 'OKP', crv: 'Ed25519', x, kid, use: 'sig', alg: 'EdDSA' };
}

/** `payload` as a JWS in compact form (RFC 7515), signed by EdDSA with Ed25519 (RFC 8037), of media type `typ`. */
export function signJws(payload: unknown, seed: Uint8Array, typ: string): string {
  const signed = `${encode({ alg: 'EdDSA', typ, kid: publicJwk(seed).kid })}.${encode(payload)}`;
  return `${signed}.${sign(null, Buffer.from(signed), privateKey(seed)).toString('base64url')}`;
}

/**
 * The payload of a JWS that `key` signed as this `typ`; `undefined` when a single bit of it is another, or anything else
 * is wrong with it. Whatever its header says, nothing but EdDSA is accepted.
 */
export function verifyJws(jws: string, key: Pick<PublicJwk, 'x'>, typ: string): unknown {
  const parts = jws.split('.');
  const [header, payload, signature] = parts.map((part) => Buffer.from(part, 'base64url'));
  if (parts.length !== 3 || header === undefined || payload === undefined || signature === undefined) return undefined;
  // Base64 has spare bits, and decoding passes over what is no digit: only the one true spelling counts.
  if (parts.join('.') !== [header, payload, signature].map((part) => part.toString('base64url')).join('.'))
    return undefined;
  try {
    const jwk: JsonWebKey = { kty: 'OKP', crv: 'Ed25519', x: key.x };
    const { alg, typ: type, crit } = JSON.parse(header.toString()) as Record<string, unknown>;
    if (alg !== 'EdDSA' || type !== typ || crit !== undefined) return undefined;
    const whole = Buffer.from(`${parts[0]}.${parts[1]}`);
    if (!verify(null, whole, createPublicKey({ key: jwk, format: 'jwk' }), signature)) return undefined;
    return JSON.parse(payload.toString()) as unknown;
  } catch {
    return undefined;
  }
}
