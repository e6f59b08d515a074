/** Blobs opened in a thread are those that the key and the store give, or none. */
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import { crc32 } from 'node:zlib';
import { testStores } from '../../test/fixtures/stores.ts';
import { newId } from '../base/id.ts';
import { blobKey } from './blobs.ts';

const kind = 'image-original';

/** A project with blobs of these sizes. */
async function filled(t: TestContext, sizes: readonly number[]) {
  const stores = await testStores(t);
  const scope = { accountId: newId(), projectId: newId() };
  stores.keys.create({ accountId: scope.accountId });
  stores.keys.create(scope);
  const plain = sizes.map((size) => randomBytes(size));
  const ids = sizes.map(newId);
  const put = (id: string, bytes: Uint8Array) =>
    stores.blobs.put(blobKey(scope.accountId, scope.projectId, kind, id), bytes);
  await Promise.all(ids.map((id, at) => put(id, stores.keys.seal({ ...scope, kind, id }, plain[at]!))));
  const open = (wanted: readonly string[], withSums = true, signal?: AbortSignal) =>
    stores.opener.open({ ...scope, kind, ids: wanted, crc32: withSums }, signal);
  return { ...stores, scope, plain, ids, put, open };
}

test('opens blobs of any size in the order they are asked for, with their sums', async (t) => {
  const { plain, ids, open } = await filled(t, [5000, 0, 1, 300_000, 0]);
  const order = [3, 0, 4, 1, 2];
  const opened = await open(order.map((at) => ids[at]!));
  for (const [n, at] of order.entries()) {
    const { bytes, sha256, crc32: checksum } = opened[n]!;
    assert.ok(plain[at]!.equals(bytes));
    assert.deepEqual(sha256, createHash('sha256').update(plain[at]!).digest());
    assert.equal(checksum, crc32(plain[at]!));
  }
  assert.equal((await open([ids[3]!], false))[0]!.crc32, 0);
});

test('what is not there, was changed or is another’s is missed, and what lies beside it is opened', async (t) => {
  const { blobs, scope, plain, ids, put, open } = await filled(t, [500, 600, 700, 800]);
  const sealed = (await blobs.get(blobKey(scope.accountId, scope.projectId, kind, ids[0]!)))!;
  await put(ids[1]!, sealed);
  await put(ids[2]!, sealed.with(100, sealed[100]! ^ 1));
  const opened = await open([ids[1]!, ids[0]!, newId(), ids[2]!, ids[3]!]);
  assert.deepEqual(
    opened.map((one) => one && Buffer.from(one.bytes)),
    [undefined, plain[0], undefined, undefined, plain[3]],
  );
});

test('no key travels to the thread: what it was lent is used when a blob is opened, and zeros open nothing', async (t) => {
  const { keys, scope, ids, open } = await filled(t, [500, 600]);
  const asked = open(ids);
  // The thread is only starting. `destroy` does the same, once the file is overwritten.
  new Uint8Array(keys.lend(scope)).fill(0);
  assert.deepEqual(await asked, [undefined, undefined]);
  keys.destroy(scope);
  assert.deepEqual(await open(ids), [undefined, undefined]);
});

test('stops with the reason of an abort', async (t) => {
  const { ids, open } = await filled(t, [500]);
  const gone = new AbortController();
  const asked = open(ids, true, gone.signal);
  gone.abort(new Error('gone'));
  await assert.rejects(asked, { message: 'gone' });
});
