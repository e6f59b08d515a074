import assert from 'node:assert/strict';
import { copyFileSync, cpSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { jobRun } from '../../test/fixtures/run.ts';
import { plantAccount, plantProject, type Stores, temporaryFolder, testStores } from '../../test/fixtures/stores.ts';
import { day } from '../base/clock.ts';
import { newId } from '../base/id.ts';
import { purge } from '../jobs/purge.ts';
import type { Jobs } from '../queue/job.ts';
import { blobKey } from '../store/blobs.ts';
import { openKeys } from '../store/keys-files.ts';
import { announceBlobs } from '../store/loose-blobs.ts';
import { readAudit, verifyAudit } from './audit.ts';
import { forgetBackup, listBackups, makeBackup, pruneBackups } from './backups.ts';
import { deleteAccount, resumeErasure } from './erasure.ts';
import { deleteExport } from './exporting.ts';
import { deleteImages } from './images.ts';
import { deleteIteration, unpublishIteration } from './iterations.ts';
import { createModels } from './models.ts';
import { deleteProject } from './projects.ts';
import { collectReceipt, getReceipt, listReceipts, receiptKey, receiptToken, verifyReceipt } from './receipts.ts';
import { deletePredictions } from './stored-predictions.ts';
import { deleteTag } from './tags.ts';

const open = async (t: TestContext) => {
  const stores = await testStores(t);
  const accountId = await plantAccount(stores);
  const planted = await plantProject(stores, accountId);
  return {
    app: { ...stores, models: createModels(stores) },
    accountId,
    planted,
    scope: { accountId, projectId: planted.projectId },
  };
};

const run = jobRun();

/** Does the purges that wait now. */
async function purgeAll(stores: Stores): Promise<void> {
  for (let job = await stores.queue.claim('a', ['purge']); job; job = await stores.queue.claim('a', ['purge'])) {
    await purge(stores, job.payload as Jobs['purge'], run);
    await stores.queue.finish(job.id, 'a', { state: 'done' });
  }
}

/** What the account's latest receipt says; its signature is verified. */
async function latest(stores: Stores, accountId: string) {
  const [first] = await listReceipts(stores, accountId);
  assert.equal(first?.state, 'Finished');
  const content = await verifyReceipt(first.receipt!, await receiptKey(stores));
  assert.ok(content);
  assert.equal(content.jti, first.id);
  assert.ok(content.asked <= content.invisible && content.invisible <= content.finished);
  return content;
}

test('a deleted project is receipted when it is gone: counts of rows and files, and its key', async (t) => {
  const { app, accountId, scope } = await open(t);
  const id = await deleteProject(app, scope);
  assert.deepEqual(
    (await listReceipts(app, accountId)).map((one) => [one.id, one.state, one.receipt]),
    [[id, 'Erasing', null]],
  );
  await purgeAll(app);
  const { erased, kept, keysDestroyed, scope: told, ...rest } = await latest(app, accountId);
  assert.equal('masterKeyRotated' in rest, false);
  assert.deepEqual(told, { kind: 'project', account: accountId, project: scope.projectId });
  const { bytes, ...counts } = erased;
  assert.ok(bytes! > 0);
  const images = Object.fromEntries(
    ['images', 'image_features', 'image_tags', 'regions', 'iteration_images', 'image-original', 'image-thumbnail'].map(
      (name) => [name, 3],
    ),
  );
  for (const [name, n] of Object.entries(images)) assert.equal(counts[name], n, name);
  for (const one of [
    'projects',
    'tags',
    'iterations',
    'model',
    'exports',
    'export',
    'predictions',
    'prediction-original',
  ])
    assert.equal(counts[one], 1, one);
  assert.deepEqual([kept, keysDestroyed], [{}, [`${accountId}/${scope.projectId}`]]);
  assert.equal((await readAudit(app, accountId)).entries.at(-1)?.action, 'erasure-finished');
  assert.deepEqual((await verifyAudit(app, accountId)).faults, []);
});

test('images an iteration keeps are told as kept, and as erased with the iteration', async (t) => {
  const { app, accountId, planted, scope } = await open(t);
  const { imageIds, iterationId, tagId } = planted;
  await deleteImages(app, scope, { imageIds: imageIds.slice(0, 1), allImages: false, allIterations: true });
  await purgeAll(app);
  const first = await latest(app, accountId);
  assert.deepEqual([first.scope.ids, first.kept], [[imageIds[0]], {}]);
  assert.equal(first.erased.images, 1);
  await deleteImages(app, scope, { allImages: true, allIterations: false });
  await purgeAll(app);
  const second = await latest(app, accountId);
  assert.deepEqual(
    [second.scope.ids, second.kept, second.erased],
    [undefined, { images: 2 }, { image_tags: 2, regions: 2 }],
  );
  await deleteTag(app, scope, tagId);
  await purgeAll(app);
  assert.deepEqual((await latest(app, accountId)).kept, { tags: 1 });
  await unpublishIteration(app, scope, iterationId);
  await deleteIteration(app, scope, iterationId);
  await purgeAll(app);
  const { erased, scope: told } = await latest(app, accountId);
  assert.deepEqual(told.ids, [iterationId]);
  assert.deepEqual(
    [erased.images, erased['image-original'], erased.tags, erased.iteration_images, erased.model],
    [2, 2, 1, 2, 1],
  );
  assert.deepEqual(await app.db.query.selectFrom('images').select('id').execute(), []);
});

test('predictions and exports have theirs; what there was not has none', async (t) => {
  const { app, accountId, planted, scope } = await open(t);
  await deletePredictions(app, scope, [newId()]);
  assert.deepEqual(await listReceipts(app, accountId), []);
  await deletePredictions(app, scope, [planted.predictionId, newId()]);
  await purgeAll(app);
  const { erased, scope: told } = await latest(app, accountId);
  assert.deepEqual(
    [told.ids, erased],
    [[planted.predictionId], { predictions: 1, 'prediction-original': 1, 'prediction-thumbnail': 1 }],
  );
  await deleteExport(app, scope, planted.iterationId, planted.exportId);
  await purgeAll(app);
  assert.deepEqual((await latest(app, accountId)).erased, { exports: 1, export: 1 });
});

test('the receipt of an account outlives it alone, for whoever has its token, for 90 days', async (t) => {
  const { app, accountId, scope } = await open(t);
  const stranger = await plantAccount(app);
  await deleteProject(app, scope);
  await purgeAll(app);
  await plantProject(app, accountId);
  const { head } = await readAudit(app, accountId);
  const master = join(app.folder, 'keys', 'master.key');
  const masterBefore = readFileSync(master, 'utf8');
  const id = await deleteAccount(app, accountId);
  await purgeAll(app);
  assert.deepEqual(
    (await listReceipts(app, accountId)).map((one) => one.id),
    [id],
  );
  const content = await latest(app, accountId);
  assert.notEqual(readFileSync(master, 'utf8'), masterBefore);
  assert.equal(content.masterKeyRotated, true);
  assert.deepEqual([content.erased.accounts, content.erased.api_keys, content.erased.projects], [1, 1, 1]);
  assert.equal(content.keysDestroyed.length, 2);
  assert.equal(content.audit?.entries, head.entries + 1);
  const token = receiptToken(app, id);
  assert.equal((await collectReceipt(app, id, token)).id, id);
  for (const wrong of ['', token.slice(1), receiptToken(app, newId()), token.toUpperCase()])
    await assert.rejects(collectReceipt(app, id, wrong), { code: 'NotFound' });
  await assert.rejects(getReceipt(app, stranger, id), { code: 'NotFound' });
  app.clock.turn(91 * day);
  await deleteAccount(app, stranger);
  await purgeAll(app);
  await assert.rejects(collectReceipt(app, id, token), { code: 'NotFound' });
});

test('the receipt of an account says when the master key lies elsewhere and could not be replaced', async (t) => {
  const { app, accountId } = await open(t);
  const elsewhere = join(temporaryFolder(t), 'secret');
  copyFileSync(join(app.folder, 'keys', 'master.key'), elsewhere);
  const keys = openKeys({ folder: join(app.folder, 'keys'), masterKeyFile: elsewhere });
  const outside = { ...app, keys };
  await deleteAccount(outside, accountId);
  await purgeAll(outside);
  assert.equal((await latest(outside, accountId)).masterKeyRotated, false);
  assert.equal(readFileSync(elsewhere, 'utf8'), readFileSync(join(app.folder, 'keys', 'master.key'), 'utf8'));
});

test('no receipt is signed while a file may still be written, or before all is gone', async (t) => {
  const { app, accountId, scope } = await open(t);
  const late = blobKey(accountId, scope.projectId, 'image-original', newId());
  await announceBlobs(app.db.query, scope.projectId, [late], app.clock.now() + 3600e6);
  const project = await deleteProject(app, scope);
  const account = await deleteAccount(app, accountId);
  await purgeAll(app);
  const states = async () => (await listReceipts(app, accountId)).map((one) => `${one.id} ${one.state}`).sort();
  assert.deepEqual(await states(), [`${project} Erasing`, `${account} Erasing`].sort());
  app.clock.turn(3600e6 + 10);
  await purgeAll(app);
  assert.deepEqual(await states(), [`${account} Finished`]);
});

test('cut off anywhere, an erasure is receipted once, with what was there at first', async (t) => {
  const { app, accountId, scope } = await open(t);
  const id = await deleteProject(app, scope);
  for (let pieces = 1; ; pieces++) {
    const controller = new AbortController();
    const { signal } = controller;
    const original = signal.throwIfAborted.bind(signal);
    let asked = 0;
    signal.throwIfAborted = () => {
      if (++asked === pieces) controller.abort(new Error('on purpose'));
      original();
    };
    try {
      await purge(app, scope, { ...run, signal });
      assert.ok(pieces > 2);
      break;
    } catch (error) {
      assert.equal((error as Error).message, 'on purpose');
    }
  }
  await app.db.query.deleteFrom('jobs').execute();
  await resumeErasure(app);
  await purgeAll(app);
  assert.deepEqual(
    (await listReceipts(app, accountId)).map((one) => one.id),
    [id],
  );
  assert.equal((await latest(app, accountId)).erased.images, 3);
});

test('an unsigned receipt whose job was given up is signed after the next start', async (t) => {
  const { app, accountId, scope } = await open(t);
  await deleteProject(app, scope);
  const failing = { ...app, db: { ...app.db, checkpoint: () => Promise.reject(new Error('on purpose')) } };
  await assert.rejects(purge(failing, scope, run), /on purpose/);
  await app.db.query.deleteFrom('jobs').execute();
  assert.equal((await listReceipts(app, accountId))[0]?.state, 'Erasing');
  await resumeErasure(app);
  await purgeAll(app);
  assert.equal((await latest(app, accountId)).erased.images, 3);
});

test('the signing key lies wrapped in the key store and is the same after a start', async (t) => {
  const stores = await testStores(t);
  const seed = stores.keys.signing();
  assert.equal(seed.length, 32);
  assert.deepEqual(stores.keys.signing(), seed);
  assert.ok(!readFileSync(join(stores.folder, 'keys', 'signing.key')).includes(seed));
});

test('a receipt lists the backups that may still hold what was erased, with their end, until they are forgotten', async (t) => {
  const { app, accountId, planted, scope } = await open(t);
  const into = (name: string) => join(app.folder, name);
  const iso = (moment: number) => new Date(Math.floor(moment / 1000)).toISOString();
  const first = await makeBackup(app, into('first'));
  assert.equal(JSON.parse(readFileSync(join(into('first'), 'backup.json'), 'utf8')).id, first.id);
  app.clock.turn(8 * day);
  const second = await makeBackup(app, into('second'), 30);
  await assert.rejects(makeBackup(app, into('second')), { code: 'BackupExists' });
  await assert.rejects(makeBackup(app, into('third'), 0.5), { code: 'BadSetting' });
  await deletePredictions(app, scope, [planted.predictionId]);
  await purgeAll(app);
  const told = (await latest(app, accountId)).backups;
  assert.deepEqual(
    told.map(({ id, until, noise }) => [id, until, noise]),
    [
      [first.id, iso(first.until), false],
      [second.id, iso(second.until), false],
    ],
  );
  assert.equal(Math.floor((second.until - first.until) / day), 31);
  assert.ok(told.every(({ made, until }) => made < until));
  assert.deepEqual(
    (await listBackups(app)).map(({ id, overdue }) => [id, overdue]),
    [
      [first.id, true],
      [second.id, false],
    ],
  );
  await forgetBackup(app, first.id.toUpperCase());
  await assert.rejects(forgetBackup(app, first.id), { code: 'NotFound' });
  await deleteProject(app, scope);
  await purgeAll(app);
  assert.deepEqual(
    (await latest(app, accountId)).backups.map(({ id, noise }) => [id, noise]),
    [[second.id, true]],
  );
});

test('backups past their date are pruned, those alone, and nothing beside them', async (t) => {
  const { app } = await open(t);
  const shelf = join(app.folder, 'shelf');
  const old = await makeBackup(app, join(shelf, 'old'), 1);
  const mixed = await makeBackup(app, join(shelf, 'mixed'), 1);
  const young = await makeBackup(app, join(shelf, 'young'), 3);
  writeFileSync(join(shelf, 'mixed', 'mine'), 'mine');
  cpSync(join(shelf, 'old'), join(shelf, 'foreign'), { recursive: true });
  writeFileSync(join(shelf, 'foreign', 'backup.json'), JSON.stringify({ id: newId() }));
  app.clock.turn(2 * day);
  assert.deepEqual((await pruneBackups(app, shelf)).sort(), [join(shelf, 'mixed'), join(shelf, 'old')]);
  assert.deepEqual(readdirSync(shelf).sort(), ['foreign', 'mixed', 'young']);
  assert.deepEqual(readdirSync(join(shelf, 'mixed')), ['mine']);
  assert.deepEqual(
    (await listBackups(app)).map(({ id }) => id),
    [young.id],
  );
  assert.notEqual(old.id, mixed.id);
  app.clock.turn(2 * day);
  assert.deepEqual(await pruneBackups(app, join(shelf, 'young')), [join(shelf, 'young')]);
  assert.deepEqual(await listBackups(app), []);
});
