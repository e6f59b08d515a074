import assert from 'node:assert/strict';
import { test } from 'node:test';
import { publicJwk, signJws, verifyJws } from './jws.ts';

// RFC 8037, appendix A: a key and its thumbprint.
const seed = Buffer.from('nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A', 'base64url');

test('makes the public key and thumbprint of the standard’s example', () => {
  const { x, kid } = publicJwk(seed);
  assert.equal(x, '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo');
  assert.equal(kid, 'kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k');
});

test('what is signed verifies as the same', () => {
  const payload = { receipt: 'words', count: 3 };
  const jws = signJws(payload, seed, 'receipt');
  assert.deepEqual(verifyJws(jws, publicJwk(seed), 'receipt'), payload);
  assert.equal(verifyJws(jws, publicJwk(seed), 'other'), undefined);
});

test('one flipped bit anywhere is noticed, and so is another key', () => {
  const jws = Buffer.from(signJws({ count: 3 }, seed, 'receipt'));
  const key = publicJwk(seed);
  for (let bit = 0; bit < jws.length * 8; bit++) {
    const changed = Buffer.from(jws);
    changed[bit >> 3]! ^= 1 << (bit & 7);
    assert.equal(verifyJws(changed.toString('latin1'), key, 'receipt'), undefined, `bit ${bit}`);
  }
  assert.equal(verifyJws(jws.toString(), publicJwk(Buffer.alloc(32, 1)), 'receipt'), undefined);
});

test('a header that asks for no signature, or another kind, is refused', () => {
  const [, payload, signature] = signJws({ count: 3 }, seed, 'receipt').split('.');
  for (const alg of ['none', 'HS256', 'RS256']) {
    const header = Buffer.from(JSON.stringify({ alg, typ: 'receipt' })).toString('base64url');
    for (const forged of [`${header}.${payload}.`, `${header}.${payload}.${signature}`])
      assert.equal(verifyJws(forged, publicJwk(seed), 'receipt'), undefined);
  }
});
