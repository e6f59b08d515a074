import assert from 'node:assert/strict';
import { test } from 'node:test';
import { jobRun } from '../../test/fixtures/run.ts';
import { sequence } from '../../test/fixtures/sequence.ts';
import { type Planted, plantAccount, plantProject, type Stores, testStores } from '../../test/fixtures/stores.ts';
import { newId } from '../base/id.ts';
import { purge } from '../jobs/purge.ts';
import { findErasure } from '../store/erasures.ts';
import { imageDeletion } from './deletions.ts';
import { cancelForgetting, forgetImages, forgettingPreview, listForgetting } from './forgetting.ts';

/** A further iteration of a planted project: its status, and which images it learned from (`true`) or only recorded. */
async function addIteration(
  { db }: Stores,
  { iterationId, projectId, tagId }: Planted,
  status: 'Training' | 'Completed' | 'Failed',
  images: ReadonlyMap<string, boolean>,
  downloads: readonly number[],
): Promise<string> {
  const id = newId();
  const row = await db.query
    .selectFrom('iterations')
    .selectAll()
    .where('id', '=', iterationId)
    .executeTakeFirstOrThrow();
  const { name, ...plain } = row;
  const own = { iteration_id: id, project_id: projectId };
  await db.transaction(async (tx) => {
    await tx
      .insertInto('iterations')
      .values({ ...plain, id, name: name, status, publish_name: null, publish_lookup: null, is_default: 0 })
      .execute();
    await tx
      .insertInto('iteration_tags')
      .values({ ...own, tag_id: tagId, position: 0, image_count: 1 })
      .execute();
    for (const [image_id, learned] of images)
      await tx
        .insertInto('iteration_images')
        .values({
          ...own,
          image_id,
          tag_ids: learned ? `["${tagId}"]` : '[]',
          regions: null,
          fold: 0,
          scores: null,
          forgetting: 0,
        })
        .execute();
    for (const n of downloads)
      await tx
        .insertInto('exports')
        .values({
          ...{ id: newId(), project_id: projectId, iteration_id: id, platform: 'ONNX', flavor: null, status: 'Done' },
          ...{ created: 1, modified: 1, bytes: 10, downloads: n, downloaded: null },
        })
        .execute();
  });
  return id;
}

/** All rows that tell of images and iterations. */
async function state({ db }: Stores) {
  const of = (table: 'images' | 'iteration_images' | 'iterations' | 'image_tags' | 'jobs' | 'erasures') =>
    db.query.selectFrom(table).selectAll().execute();
  return [
    await of('images'),
    await of('iteration_images'),
    await of('iterations'),
    await of('image_tags'),
    await of('jobs'),
    await of('erasures'),
  ];
}

const doPurge = (stores: Stores, planted: Planted) => purge(stores, planted, jobRun());

test('who learned from pictures is told exactly, over random projects: models, published names, exports, downloads', async (t) => {
  const stores = await testStores(t);
  const accountId = await plantAccount(stores);
  const next = sequence(11);
  for (let round = 0; round < 20; round++) {
    const planted = await plantProject(stores, accountId, 2 + Math.floor(next() * 5));
    const { imageIds } = planted;
    // What the names are sealed to is theirs alone, so the planted one is told beside those that are told by id here.
    const truth = new Map<string, { status: string; images: ReadonlyMap<string, boolean>; downloads: number[] }>();
    for (let n = Math.floor(next() * 4); n > 0; n--) {
      const status = next() < 0.6 ? 'Completed' : next() < 0.5 ? 'Training' : 'Failed';
      const images = new Map(imageIds.filter(() => next() < 0.5).map((id) => [id, next() < 0.7]));
      const downloads = Array.from({ length: Math.floor(next() * 3) }, () => Math.floor(next() * 5));
      const id = await addIteration(stores, planted, status, images, downloads);
      await rename(stores, planted, id);
      truth.set(id, { status, images, downloads });
    }
    truth.set(planted.iterationId, {
      status: 'Completed',
      images: new Map(imageIds.map((id) => [id, true])),
      downloads: [0],
    });
    const some = imageIds.filter(() => next() < 0.5);
    if (some.length === 0) continue;
    for (const allIterations of [false, true]) {
      const told = await imageDeletion(stores, planted, { imageIds: some, allImages: false, allIterations }, 'en');
      const expected = [...truth].flatMap(([iterationId, { status, images, downloads }]) => {
        const recorded = some.filter((id) => images.has(id));
        const learned = some.filter((id) => images.get(id));
        // Begins anew without them, or has no model at all.
        const knows = status === 'Completed' || (status === 'Training' && !allIterations) ? learned.length : 0;
        const touched = allIterations ? knows > 0 : recorded.length > 0;
        const all = downloads.reduce((sum, n) => sum + n, 0);
        return touched ? [[iterationId, knows, downloads.length, all, !allIterations]] : [];
      });
      const received = told.learnedFrom.map((one) => [
        one.iterationId,
        one.images,
        one.exports,
        one.downloads,
        one.keeps,
      ]);
      assert.deepEqual(received.sort(), expected.sort(), `round ${round}`);
    }
    // Of the one tag there is, each iteration needs one picture that stays.
    const knowing = [...truth].filter(([, one]) => one.status === 'Completed' && some.some((id) => one.images.get(id)));
    const possible = knowing.every(([, { images }]) => imageIds.some((id) => images.get(id) && !some.includes(id)));
    const preview = forgettingPreview(stores, planted, some, 'en');
    if (!possible) await assert.rejects(preview, { code: 'BadRequestTrainingValidationFailed' });
    else {
      const { learnedFrom, exports } = await preview;
      assert.deepEqual(learnedFrom.map((one) => one.iterationId).sort(), knowing.map(([id]) => id).sort());
      assert.equal(
        exports.length,
        knowing.reduce((sum, [, one]) => sum + one.downloads.length, 0),
      );
    }
  }
});

/** Seals an iteration's name for itself. */
async function rename({ db, keys }: Stores, scope: Planted, id: string): Promise<void> {
  const name = keys.seal({ ...scope, kind: 'iterations.name', id }, Buffer.from('further'));
  await db.query.updateTable('iterations').set({ name, name_lookup: id }).where('id', '=', id).execute();
}

test('what cannot be forgotten is refused and nothing is changed; nor for another account', async (t) => {
  const stores = await testStores(t);
  const planted = await plantProject(stores, await plantAccount(stores), 3);
  const before = await state(stores);
  const all = { imageIds: planted.imageIds, remakeExports: false };
  await assert.rejects(forgetImages(stores, planted, all, 'en'), {
    code: 'BadRequestTrainingValidationFailed',
    message: new RegExp(`content of iterations.name \\(${planted.iterationId}\\).*content of tags.name`),
  });
  const stranger = { accountId: await plantAccount(stores), projectId: planted.projectId };
  const one = { imageIds: [planted.imageIds[0]!], remakeExports: false };
  await assert.rejects(forgetImages(stores, stranger, one, 'en'), { code: 'NotFoundProject' });
  await assert.rejects(listForgetting(stores, stranger), { code: 'NotFoundProject' });
  await assert.rejects(forgetImages(stores, planted, { ...one, imageIds: [newId()] }, 'en'), { code: 'NotFoundImage' });
  assert.deepEqual(await state(stores), before);
});

test('stopped before a model forgets, iterations are as they were, pictures are still held, and the receipt says so', async (t) => {
  const stores = await testStores(t);
  const planted = await plantProject(stores, await plantAccount(stores), 4);
  const [first, second] = planted.imageIds as [string, string];
  const iteration = () =>
    stores.db.query
      .selectFrom('iterations')
      .selectAll()
      .where('id', '=', planted.iterationId)
      .executeTakeFirstOrThrow();
  const jobs = () => stores.db.query.selectFrom('jobs').select('payload').where('name', '=', 'forget').execute();
  const before = await iteration();
  const ask = (...imageIds: string[]) => forgetImages(stores, planted, { imageIds, remakeExports: true }, 'en');
  const { receiptId } = await ask(first, second);
  const other = (await ask(second)).receiptId;
  await doPurge(stores, planted);
  assert.equal((await jobs()).length, 1);
  const stateOf = async (id: string) => (await listForgetting(stores, planted)).find((one) => one.receiptId === id);
  assert.deepEqual(
    [(await stateOf(receiptId))?.state, (await stateOf(receiptId))?.held, (await stateOf(other))?.held],
    ['Rebuilding', 2, 1],
  );
  assert.equal((await findErasure(stores.db.query, receiptId))?.finished, null);

  const stopped = await cancelForgetting(stores, planted, receiptId);
  assert.deepEqual([stopped.held, stopped.iterations], [2, []]);
  // The other request still stands.
  assert.equal((await jobs()).length, 1);
  assert.equal((await iteration()).rebuild, 'Waiting');
  await cancelForgetting(stores, planted, other);
  assert.deepEqual(await jobs(), []);
  assert.deepEqual(await iteration(), before);
  await assert.rejects(cancelForgetting(stores, planted, receiptId), { code: 'BadRequest' });
  await assert.rejects(cancelForgetting(stores, planted, newId()), { code: 'NotFound' });
  await doPurge(stores, planted);
  const receipt = await findErasure(stores.db.query, receiptId);
  assert.ok(receipt?.receipt);
  assert.deepEqual(JSON.parse(receipt.kept), { images: 2 });
  assert.deepEqual(JSON.parse(receipt.counts!), { image_tags: 2, regions: 2 });
  const left = await stores.db.query.selectFrom('iteration_images').select('image_id').execute();
  assert.equal(left.length, 4);
});
