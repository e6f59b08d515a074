import assert from 'node:assert/strict';
import { test } from 'node:test';
import { plantAccount, plantProject, testStores } from '../../test/fixtures/stores.ts';
import { newId } from '../base/id.ts';
import { blobKey } from '../store/blobs.ts';
import { eraseLooseBlobs } from './erasure.ts';
import { deleteExport, listExports } from './exporting.ts';

test('a deleted export is gone at once, and its file with the next purge; nothing else is touched', async (t) => {
  const stores = await testStores(t);
  const accountId = await plantAccount(stores);
  const planted = await plantProject(stores, accountId);
  const other = await plantProject(stores, accountId);
  const { projectId, iterationId, exportId } = planted;
  const file = blobKey(accountId, projectId, 'export', exportId);

  const refused = { code: 'NotFound' };
  await assert.rejects(deleteExport(stores, planted, iterationId, newId()), refused);
  await assert.rejects(deleteExport(stores, planted, iterationId, other.exportId), refused);
  await assert.rejects(deleteExport(stores, other, iterationId, exportId), { code: 'NotFoundIteration' });
  assert.equal((await listExports(stores, planted, iterationId)).length, 1);

  await deleteExport(stores, planted, iterationId, exportId);
  assert.deepEqual(await listExports(stores, planted, iterationId), []);
  await assert.rejects(deleteExport(stores, planted, iterationId, exportId), refused);
  assert.equal((await stores.queue.claim('a', ['purge']))?.name, 'purge');
  await eraseLooseBlobs(stores, projectId, new AbortController().signal);
  assert.equal(await stores.blobs.get(file), undefined);
  assert.equal((await listExports(stores, other, other.iterationId)).length, 1);
  assert.ok(await stores.blobs.get(blobKey(accountId, projectId, 'model', iterationId)));
  assert.ok(await stores.blobs.get(blobKey(accountId, other.projectId, 'export', other.exportId)));
});
