import assert from 'node:assert/strict';
import { test } from 'node:test';
import { withoutServer } from '../../test/fixtures/learning.ts';
import { jobRun } from '../../test/fixtures/run.ts';
import { plantAccount, plantProject, testStores } from '../../test/fixtures/stores.ts';
import type { App } from '../services/context.ts';
import { deleteImages } from '../services/images.ts';
import { openTextOrNull } from '../store/sealed.ts';
import { train } from './train.ts';

test('when all images of a tag are deleted during a training, it ends at once and says why', async (t) => {
  const stores = await testStores(t);
  const planted = await plantProject(stores, await plantAccount(stores));
  const { iterationId } = planted;
  await stores.db.query.updateTable('iterations').set({ status: 'Training' }).where('id', '=', iterationId).execute();
  await deleteImages(stores, planted, { imageIds: planted.imageIds, allImages: false, allIterations: true });
  // It ends before anything else of the application is asked.
  const app = { ...stores, ...withoutServer(stores.clock) };
  await train(app as unknown as App, planted, jobRun());
  const row = await stores.db.query
    .selectFrom('iterations')
    .select(['status', 'error'])
    .where('id', '=', iterationId)
    .executeTakeFirstOrThrow();
  assert.equal(row.status, 'Failed');
  const reason = openTextOrNull(stores.keys, planted, 'iterations.error', iterationId, row.error);
  assert.match(reason ?? '', /All images of a tag were deleted/);
});
