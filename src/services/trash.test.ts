import assert from 'node:assert/strict';
import { cpSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join, relative } from 'node:path';
import { type TestContext, test } from 'node:test';
import { jobRun } from '../../test/fixtures/run.ts';
import {
  openStores,
  type Planted,
  plantAccount,
  plantProject,
  type Stores,
  temporaryFolder,
  testStores,
} from '../../test/fixtures/stores.ts';
import { day, second } from '../base/clock.ts';
import { newId } from '../base/id.ts';
import { readConfig } from '../config.ts';
import { purge } from '../jobs/purge.ts';
import { retention } from '../jobs/retention.ts';
import { trash as sweep } from '../jobs/trash.ts';
import type { Jobs } from '../queue/job.ts';
import { blobKey } from '../store/blobs.ts';
import { tableCustody } from '../store/custody.ts';
import { countHoldings } from '../store/holdings.ts';
import type { Tables } from '../store/schema.ts';
import { deleteNamedAccount, undoAccountDeletion } from './account-deletion.ts';
import { examine } from './doctor.ts';
import { forgetImages } from './forgetting.ts';
import { deleteImages } from './images.ts';
import { deleteIteration, unpublishIteration } from './iterations.ts';
import { createModels } from './models.ts';
import { getReceipt, receiptKey, verifyReceipt } from './receipts.ts';
import { recover } from './recovery.ts';
import { scheduleSweep, setRetention } from './retention.ts';
import { deleteTag } from './tags.ts';
import { type Discarded, discard, setTrashDays } from './trash.ts';
import { emptyTrashItem } from './trash-empty.ts';
import { readTrash } from './trash-list.ts';
import { restoreTrashItem } from './trash-restore.ts';

const how = { now: false, by: 'command', language: 'en' } as const;
const running = jobRun();

/** A project whose iteration is not published, beside another one. */
async function planted(t: TestContext) {
  const stores = await testStores(t);
  const accountId = await plantAccount(stores);
  const project = await plantProject(stores, accountId);
  const app = { ...stores, models: createModels(stores) };
  await unpublishIteration(app, project, project.iterationId);
  return { app, project, accountId };
}

/** Rows of a project by table, as they are but for when the project changed last, and its files; not suggestions, which are not brought back. */
async function state({ db, blobs }: Stores, { accountId, projectId }: Planted): Promise<unknown> {
  const rows: Record<string, string[]> = {};
  for (const table of Object.keys(tableCustody) as (keyof Tables)[]) {
    if (tableCustody[table].owner !== 'project' || table === 'trash' || table === 'suggestions') continue;
    const found = await db.query
      .selectFrom(table as 'images')
      .selectAll()
      .where((table === 'projects' ? 'id' : 'project_id') as 'id', '=', projectId)
      .execute();
    rows[table] = found
      .map((row) => JSON.stringify({ ...row, ...(table === 'projects' ? { modified: 0 } : {}) }))
      .sort();
  }
  const loose = new Set((await db.query.selectFrom('loose_blobs').select('key').execute()).map((row) => row.key));
  const files: string[] = [];
  for await (const { key } of blobs.list(`${accountId}/${projectId}/`)) if (!loose.has(key)) files.push(key);
  return { rows, files: files.sort() };
}

const holdings = async ({ db }: Stores) => {
  const key = (row: { scope_id: string; kind: string }): string => `${row.scope_id} ${row.kind}`;
  const sorted = <Row extends { scope_id: string; kind: string }>(rows: readonly Row[]): Row[] =>
    [...rows].sort((a, b) => (key(a) < key(b) ? -1 : 1));
  return {
    kept: sorted(await db.query.selectFrom('holdings').selectAll().execute()),
    counted: sorted(await countHoldings(db.query)),
  };
};

/** Does the jobs of these names that are due, as the worker would. */
async function work(stores: Stores): Promise<number> {
  for (let done = 0; ; done++) {
    const job = await stores.queue.claim('worker', ['trash', 'retention', 'purge']);
    if (job === undefined) return done;
    if (job.name === 'trash') await sweep(stores, job.payload as Jobs['trash'], running);
    else if (job.name === 'retention') await retention(stores, job.payload as Jobs['retention'], running);
    else await purge(stores, job.payload as Jobs['purge'], running);
    await stores.queue.finish(job.id, 'worker', { state: 'done' });
  }
}

const kinds = ({ tagId, iterationId, exportId, predictionId, imageIds }: Planted): Record<string, Discarded> => ({
  project: { kind: 'project' },
  tag: { kind: 'tag', tagId },
  iteration: { kind: 'iteration', iterationId },
  export: { kind: 'export', iterationId, exportId },
  predictions: { kind: 'predictions', ids: [predictionId] },
  'some images': { kind: 'images', imageIds: imageIds.slice(0, 2), allImages: false, allIterations: false },
  'images out of all iterations': {
    kind: 'images',
    imageIds: imageIds.slice(0, 2),
    allImages: false,
    allIterations: true,
  },
  'all images': { kind: 'images', allImages: true, allIterations: true },
});

const none = { accountId: '', projectId: '', tagId: '', iterationId: '', exportId: '', predictionId: '', imageIds: [] };

for (const name of Object.keys(kinds(none))) {
  test(`${name}: brought back on the last day it is as it was; a day later it is erased, as foretold`, async (t) => {
    const { app, project, accountId } = await planted(t);
    const before = await state(app, project);
    const one = await discard(app, project, kinds(project)[name]!, how);
    assert.equal(one.receiptId, one.trash?.id);
    assert.notDeepEqual(await state(app, project), before);
    assert.deepEqual(await examine(app), []);
    const counted = await holdings(app);
    assert.deepEqual(counted.kept, counted.counted);

    app.clock.turn(6 * day + day - 60_000_000);
    await work(app);
    await restoreTrashItem(app, accountId, one.trash!.id);
    assert.deepEqual(await state(app, project), before);
    await assert.rejects(restoreTrashItem(app, accountId, one.trash!.id), { code: 'NotFound' });
    assert.equal((await readTrash(app, accountId, { take: 9, skip: 0 }, 'en')).total, 0);
    // Nothing was noted as erased, so that no old copy loses what lives again.
    assert.equal((await app.db.query.selectFrom('erased').select('seq').execute()).length, 1);

    const again = await discard(app, project, kinds(project)[name]!, how);
    const [listed] = (await readTrash(app, accountId, { take: 9, skip: 0 }, 'en')).items;
    assert.deepEqual([listed?.id, listed?.daysLeft, listed?.by], [again.trash!.id, 7, 'command']);
    app.clock.turn(7 * day);
    await work(app);
    const receipt = await getReceipt(app, accountId, again.trash!.id);
    assert.equal(receipt.state, 'Finished');
    const content = (await verifyReceipt(receipt.receipt!, await receiptKey(app)))!;
    const foretold = Object.fromEntries(again.kinds.map(({ kind, count }) => [kind, count]));
    const { bytes: _bytes, ...erased } = content.erased;
    assert.deepEqual(erased, foretold);
    assert.equal(Date.parse(content.asked) * 1000, Date.parse(content.invisible) * 1000);
    assert.ok(Date.parse(content.finished) - Date.parse(content.asked) >= 7 * 86_400_000);
    assert.deepEqual(await app.db.query.selectFrom('trash').selectAll().execute(), []);
    assert.deepEqual(await app.db.query.selectFrom('trash_rows').selectAll().execute(), []);
    assert.deepEqual(await examine(app), []);
  });
}

test('what was deleted in any order comes back in any order', async (t) => {
  const orders = [
    [0, 1, 2],
    [2, 1, 0],
    [1, 2, 0],
    [1, 0, 2],
  ];
  for (const order of orders) {
    const { app, project, accountId } = await planted(t);
    const before = await state(app, project);
    const all = kinds(project);
    const items: string[] = [];
    for (const name of ['tag', 'images out of all iterations', 'iteration'])
      items.push((await discard(app, project, all[name]!, how)).trash!.id);
    await work(app);
    for (const index of order) {
      const { dropped, left } = await restoreTrashItem(app, accountId, items[index]!);
      assert.deepEqual([dropped, left], [{}, 0]);
    }
    assert.deepEqual(await state(app, project), before, `order ${order}`);
  }
});

test('what the trash keeps is not erased with what else kept it, and goes when the trash is emptied', async (t) => {
  const { app, project, accountId } = await planted(t);
  const [first] = project.imageIds;
  const images = { imageIds: [first!], allImages: false, allIterations: false };
  const item = await discard(app, project, { kind: 'images', ...images }, how);
  await deleteIteration(app, project, project.iterationId);
  await work(app);
  await assert.rejects(deleteImages(app, project, images), { code: 'NotFoundImage' });
  const there = async () =>
    (await app.db.query.selectFrom('images').select('id').where('id', '=', first!).execute()).length;
  assert.equal(await there(), 1);
  // Its tag is erased meanwhile: what tied them is gone.
  await deleteTag(app, project, project.tagId);
  await work(app);
  const { restored, dropped } = await restoreTrashItem(app, accountId, item.trash!.id);
  assert.deepEqual([restored, dropped], [{ images: 1 }, {}]);
  const again = await discard(app, project, { kind: 'images', ...images }, how);
  await emptyTrashItem(app, accountId, again.trash!.id);
  await work(app);
  assert.equal(await there(), 0);
  assert.deepEqual(await examine(app), []);
});

test('an export in the trash goes with its iteration; an iteration in the trash is restored before its export', async (t) => {
  const { app, project, accountId } = await planted(t);
  const all = kinds(project);
  const exported = await discard(app, project, all.export!, how);
  const iteration = await discard(app, project, all.iteration!, how);
  await assert.rejects(restoreTrashItem(app, accountId, exported.trash!.id), { code: 'NotFoundIteration' });
  await restoreTrashItem(app, accountId, iteration.trash!.id);
  await deleteIteration(app, project, project.iterationId);
  await work(app);
  await assert.rejects(restoreTrashItem(app, accountId, exported.trash!.id), { code: 'NotFound' });
  assert.deepEqual(await examine(app), []);
});

test('in a project of one tag for each picture, a tag that comes back leaves alone what got another meanwhile', async (t) => {
  const { app, project, accountId } = await planted(t);
  const { tagId, imageIds, projectId } = project;
  const item = await discard(app, project, kinds(project).tag!, how);
  const tag = await app.db.query.selectFrom('tags').selectAll().where('id', '=', tagId).executeTakeFirstOrThrow();
  const other = newId();
  await app.db.query
    .insertInto('tags')
    .values({
      ...tag,
      id: other,
      name: app.keys.seal({ accountId, projectId, kind: 'tags.name', id: other }, Buffer.from('another')),
      description: null,
      name_lookup: other,
      workspace: 1,
    })
    .execute();
  await app.db.query
    .insertInto('image_tags')
    .values({ image_id: imageIds[0]!, tag_id: other, project_id: projectId, created: app.clock.now() })
    .execute();
  const { restored, dropped } = await restoreTrashItem(app, accountId, item.trash!.id);
  assert.deepEqual([restored.tags, restored.image_tags, dropped], [1, 2, { image_tags: 1 }]);
  const carried = await app.db.query.selectFrom('image_tags').select(['image_id', 'tag_id']).execute();
  assert.deepEqual(
    imageIds.map((id) => carried.filter((one) => one.image_id === id).map((one) => one.tag_id)),
    [[other], [tagId], [tagId]],
  );
  assert.deepEqual(await examine(app), []);
});

test('an iteration in the trash keeps what it learned from, so that this is not forgotten before it is back or erased', async (t) => {
  const { app, project, accountId } = await planted(t);
  const item = await discard(app, project, kinds(project).iteration!, how);
  const one = { imageIds: project.imageIds.slice(0, 1), remakeExports: false };
  const before = await state(app, project);
  await assert.rejects(forgetImages(app, project, one, 'en'), {
    code: 'BadRequestTrainingValidationFailed',
    message: /iteration in the trash.*bring it back, or erase it.*Nothing was changed/,
  });
  assert.deepEqual(await state(app, project), before);
  await emptyTrashItem(app, accountId, item.trash!.id);
  await forgetImages(app, project, one, 'en');
  await work(app);
  assert.equal((await app.db.query.selectFrom('images').select('id').execute()).length, 2);
});

test('an account that is erased with things in its trash leaves no byte of them in any file, encrypted or not', async (t) => {
  const { app, project, accountId } = await planted(t);
  const other = await plantProject(app, accountId);
  const all = kinds(project);
  for (const name of ['predictions', 'export', 'some images', 'tag', 'iteration'])
    await discard(app, project, all[name]!, how);
  await discard(app, other, { kind: 'project' }, how);
  const sealed = await app.db.query.selectFrom('trash_rows').select(['row_id', 'row']).execute();
  const canaries: Buffer[] = sealed.map(({ row_id }) => Buffer.from(row_id.split('/')[0]!));
  for (const text of sealed.flatMap(({ row }) => row.match(/(?<=")[0-9A-F]{64,}(?=")/g) ?? []))
    canaries.push(Buffer.from(text), Buffer.from(text, 'hex').subarray(13));
  for await (const { key } of app.blobs.list(`${accountId}/`)) canaries.push((await app.blobs.get(key))!.subarray(13));
  // Random ids stay in the list of what may not come back from a backup.
  const listed = (path: string): boolean => path === join('keys', 'erased');
  const hits = (): number => {
    const files = readdirSync(app.folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    const paths = files.map((file) => join(file.parentPath, file.name));
    const contents = paths
      .filter((path) => !listed(relative(app.folder, path)))
      .map((path) => Buffer.concat([Buffer.from(path), readFileSync(path)]));
    return canaries.filter((canary) => contents.some((content) => content.includes(canary))).length;
  };
  assert.ok(canaries.length > 40);
  assert.equal(hits(), canaries.length, 'the search finds what is there');
  await deleteNamedAccount(app, accountId, 'content of accounts.user_name', { by: 'command', undoDays: 0 });
  await work(app);
  assert.equal(hits(), 0);
  for (const table of ['trash', 'trash_rows', 'trash_days', 'projects', 'loose_blobs'] as const)
    assert.deepEqual(await app.db.query.selectFrom(table).selectAll().execute(), [], table);
  assert.deepEqual(await examine(app), []);
});

test('with 0 days, or now, nothing goes to the trash; a number out of range is refused', async (t) => {
  const { app, project, accountId } = await planted(t);
  for (const wrong of [-1, 31, 1.5]) await assert.rejects(setTrashDays(app, accountId, wrong), { code: 'BadRequest' });
  const all = kinds(project);
  assert.equal((await discard(app, project, all.export!, { ...how, now: true })).trash, null);
  await setTrashDays(app, accountId, 0);
  const { trash, receiptId } = await discard(app, project, all.tag!, how);
  assert.equal(trash, null);
  await work(app);
  assert.equal((await getReceipt(app, accountId, receiptId!)).state, 'Finished');
});

const log = { info: () => undefined, warn: () => undefined, error: () => undefined };

test('restarts and a clock that is set back and forth change nothing before the time; after it a start erases', async (t) => {
  const { app, project, accountId } = await planted(t);
  const before = await state(app, project);
  const item = await discard(app, project, kinds(project)['some images']!, how);
  for (const jump of [2 * day, -day, 5 * day]) {
    app.clock.turn(jump);
    await recover({ ...app, log });
    await work(app);
  }
  await restoreTrashItem(app, accountId, item.trash!.id);
  assert.deepEqual(await state(app, project), before);
  app.clock.turn(400 * day);
  await discard(app, project, kinds(project).tag!, how);
  app.clock.turn(-400 * day);
  await recover({ ...app, log });
  const [redated] = (await readTrash(app, accountId, { take: 9, skip: 0 }, 'en')).items;
  assert.equal(redated?.daysLeft, 7);
  app.clock.turn(7 * day);
  await recover({ ...app, log });
  assert.equal((await readTrash(app, accountId, { take: 9, skip: 0 }, 'en')).total, 0);
});

test('an old copy of the data brings back what was in its trash, but nothing that was erased from it since', async (t) => {
  for (const name of Object.keys(kinds(none))) {
    const folder = temporaryFolder(t);
    let stores = await openStores(folder);
    t.after(() => stores.db.close());
    const accountId = await plantAccount(stores);
    const project = await plantProject(stores, accountId);
    const app = () => ({ ...stores, models: createModels(stores) });
    await unpublishIteration(app(), project, project.iterationId);
    await recover({ ...stores, log });
    const before = await state(stores, project);
    const copy = async (name: string): Promise<void> => {
      await stores.db.close();
      cpSync(join(folder, 'data'), join(folder, name), { recursive: true });
      stores = await openStores(folder);
    };
    const putBack = async (name: string): Promise<void> => {
      await stores.db.close();
      rmSync(join(folder, 'data'), { recursive: true });
      cpSync(join(folder, name), join(folder, 'data'), { recursive: true });
      stores = await openStores(folder);
      await recover({ ...stores, log });
    };
    await copy('living');
    const item = await discard(app(), project, kinds(project)[name]!, how);
    await copy('trashed');
    // Thrown away and brought back: the copy from before is as good as what is there.
    await restoreTrashItem(stores, accountId, item.trash!.id);
    await putBack('living');
    assert.deepEqual(await state(stores, project), before, name);
    await putBack('trashed');
    await restoreTrashItem(stores, accountId, item.trash!.id);
    assert.deepEqual(await state(stores, project), before, name);
    await putBack('trashed');
    await emptyTrashItem(stores, accountId, item.trash!.id);
    await work(stores);
    const after = name === 'project' ? undefined : await state(stores, project);
    for (const old of ['trashed', 'living']) {
      await putBack(old);
      await work(stores);
      assert.equal((await readTrash(stores, accountId, { take: 9, skip: 0 }, 'en')).total, 0, `${name}, ${old}`);
      if (after === undefined)
        assert.deepEqual(await stores.db.query.selectFrom('projects').select('id').execute(), [], old);
      else assert.deepEqual(await state(stores, project), after, `${name}, ${old}`);
    }
  }
});

const halfHour = 1800 * second;

/** Which predictions and exports there are, in the trash or not, and their files that no row has given up. */
async function endingThings({ db, blobs }: Stores): Promise<string[]> {
  const found: string[] = [];
  for (const table of ['predictions', 'exports'] as const) {
    for (const { id } of await db.query.selectFrom(table).select('id').execute()) found.push(`${table} ${id}`);
    const trashed = db.query.selectFrom('trash_rows').select('row_id').where('kind', '=', table);
    for (const { row_id } of await trashed.execute()) found.push(`trashed ${table} ${row_id}`);
  }
  const loose = new Set((await db.query.selectFrom('loose_blobs').select('key').execute()).map((row) => row.key));
  for await (const { key } of blobs.list(''))
    if (/\/(prediction|export)/.test(key) && !loose.has(key)) found.push(key.split('/').slice(2).join(' '));
  return found.sort();
}

test('a stored prediction in the trash goes when its own time is over, with the receipt that was promised', async (t) => {
  const { app, project, accountId } = await planted(t);
  await app.db.transaction((tx) => scheduleSweep(app, tx, project));
  app.clock.turn(28 * day);
  const { trash, receiptId } = await discard(app, project, kinds(project).predictions!, how);
  const [listed] = (await readTrash(app, accountId, { take: 9, skip: 0 }, 'en')).items;
  assert.deepEqual([listed?.daysLeft, listed?.due], [2, trash?.due]);
  app.clock.turn(2 * day - 60 * second);
  await work(app);
  assert.equal((await endingThings(app)).length, 5);
  app.clock.turn(60 * second + halfHour);
  await work(app);
  assert.deepEqual(await endingThings(app), [`exports ${project.exportId}`, `export ${project.exportId}`].sort());
  const receipt = await getReceipt(app, accountId, receiptId!);
  const content = (await verifyReceipt(receipt.receipt!, await receiptKey(app)))!;
  assert.deepEqual([content.scope.kind, content.erased.predictions], ['predictions', 1]);
  assert.equal((await readTrash(app, accountId, { take: 9, skip: 0 }, 'en')).total, 0);
  assert.deepEqual(await examine(app), []);
});

test('a retention that is made shorter holds for what is in the trash already, thing by thing', async (t) => {
  const { app, project, accountId } = await planted(t);
  const all = kinds(project);
  const config = readConfig({});
  // A second prediction, three days younger.
  app.clock.turn(3 * day);
  const row = await app.db.query.selectFrom('predictions').selectAll().executeTakeFirstOrThrow();
  const younger = newId();
  await app.db.query
    .insertInto('predictions')
    .values({ ...row, id: younger, created: app.clock.now() })
    .execute();
  for (const kind of ['prediction-original', 'prediction-thumbnail'] as const)
    await app.blobs.put(blobKey(accountId, project.projectId, kind, younger), Buffer.alloc(9));
  const both = await discard(app, project, { kind: 'predictions', ids: [project.predictionId, younger] }, how);
  await discard(app, project, all.export!, how);
  app.clock.turn(day);
  await work(app);
  assert.equal((await endingThings(app)).length, 8);
  await setRetention({ ...app, config }, project, { predictionsDays: 2, exportsDays: 2 });
  await work(app);
  const left = [`trashed predictions ${younger}`, `prediction-original ${younger}`, `prediction-thumbnail ${younger}`];
  assert.deepEqual(await endingThings(app), left.sort());
  await restoreTrashItem(app, accountId, both.trash!.id);
  assert.deepEqual(
    (await app.db.query.selectFrom('predictions').select('id').execute()).map(({ id }) => id),
    [younger],
  );
  app.clock.turn(day + halfHour);
  await work(app);
  assert.deepEqual(await endingThings(app), []);
  assert.deepEqual(await examine(app), []);
});

for (const what of ['project', 'account'] as const)
  test(`while the ${what} is in the trash, its predictions and exports still end, before and after a restart`, async (t) => {
    const { app, project, accountId } = await planted(t);
    await setTrashDays(app, accountId, 30);
    await setRetention({ ...app, config: readConfig({}) }, project, { exportsDays: 20 });
    await discard(app, project, kinds(project).export!, how);
    app.clock.turn(15 * day);
    const trashed =
      what === 'project'
        ? (await discard(app, project, kinds(project).project!, how)).trash!.id
        : (await deleteNamedAccount(app, accountId, 'content of accounts.user_name', { by: 'command' })).receiptId;
    app.clock.turn(5 * day + halfHour);
    await work(app);
    assert.ok((await endingThings(app)).every((one) => one.includes('prediction')));
    app.clock.turn(10 * day + halfHour);
    await recover({ ...app, log });
    await work(app);
    assert.deepEqual(await endingThings(app), []);
    if (what === 'project') await restoreTrashItem(app, accountId, trashed);
    else await undoAccountDeletion(app, trashed);
    assert.equal((await app.db.query.selectFrom('images').select('id').execute()).length, 3);
    assert.deepEqual(await examine(app), []);
  });
