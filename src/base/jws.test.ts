import assert from 'node:assert/strict';
import { createPublicKey, verify } from 'node:crypto';
import { test } from 'node:test';
import { publicJwk, signJws, verifyJws } from './jws.ts';

// RFC 8037, appendix A: a key and its thumbprint.
const seed = Buffer.from('nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A', 'base64url');

test('makes the public key and thumbprint of the standard’s example', async () => {
  const { x, kid } = await publicJwk(seed);
  assert.equal(x, '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo');
  assert.equal(kid, 'kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k');
});

test('what is signed verifies as the same', async () => {
  const payload = { receipt: 'words', count: 3 };
  const jws = await signJws(payload, seed, 'receipt');
  assert.deepEqual(await verifyJws(jws, await publicJwk(seed), 'receipt'), payload);
  assert.equal(await verifyJws(jws, await publicJwk(seed), 'other'), undefined);
});

test('one flipped bit anywhere is noticed, and so is another key', async () => {
  const jws = Buffer.from(await signJws({ count: 3 }, seed, 'receipt'));
  const key = await publicJwk(seed);
  for (let bit = 0; bit < jws.length * 8; bit++) {
    const changed = Buffer.from(jws);
    changed[bit >> 3]! ^= 1 << (bit & 7);
    assert.equal(await verifyJws(changed.toString('latin1'), key, 'receipt'), undefined, `bit ${bit}`);
  }
  assert.equal(await verifyJws(jws.toString(), await publicJwk(Buffer.alloc(32, 1)), 'receipt'), undefined);
});

test('a header that asks for no signature, or another kind, is refused', async () => {
  const [, payload, signature] = (await signJws({ count: 3 }, seed, 'receipt')).split('.');
  for (const alg of ['none', 'HS256', 'RS256']) {
    const header = Buffer.from(JSON.stringify({ alg, typ: 'receipt' })).toString('base64url');
    for (const forged of [`${header}.${payload}.`, `${header}.${payload}.${signature}`])
      assert.equal(await verifyJws(forged, await publicJwk(seed), 'receipt'), undefined);
  }
});

test('another implementation verifies it too', async () => {
  const jws = await signJws({ count: 3 }, seed, 'receipt');
  const [header, payload, signature] = jws.split('.') as [string, string, string];
  const { x, kid } = await publicJwk(seed);
  const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' });
  assert.ok(verify(null, Buffer.from(`${header}.${payload}`), key, Buffer.from(signature, 'base64url')));
  const told = JSON.parse(Buffer.from(header, 'base64url').toString());
  assert.deepEqual(told, { alg: 'EdDSA', typ: 'receipt', kid });
});
