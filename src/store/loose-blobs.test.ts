import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Stores, testStores } from '../../test/fixtures/stores.ts';
import { newId } from '../base/id.ts';
import { type BlobKey, blobKey } from './blobs.ts';
import {
  abandonBlobs,
  announceBlobs,
  keepBlobs,
  nextSweep,
  projectsWithLooseBlobs,
  sweepBlobs,
} from './loose-blobs.ts';

const scope = { accountId: newId(), projectId: newId() };
const { projectId } = scope;
const aKey = (): BlobKey => blobKey(scope.accountId, projectId, 'image-original', newId());
const hour = 3600e6;

async function announced(stores: Stores, count = 1): Promise<BlobKey[]> {
  const keys = Array.from({ length: count }, aKey);
  await announceBlobs(stores.db.query, projectId, keys, stores.clock.now() + hour);
  for (const key of keys) await stores.blobs.put(key, Buffer.of(1));
  return keys;
}

const sweep = ({ db, blobs, clock }: Stores, limit = 100) =>
  sweepBlobs(db, blobs, { projectId, before: clock.now() }, limit);
const loose = ({ db }: Stores) => db.query.selectFrom('loose_blobs').selectAll().execute();

test('announced blobs stay for their time, then they are swept, a few at a time', async (t) => {
  const stores = await testStores(t);
  const keys = await announced(stores, 5);
  assert.equal(await sweep(stores), 0);
  assert.deepEqual(await projectsWithLooseBlobs(stores.db.query), [scope]);
  assert.deepEqual(await projectsWithLooseBlobs(stores.db.query, newId()), []);
  stores.clock.turn(hour + 1);
  assert.deepEqual([await sweep(stores, 3), await sweep(stores, 3), await sweep(stores, 3)], [3, 2, 0]);
  for (const key of keys) assert.equal(await stores.blobs.get(key), undefined);
  assert.equal(await nextSweep(stores.db.query, projectId), undefined);
});

test('kept blobs are never swept; abandoned ones at once', async (t) => {
  const stores = await testStores(t);
  const [kept, given] = await announced(stores, 2);
  await stores.db.transaction(async (tx) => {
    await keepBlobs(tx, [kept!]);
    await abandonBlobs(tx, projectId, [given!, aKey()]);
  });
  assert.equal(await sweep(stores), 2);
  stores.clock.turn(2 * hour);
  assert.equal(await sweep(stores), 0);
  assert.deepEqual([await stores.blobs.get(kept!), await stores.blobs.get(given!)], [Buffer.of(1), undefined]);
});

test('what was swept, abandoned or never announced cannot be kept', async (t) => {
  const stores = await testStores(t);
  const [late, given] = await announced(stores, 2);
  const keep = (key: BlobKey) => stores.db.transaction((tx) => keepBlobs(tx, [key]));
  await abandonBlobs(stores.db.query, projectId, [given!]);
  await assert.rejects(keep(given!), { code: 'Conflict' });
  stores.clock.turn(2 * hour);
  await sweep(stores);
  await assert.rejects(keep(late!), { code: 'Conflict' });
  await assert.rejects(keep(aKey()), { code: 'Conflict' });
});

test('an abandoned blob may be announced and written again, but not while it is being swept', async (t) => {
  const stores = await testStores(t);
  const [key] = (await announced(stores)) as [BlobKey];
  const announce = () => announceBlobs(stores.db.query, projectId, [key], stores.clock.now() + hour);
  await abandonBlobs(stores.db.query, projectId, [key]);
  await announce();
  assert.equal(await sweep(stores), 0);
  await abandonBlobs(stores.db.query, projectId, [key]);
  // The sweep stands still between taking the blob and removing it.
  const gate = Promise.withResolvers<void>();
  const taken = Promise.withResolvers<void>();
  const slow = {
    ...stores.blobs,
    async delete(keys: readonly BlobKey[]) {
      taken.resolve();
      await gate.promise;
      await stores.blobs.delete(keys);
    },
  };
  const sweeping = sweepBlobs(stores.db, slow, { before: stores.clock.now() }, 10);
  await taken.promise;
  await assert.rejects(announce(), { code: 'Conflict' });
  await abandonBlobs(stores.db.query, projectId, [key]);
  gate.resolve();
  await sweeping;
  assert.deepEqual(await loose(stores), []);
  await announce();
});

test('a sweep that was interrupted is taken up again', async (t) => {
  const stores = await testStores(t);
  const keys = await announced(stores, 3);
  await abandonBlobs(stores.db.query, projectId, keys);
  const broken = { ...stores.blobs, delete: () => Promise.reject(new Error('on purpose')) };
  await assert.rejects(sweepBlobs(stores.db, broken, { before: stores.clock.now() }, 10), /on purpose/);
  assert.equal((await loose(stores)).length, 3);
  assert.equal(await sweep(stores), 3);
  assert.deepEqual(await loose(stores), []);
});

test('many keys are taken in one call', async (t) => {
  const stores = await testStores(t);
  const keys = Array.from({ length: 1203 }, aKey);
  await stores.db.transaction((tx) => announceBlobs(tx, projectId, keys, stores.clock.now() + hour));
  assert.equal((await loose(stores)).length, keys.length);
  await stores.db.transaction((tx) => keepBlobs(tx, keys));
  assert.deepEqual(await loose(stores), []);
});
