import assert from 'node:assert/strict';
import { test } from 'node:test';
import { jobRun } from '../../test/fixtures/run.ts';
import { plantAccount, type Stores, testStores } from '../../test/fixtures/stores.ts';
import { day, second } from '../base/clock.ts';
import { newId } from '../base/id.ts';
import { purge } from '../jobs/purge.ts';
import { blobKey } from '../store/blobs.ts';
import { keepBlobs } from '../store/loose-blobs.ts';
import { createProject } from './projects.ts';
import { recover } from './recovery.ts';
import { createKey, storing } from './storing.ts';

const run = jobRun();

/** Does every purge that is due, as the worker would. */
async function purgeAll(stores: Stores): Promise<number> {
  for (let done = 0; ; done++) {
    const job = await stores.queue.claim('test', ['purge']);
    if (job === undefined) return done;
    await purge(stores, job.payload as Parameters<typeof purge>[1], run);
    await stores.queue.finish(job.id, 'test', { state: 'done' });
  }
}

const quiet = { info: () => undefined, warn: () => undefined, error: () => undefined };

test('a key whose creation was interrupted is destroyed at the next start', async (t) => {
  const stores = await testStores(t);
  const scope = { accountId: await plantAccount(stores), projectId: newId() };
  await createKey(stores, scope);
  assert.equal(await purgeAll(stores), 0, 'nothing is due while the creation may be under way');
  stores.clock.turn(120 * second);
  await recover({ ...stores, log: quiet });
  await purgeAll(stores);
  assert.equal(stores.keys.has(scope), false);
});

test('the key of a project that was created stays', async (t) => {
  const stores = await testStores(t);
  const accountId = await plantAccount(stores);
  const project = await createProject(stores, accountId, { name: 'stays' });
  stores.clock.turn(day);
  assert.equal(await purgeAll(stores), 1);
  assert.equal(stores.keys.has({ accountId, projectId: project.id }), true);
});

test('a project that is refused leaves no key behind', async (t) => {
  const stores = await testStores(t);
  const accountId = await plantAccount(stores);
  const before = stores.keys.list();
  const wrong = [
    { description: 'x'.repeat(100_000) },
    { domainId: 'da2e3a8a-40a5-4171-82f4-58522f70fbc1', classificationType: 'Multiclass' as const },
  ];
  for (const input of wrong)
    await assert.rejects(createProject(stores, accountId, { name: 'refused', ...input }), { name: 'AppError' });
  assert.deepEqual(stores.keys.list(), before);
});

test('blobs are kept when the work ends well and swept when it fails', async (t) => {
  const stores = await testStores(t);
  const accountId = await plantAccount(stores);
  const scope = { accountId, projectId: (await createProject(stores, accountId, { name: 'blobs' })).id };
  const [good, bad] = [newId(), newId()].map((id) => blobKey(accountId, scope.projectId, 'model', id));
  await storing(stores, scope, [good!], async () => {
    await stores.blobs.put(good!, Buffer.from('good'));
    await stores.db.transaction((tx) => keepBlobs(tx, [good!]));
  });
  const failure = storing(stores, scope, [bad!], async () => {
    await stores.blobs.put(bad!, Buffer.from('bad'));
    throw new Error('in the middle');
  });
  await assert.rejects(failure, /in the middle/);
  await purgeAll(stores);
  assert.deepEqual(await stores.blobs.get(good!), Buffer.from('good'));
  assert.equal(await stores.blobs.get(bad!), undefined);
});
