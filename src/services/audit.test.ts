import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { plantAccount, plantProject, type Stores, testStores } from '../../test/fixtures/stores.ts';
import { newId } from '../base/id.ts';
import { readConfig } from '../config.ts';
import { chainFaults, hashOf } from '../domain/audit.ts';
import { createVision } from '../vision/threads/vision-threads.ts';
import { createAccount, rotateKey, viewKeys } from './accounts.ts';
import { readAudit, record, verifyAudit } from './audit.ts';
import { deleteImages } from './images.ts';
import { deleteIteration, publishIteration, unpublishIteration } from './iterations.ts';
import { createModels } from './models.ts';
import { deleteProject } from './projects.ts';
import { setRetention } from './retention.ts';
import { deletePredictions } from './stored-predictions.ts';
import { deleteTag } from './tags.ts';
import { takeOut } from './takeout/takeout.ts';

const open = async (t: TestContext) => {
  const stores = await testStores(t);
  return { ...stores, models: createModels(stores) };
};

/** An account with `count` entries, some with a detail. */
async function logged(stores: Stores, count = 5): Promise<string> {
  const accountId = await plantAccount(stores);
  for (let at = 0; at < count; at++)
    await stores.db.transaction((tx) =>
      record(stores, tx, 'images-deleted', { accountId, projectId: newId() }, at % 2 === 0 ? { images: at } : null),
    );
  return accountId;
}

/** So many rows, each with its two files. */
const of = (table: string, n: number, file: string) => ({
  [table]: n,
  [`${file}-original`]: n,
  [`${file}-thumbnail`]: n,
});

test('tells of keys, publishing, takeouts, settings and each kind of deletion, in order, with ids and counts', async (t) => {
  const app = await open(t);
  const { id: accountId } = await createAccount(app, { userName: 'owner' });
  const { projectId, iterationId, imageIds, tagId, predictionId } = await plantProject(app, accountId);
  const scope = { accountId, projectId };
  await viewKeys(app, accountId, 'request');
  await rotateKey(app, accountId, 'training', 'secondary');
  await unpublishIteration(app, scope, iterationId);
  await publishIteration(app, scope, iterationId, { publishName: 'live', predictionId: 'here', overwrite: false });
  await assert.rejects(deleteIteration(app, scope, iterationId), { code: 'BadRequestIterationIsPublished' });
  await unpublishIteration(app, scope, iterationId);
  await deletePredictions(app, scope, [predictionId, newId()]);
  await deletePredictions(app, scope, [newId()]);
  await deleteTag(app, scope, tagId);
  await deleteImages(app, scope, { imageIds: imageIds.slice(1), allImages: false, allIterations: true });
  await deleteIteration(app, scope, iterationId);
  const vision = createVision({ threads: 1 });
  t.after(() => vision.close());
  await takeOut({ ...app, vision }, accountId, { format: 'tar' });
  await setRetention({ ...app, config: { ...readConfig({}) } }, scope, { exportsDays: 9 });
  await deleteProject(app, scope);
  const { entries, head } = await readAudit(app, accountId);
  assert.deepEqual(
    entries.map(({ action, projectId: project, subjectId, detail }) => {
      const { receipt, ...rest } = detail ?? {};
      assert.equal(typeof receipt, action.endsWith('-deleted') ? 'string' : 'undefined');
      return [action, project, subjectId, rest];
    }),
    [
      ['account-created', null, null, {}],
      ['keys-viewed', null, null, { where: 'request' }],
      ['key-rotated', null, null, { purpose: 'training', slot: 'secondary' }],
      ['iteration-unpublished', projectId, iterationId, {}],
      ['iteration-published', projectId, iterationId, {}],
      ['iteration-unpublished', projectId, iterationId, {}],
      ['predictions-deleted', projectId, predictionId, of('predictions', 1, 'prediction')],
      ['tag-deleted', projectId, tagId, { image_tags: 3, regions: 3, 'kept tags': 1 }],
      ['images-deleted', projectId, null, { ...of('images', 2, 'image'), iteration_images: 2 }],
      [
        'iteration-deleted',
        projectId,
        iterationId,
        {
          iterations: 1,
          model: 1,
          exports: 1,
          export: 1,
          iteration_images: 1,
          iteration_tags: 1,
          suggestions: 1,
          tags: 1,
        },
      ],
      ['takeout', null, null, { format: 'tar' }],
      ['settings-changed', projectId, null, { predictionsDays: 30, exportsDays: 9 }],
      ['project-deleted', projectId, null, {}],
    ],
  );
  assert.deepEqual(chainFaults(entries, head), []);
  assert.deepEqual(await verifyAudit(app, accountId), { entries: 13, faults: [] });
});

test('what fails leaves no entry', async (t) => {
  const app = await open(t);
  const accountId = await logged(app);
  await assert.rejects(
    app.db.transaction(async (tx) => {
      await record(app, tx, 'takeout', { accountId });
      throw new Error('on purpose');
    }),
    /on purpose/,
  );
  assert.deepEqual(await verifyAudit(app, accountId), { entries: 5, faults: [] });
});

test('each account has its own log', async (t) => {
  const app = await open(t);
  const [one, other] = [await logged(app, 3), await logged(app, 4)];
  assert.deepEqual(
    (await readAudit(app, one)).entries.map((entry) => entry.number),
    [1, 2, 3],
  );
  assert.equal((await readAudit(app, other, 2)).entries.length, 2);
});

test('an entry that was changed, removed, swapped or added is noticed, wherever it is', async (t) => {
  const stores = await testStores(t);
  const { db } = stores;
  const rowOf = (accountId: string, number: number) =>
    db.query
      .selectFrom('audit')
      .selectAll()
      .where('account_id', '=', accountId)
      .where('number', '=', number)
      .executeTakeFirstOrThrow();
  type Forgery = (accountId: string, number: number) => Promise<unknown>;
  const set =
    (change: object): Forgery =>
    (accountId, number) =>
      db.query
        .updateTable('audit')
        .set(change)
        .where('account_id', '=', accountId)
        .where('number', '=', number)
        .execute();
  const forgeries: Record<string, Forgery> = {
    time: set({ created: 1 }),
    action: set({ action: 'takeout' }),
    project: set({ project_id: newId() }),
    'subject added': set({ subject_id: newId() }),
    'detail removed': set({ detail: null }),
    'detail changed': async (accountId, number) => {
      const detail = Buffer.from((await rowOf(accountId, number)).detail!);
      detail[20]! ^= 1;
      await set({ detail })(accountId, number);
    },
    removed: (accountId, number) =>
      db.query.deleteFrom('audit').where('account_id', '=', accountId).where('number', '=', number).execute(),
    // By somebody who knows how hashes are made, but has no key.
    'changed with all hashes after it': async (accountId, number) => {
      await set({ created: 1 })(accountId, number);
      let previous = (await rowOf(accountId, number)).previous;
      for (let at = number; at <= 5; at++) {
        const row = await rowOf(accountId, at);
        const hash = hashOf({
          ...row,
          projectId: row.project_id,
          subjectId: row.subject_id,
          sealed: row.detail?.toString('base64') ?? null,
          previous,
        });
        await set({ previous, hash })(accountId, at);
        previous = hash;
      }
    },
  };
  for (const [name, forge] of Object.entries(forgeries))
    for (const number of [1, 3, 5]) {
      const accountId = await logged(stores);
      assert.deepEqual((await verifyAudit(stores, accountId)).faults, []);
      await forge(accountId, number);
      assert.notDeepEqual((await verifyAudit(stores, accountId)).faults, [], `${name}, entry ${number}`);
    }
});

test('a log longer than a page is verified whole', async (t) => {
  const stores = await testStores(t);
  const accountId = await plantAccount(stores);
  await stores.db.transaction(async (tx) => {
    for (let at = 0; at < 2003; at++) await record(stores, tx, 'takeout', { accountId }, { bytes: at });
  });
  assert.deepEqual(await verifyAudit(stores, accountId), { entries: 2003, faults: [] });
  assert.equal((await readAudit(stores, accountId)).entries.length, 1000);
  for (const number of [1000, 1001, 2000]) {
    const { id, action } = (await readAudit(stores, accountId, number - 1)).entries[0]!;
    await stores.db.query.updateTable('audit').set({ action: 'restore' }).where('id', '=', id).execute();
    assert.equal((await verifyAudit(stores, accountId)).faults.length, 1, `${number}`);
    await stores.db.query.updateTable('audit').set({ action }).where('id', '=', id).execute();
  }
});

test('nothing a user typed is in it, in the clear or sealed', async (t) => {
  const app = await open(t);
  const { id: accountId } = await createAccount(app, { userName: 'canary-name', email: 'canary@canary.test' });
  const { projectId, iterationId } = await plantProject(app, accountId);
  const scope = { accountId, projectId };
  await unpublishIteration(app, scope, iterationId);
  const names = { publishName: 'canary-publish', predictionId: 'canary-target', overwrite: false };
  await publishIteration(app, scope, iterationId, names);
  await deleteProject(app, scope);
  const rows = JSON.stringify(await readAudit(app, accountId));
  assert.ok(rows.includes('iteration-published'));
  assert.doesNotMatch(rows, /canary/i);
  await app.db.checkpoint();
  const files = readdirSync(join(app.folder, 'data'), { recursive: true, withFileTypes: true });
  for (const file of files.filter((entry) => entry.isFile()))
    assert.doesNotMatch(readFileSync(join(file.parentPath, file.name), 'latin1'), /canary/i, file.name);
});
