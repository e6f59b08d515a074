import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sequence } from '../../test/fixtures/sequence.ts';
import { type Planted, plantAccount, plantProject, type Stores, testStores } from '../../test/fixtures/stores.ts';
import { newId } from '../base/id.ts';
import { holdingsOf } from '../store/holdings.ts';
import { sealText } from '../store/sealed.ts';
import {
  accountDeletion,
  type Deletion,
  exportDeletion,
  imageDeletion,
  iterationDeletion,
  predictionDeletion,
  projectDeletion,
  tagDeletion,
} from './deletions.ts';
import { eraseGarbage, eraseLooseBlobs, eraseScope } from './erasure.ts';
import { countDownload, deleteExport } from './exporting.ts';
import { deleteImages } from './images.ts';
import { deleteIteration, unpublishIteration } from './iterations.ts';
import { createModels } from './models.ts';
import { deletePredictions } from './stored-predictions.ts';
import { deleteTag } from './tags.ts';
import { discard } from './trash.ts';

const signal = new AbortController().signal;

/** A planted project that grew: more iterations with images and tags of their own, some published, exported, deleted. */
async function grow(stores: Stores, planted: Planted, next: () => number): Promise<string[]> {
  const { db, keys, clock } = stores;
  const { projectId, imageIds, tagId } = planted;
  const iterationIds = [planted.iterationId];
  const seal = (kind: string, id: string, text: string) => sealText(keys, planted, kind, id, text);
  await db.transaction(async (tx) => {
    const row = await tx
      .selectFrom('iterations')
      .selectAll()
      .where('id', '=', planted.iterationId)
      .executeTakeFirstOrThrow();
    for (let n = 2; n < 2 + Math.floor(next() * 3); n++) {
      const id = newId();
      iterationIds.push(id);
      const publish = next() < 0.5 ? `live ${n}` : null;
      const changes = {
        created: clock.now(),
        name: seal('iterations.name', id, `Iteration ${n}`),
        publish_name: publish === null ? null : seal('iterations.publish_name', id, publish),
        publish_lookup: publish,
        is_default: 0 as const,
      };
      await tx
        .insertInto('iterations')
        .values({ ...row, id, ...changes })
        .execute();
      const learned = { iteration_id: id, project_id: projectId };
      if (next() < 0.7)
        await tx
          .insertInto('iteration_tags')
          .values({ ...learned, tag_id: tagId, position: 0, image_count: 1 })
          .execute();
      for (const image_id of imageIds.filter(() => next() < 0.5))
        await tx
          .insertInto('iteration_images')
          .values({ ...learned, image_id, tag_ids: '[]', regions: null, fold: 0, scores: null, forgetting: 0 })
          .execute();
      for (const status of ['Done', 'Failed'] as const)
        if (next() < 0.5)
          await tx
            .insertInto('exports')
            .values({
              id: newId(),
              ...learned,
              platform: 'ONNX',
              flavor: null,
              status,
              created: clock.now(),
              modified: clock.now(),
              bytes: 10,
              downloads: 0,
              downloaded: null,
            })
            .execute();
    }
  });
  // Some of what the first iteration learned from is forgotten by it, some deleted from the workspace.
  for (const id of imageIds) {
    const of = db.query.deleteFrom('iteration_images').where('iteration_id', '=', planted.iterationId);
    if (next() < 0.4) await of.where('image_id', '=', id).execute();
    const one = { imageIds: [id], allImages: false, allIterations: next() < 0.2 };
    if (next() < 0.3) await deleteImages(stores, planted, one);
  }
  if (next() < 0.3) await deleteTag(stores, planted, tagId);
  await rest(stores, planted);
  return iterationIds;
}

/** Until everything that was deleted is gone. */
async function rest(stores: Stores, planted: Planted): Promise<void> {
  await eraseGarbage(stores, planted, signal);
  await eraseLooseBlobs(stores, planted.projectId, signal);
}

/** What there is in a project: amounts by kind, published names and exports, sorted. */
async function contents({ db }: Stores, { accountId, projectId }: Planted) {
  const held = (await holdingsOf(db.query, accountId)).filter((row) => row.scope_id === projectId);
  const published = await db.query
    .selectFrom('iterations')
    .select('id')
    .where('project_id', '=', projectId)
    .where('publish_lookup', 'is not', null)
    .execute();
  const defaults = await db.query
    .selectFrom('iterations')
    .select('id')
    .where('project_id', '=', projectId)
    .where('is_default', '=', 1)
    .execute();
  const exports = await db.query.selectFrom('exports').select('id').where('project_id', '=', projectId).execute();
  return {
    amounts: new Map(held.map(({ kind, count, bytes }) => [kind, { count, bytes }])),
    published: published.map(({ id }) => id),
    defaults: defaults.map(({ id }) => id),
    exports: exports.map(({ id }) => id),
  };
}

type Contents = Awaited<ReturnType<typeof contents>>;

/** What was foretold must be what went: to the row, to the byte. */
function assertForetold(foretold: Deletion, before: Contents, after: Contents, what: string): void {
  const went = [...before.amounts].flatMap(([kind, { count, bytes }]) => {
    const left = after.amounts.get(kind) ?? { count: 0, bytes: 0 };
    return count === left.count ? [] : [`${kind}: ${count - left.count}, ${bytes - left.bytes} bytes`];
  });
  assert.deepEqual(
    foretold.kinds.map(({ kind, count, bytes }) => `${kind}: ${count}, ${bytes} bytes`).sort(),
    went.sort(),
    what,
  );
  const gone = (was: readonly string[], is: readonly string[]) => was.filter((id) => !is.includes(id)).sort();
  const names = foretold.publishNames.map((one) => one.iterationId);
  assert.deepEqual(names.sort(), gone(before.published, after.published), `${what}: published names`);
  const defaults = foretold.defaultIterations.map((one) => one.iterationId);
  assert.deepEqual(defaults, gone(before.defaults, after.defaults), `${what}: default iteration`);
  const exports = foretold.exports.map((one) => one.exportId);
  assert.deepEqual(exports.sort(), gone(before.exports, after.exports), `${what}: exports`);
  for (const { what: words } of foretold.kinds) assert.match(words, /\w+ \w+/);
}

test('what a deletion foretells is what it then removes, over random projects', async (t) => {
  const stores = await testStores(t);
  const app = { ...stores, models: { forget: () => undefined } as never };
  const accountId = await plantAccount(stores);
  const next = sequence(5);
  let foretold = 0;
  for (let round = 0; round < 30; round++) {
    const planted = await plantProject(stores, accountId, 1 + Math.floor(next() * 6));
    const iterationIds = await grow(stores, planted, next);
    const { tagId, predictionId, imageIds, projectId } = planted;
    const iterationId = iterationIds[Math.floor(next() * iterationIds.length)]!;
    const some = imageIds.filter(() => next() < 0.6);
    const images = {
      imageIds: some.length > 0 ? some : imageIds,
      allImages: next() < 0.2,
      allIterations: next() < 0.4,
    };
    const exported = (await contents(stores, planted)).exports[0];
    const ofExport = await stores.db.query
      .selectFrom('exports')
      .select('iteration_id')
      .where('id', '=', exported ?? '')
      .executeTakeFirst();
    const steps: Record<string, [() => Promise<Deletion>, () => Promise<unknown>]> = {
      images: [() => imageDeletion(app, planted, images, 'en'), () => deleteImages(app, planted, images)],
      tag: [() => tagDeletion(app, planted, tagId, 'pt-BR'), () => deleteTag(app, planted, tagId)],
      export: [
        () => exportDeletion(app, planted, ofExport?.iteration_id ?? newId(), exported ?? newId(), 'it'),
        () => deleteExport(app, planted, ofExport!.iteration_id, exported!),
      ],
      prediction: [
        () => predictionDeletion(app, planted, [predictionId, newId()], 'en'),
        () => deletePredictions(app, planted, [predictionId, newId()]),
      ],
      iteration: [
        () => iterationDeletion(app, planted, iterationId, 'en'),
        async () => {
          await unpublishIteration(app, planted, iterationId).catch(() => undefined);
          await deleteIteration(app, planted, iterationId);
        },
      ],
    };
    const order = Object.keys(steps)
      .map((name) => ({ name, rank: next() }))
      .sort((a, b) => a.rank - b.rank);
    for (const { name } of order) {
      const [foretell, remove] = steps[name]!;
      const before = await contents(stores, planted);
      let preview: Deletion;
      try {
        preview = await foretell();
      } catch (error) {
        // Gone with something before: then the deletion is refused alike.
        const { code } = error as { code: string };
        assert.match(code, /^NotFound/);
        if (exported !== undefined) await assert.rejects(remove(), { code });
        continue;
      }
      await remove();
      await rest(stores, planted);
      assertForetold(preview, before, await contents(stores, planted), `round ${round}: ${name}`);
      foretold++;
    }
    const before = await contents(stores, planted);
    const whole = await projectDeletion(app, planted, 'en');
    await stores.db.query.updateTable('projects').set({ deleted: 1 }).where('id', '=', projectId).execute();
    await eraseScope(app, planted, signal);
    assertForetold(whole, before, await contents(stores, planted), `round ${round}: project`);
  }
  assert.ok(foretold > 100, `${foretold} deletions were compared`);
});

test('of an account, everything is foretold', async (t) => {
  const stores = await testStores(t);
  const accountId = await plantAccount(stores);
  const projects = [await plantProject(stores, accountId, 2), await plantProject(stores, accountId, 3)];
  await plantProject(stores, await plantAccount(stores), 4);
  const foretold = await accountDeletion(stores, accountId, 'it');
  const count = (kind: string) => foretold.kinds.find((one) => one.kind === kind)?.count;
  assert.deepEqual([count('accounts'), count('api_keys'), count('projects'), count('image-original')], [1, 1, 2, 5]);
  assert.deepEqual(
    foretold.publishNames.map((one) => one.projectId).sort(),
    projects.map((one) => one.projectId).sort(),
  );
  assert.deepEqual(
    foretold.defaultIterations.map((one) => one.iterationId).sort(),
    projects.map((one) => one.iterationId).sort(),
  );
  assert.deepEqual(foretold.exports.map((one) => one.exportId).sort(), projects.map((one) => one.exportId).sort());
});

test('iterations that learned from images are named, and whether they keep them; downloads are told', async (t) => {
  const stores = await testStores(t);
  const accountId = await plantAccount(stores);
  const planted = await plantProject(stores, accountId, 3);
  const stranger = { accountId: await plantAccount(stores), projectId: planted.projectId };
  const two = { imageIds: planted.imageIds.slice(0, 2), allImages: false, allIterations: false };
  const learned = {
    iterationId: planted.iterationId,
    name: 'content of iterations.name',
    images: 2,
    exports: 1,
    downloads: 0,
    rebuilt: false,
  };
  const publishName = 'content of iterations.publish_name';
  const before = await imageDeletion(stores, planted, two, 'en');
  assert.deepEqual(before.learnedFrom, [{ ...learned, publishName, keeps: true }]);
  const everywhere = await imageDeletion(stores, planted, { ...two, allIterations: true }, 'en');
  assert.deepEqual(everywhere.learnedFrom, [{ ...learned, publishName, keeps: false }]);
  const how = { now: true, by: 'command', language: 'en' } as const;
  const app = { ...stores, models: createModels(stores) };
  const { trash, receiptId, ...told } = await discard(app, planted, { kind: 'images', ...two }, how);
  assert.deepEqual(told, before);
  assert.deepEqual([trash, typeof receiptId], [null, 'string']);
  await assert.rejects(imageDeletion(stores, planted, { ...two, imageIds: [newId()] }, 'en'), {
    code: 'NotFoundImage',
  });
  await assert.rejects(imageDeletion(stores, planted, { ...two, imageIds: [] }, 'en'), {
    code: 'BadRequestRequiredParamIsNull',
  });
  await assert.rejects(imageDeletion(stores, stranger, two, 'en'), { code: 'NotFoundProject' });

  await countDownload(stores, planted, planted.exportId);
  await countDownload(stores, planted, planted.exportId);
  const [exported] = (await exportDeletion(stores, planted, planted.iterationId, planted.exportId, 'en')).exports;
  assert.equal(exported?.downloads, 2);
  assert.ok(exported.lastDownloaded);
});
