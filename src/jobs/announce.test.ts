import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { withoutServer } from '../../test/fixtures/learning.ts';
import { jobRun } from '../../test/fixtures/run.ts';
import { type Planted, plantAccount, plantProject, type Stores, testStores } from '../../test/fixtures/stores.ts';
import { startTaking, type TakingServer } from '../../test/fixtures/taking-server.ts';
import type { App } from '../services/context.ts';
import { createFetcher } from '../services/fetcher-http.ts';
import { connectionColumns } from '../store/projects.ts';
import { announce } from './announce.ts';
import { exportFailed } from './export.ts';
import { trainingFailed } from './train.ts';

async function connected(t: TestContext): Promise<{ app: App & Stores; planted: Planted; web: TakingServer }> {
  const stores = await testStores(t);
  const web = await startTaking();
  t.after(() => web.close());
  const planted = await plantProject(stores, await plantAccount(stores));
  const uris = { exportModelContainerUri: `${web.base}/models`, notificationQueueUri: `${web.base}/hook` };
  await stores.db.query
    .updateTable('projects')
    .set(connectionColumns(stores.keys, planted, uris))
    .execute();
  const fetcher = createFetcher({ allowNetworks: ['127.0.0.0/8'] });
  const config = { allowFolders: [] };
  return {
    app: { ...stores, ...withoutServer(stores.clock), fetcher, config } as unknown as App & Stores,
    planted,
    web,
  };
}

/** Does the announcement that is queued, and returns what came of it. */
async function announced(app: App, web: TakingServer): Promise<unknown> {
  const job = await app.queue.claim('test', ['announce']);
  assert.ok(job, 'nothing is to be announced');
  await announce(app, job.payload as Parameters<typeof announce>[1], jobRun({ last: true }));
  await app.queue.finish(job.id, 'test', { state: 'done' });
  return JSON.parse(web.taken.at(-1)!.body.toString());
}

test('failures are told of too', async (t) => {
  const { app, planted, web } = await connected(t);
  const { accountId, projectId, iterationId, exportId } = planted;
  await app.db.query.updateTable('iterations').set({ status: 'Training' }).execute();
  await trainingFailed(app, { accountId, projectId, iterationId });
  assert.deepEqual(await announced(app, web), {
    version: '1.0',
    type: 'Training',
    Content: { projectId, iterationId, trainingStatus: 'TrainingFailed' },
  });
  await app.db.query.updateTable('exports').set({ status: 'Exporting' }).execute();
  await exportFailed(app, { accountId, projectId, exportId });
  assert.deepEqual(await announced(app, web), {
    version: '1.0',
    type: 'Export',
    Content: { projectId, iterationId, exportStatus: 'ExportFailed', modelUri: null },
  });
  await trainingFailed(app, { accountId, projectId, iterationId });
  assert.equal(await app.queue.claim('test', ['announce']), undefined, 'it had failed already');
});

test('a container that takes nothing is tried until the last time, and then the message says where else the model is', async (t) => {
  const { app, planted, web } = await connected(t);
  const { accountId, projectId, iterationId, exportId } = planted;
  const payload = { accountId, projectId, iterationId, exportId };
  web.refuse('/models', 500);
  await assert.rejects(announce(app, payload, jobRun()), { code: 'BadRequestInvalidUri' });
  assert.deepEqual(
    web.taken.map(({ method }) => method),
    ['PUT'],
  );
  await announce(app, payload, jobRun({ last: true }));
  const { Content } = JSON.parse(web.taken.at(-1)!.body.toString());
  const plain = (id: string) => id.replaceAll('-', '');
  assert.equal(Content.modelUri, `m-${plain(projectId)}/${plain(iterationId)}.ONNX.zip`);
});

test('a project that says nowhere, or is gone, sends nothing', async (t) => {
  const { app, planted, web } = await connected(t);
  const { accountId, projectId, iterationId } = planted;
  await app.db.query.updateTable('projects').set({ deleted: 1 }).execute();
  await announce(app, { accountId, projectId, iterationId }, jobRun());
  const uris = { exportModelContainerUri: '', notificationQueueUri: '' };
  await app.db.query
    .updateTable('projects')
    .set({ deleted: null, ...connectionColumns(app.keys, planted, uris) })
    .execute();
  await announce(app, { accountId, projectId, iterationId, exportId: planted.exportId }, jobRun());
  assert.deepEqual(web.taken, []);
});
