import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { blots } from '../../test/fixtures/blots.ts';
import { plantRows } from '../../test/fixtures/many-rows.ts';
import { detectionDomain } from '../../test/fixtures/marked.ts';
import { plantAccount, plantProject, testStores } from '../../test/fixtures/stores.ts';
import { day } from '../base/clock.ts';
import { newId } from '../base/id.ts';
import { problem } from '../domain/problems.ts';
import { type Tier, tiers } from '../domain/tier.ts';
import type { App } from './context.ts';
import { createImageTags } from './image-tags.ts';
import { createModels } from './models.ts';
import { createProject, deleteProject } from './projects.ts';
import { createRegions } from './regions.ts';
import { createTag, deleteTag } from './tags.ts';
import { countingPrediction, setTier, usageOf } from './tiers.ts';
import { trainProject } from './training.ts';
import { discard } from './trash.ts';
import { restoreTrashItem } from './trash-restore.ts';
import { createImages } from './uploading.ts';

/** An account of a tier, and all that the use cases here need. */
async function accountOf(t: TestContext, tier: Tier) {
  const stores = await testStores(t);
  const accountId = await plantAccount(stores);
  // Nothing is fetched or learned here.
  const app = { ...stores, models: createModels(stores) } as unknown as App;
  await setTier(app, accountId, tier);
  return { app, stores, accountId };
}

const trashed = { now: false, by: 'command', language: 'en' } as const;

test('an account of a tier has as many projects as it says, those that come back from the trash included', async (t) => {
  const { app, accountId } = await accountOf(t, 'F0');
  const first = await createProject(app, accountId, { name: 'one' });
  await createProject(app, accountId, { name: 'two' });
  await assert.rejects(createProject(app, accountId, { name: 'three' }), {
    code: 'BadRequestExceedProjectLimit',
    message:
      'Expected at most 2 projects in the account, as its tier F0 allows, but there would be 3: delete some first.',
  });
  const { trash } = await discard(app, { accountId, projectId: first.id }, { kind: 'project' }, trashed);
  const third = await createProject(app, accountId, { name: 'three' });
  await assert.rejects(restoreTrashItem(app, accountId, trash!.id), { code: 'BadRequestExceedProjectLimit' });
  await deleteProject(app, { accountId, projectId: third.id });
  await restoreTrashItem(app, accountId, trash!.id);
  await setTier(app, accountId, 'Unlimited');
  await createProject(app, accountId, { name: 'three' });
  await setTier(app, accountId, 'F0');
  const { projects } = await usageOf(app, accountId);
  assert.deepEqual(projects, { total: 2, used: 3 }, 'what there is beyond a tier stays');
});

test('a project of a tier has as many tags and iterations as it says', async (t) => {
  const { app, stores, accountId } = await accountOf(t, 'F0');
  const project = await plantProject(stores, accountId);
  for (let n = 1; n < tiers.F0.tagsPerProject; n++) await createTag(app, project, { name: `tag ${n}` });
  await assert.rejects(createTag(app, project, { name: 'one more' }), {
    code: 'BadRequestExceedTagPerProjectLimit',
    message: /at most 50 tags in the project, as its tier F0 allows, but there would be 51/,
  });
  await deleteTag(app, project, project.tagId);
  await createTag(app, project, { name: 'one more' });
  const row = await app.db.query.selectFrom('iterations').selectAll().executeTakeFirstOrThrow();
  for (let n = 1; n < tiers.F0.iterationsPerProject; n++) {
    const id = newId();
    const more = { id, name_lookup: id, publish_name: null, publish_lookup: null, is_default: 0 } as const;
    await app.db.query
      .insertInto('iterations')
      .values({ ...row, ...more })
      .execute();
  }
  const training = { trainingType: 'Regular', reservedBudgetInHours: 0, forceTrain: true } as const;
  const withFacts = { ...app, vision: { backbone: async () => ({ reference: null }) } } as unknown as App;
  await assert.rejects(trainProject(withFacts, project, training), {
    code: 'BadRequestExceedIterationPerProjectLimit',
    message: /at most 20 iterations in the project/,
  });
  await setTier(app, accountId, 'Unlimited');
  await assert.rejects(trainProject(withFacts, project, training), { code: /TrainingValidationFailed$/ });
});

test('pictures beyond a tier are refused one by one, and do not come back from the trash', async (t) => {
  const { app, accountId } = await accountOf(t, 'F0');
  const [project] = await plantRows(app, accountId, 1, tiers.F0.imagesPerProject - 1);
  const pictures = await blots(3, 1, 1);
  const entries = pictures.map(({ bytes }) => ({ name: 'one', source: { bytes }, tagIds: [], regions: [] }));
  const upload = async (which: typeof entries) =>
    (await createImages(app, project!, which, { tagIds: [], metadata: null })).images.map(({ status }) => status);
  assert.deepEqual(await upload(entries.slice(0, 2)), ['OK', 'ErrorLimitExceed']);
  assert.deepEqual(await upload(entries.slice(0, 1)), ['OKDuplicate'], 'what is there needs no room');
  const what = { kind: 'images', imageIds: [project!.imageIds[0]!], allImages: false, allIterations: false } as const;
  const { trash } = await discard(app, project!, what, trashed);
  assert.deepEqual(await upload(entries.slice(1)), ['OK', 'ErrorLimitExceed']);
  await assert.rejects(restoreTrashItem(app, accountId, trash!.id), { code: 'BadRequestImageExceededCount' });
  await setTier(app, accountId, 'Unlimited');
  assert.deepEqual(await upload(entries.slice(2)), ['OK']);
  assert.equal((await restoreTrashItem(app, accountId, trash!.id)).restored.images, 1);
});

test('an image carries as many tags and regions as the tier says', async (t) => {
  const { app, accountId } = await accountOf(t, 'S0');
  const scope = { accountId, projectId: (await createProject(app, accountId, { name: 'tags' })).id };
  const tagIds: string[] = [];
  for (let n = 0; n <= tiers.S0.tagsPerImage; n++) tagIds.push((await createTag(app, scope, { name: `${n}` })).id);
  const boxes = {
    accountId,
    projectId: (await createProject(app, accountId, { name: 'boxes', domainId: detectionDomain })).id,
  };
  const { id: boxTag } = await createTag(app, boxes, { name: 'box' });
  const regions = Array.from({ length: tiers.S0.regionsPerImage + 1 }, (_, n) => ({
    tagId: boxTag,
    box: { left: n / 1000, top: 0, width: 0.1, height: 0.1 },
  }));
  const [one, two] = (await blots(2, 1, 1)).map(({ bytes }) => ({ name: 'one', source: { bytes } }));
  const none = { tagIds: [], metadata: null };
  const upload = async (to: typeof scope, entry: object) =>
    (await createImages(app, to, [{ ...one!, tagIds: [], regions: [], ...entry }], none)).images[0]!;
  assert.equal((await upload(scope, { tagIds })).status, 'ErrorTagLimitExceed');
  assert.equal((await upload(boxes, { regions })).status, 'ErrorRegionLimitExceed');
  const image = (await upload(scope, { tagIds: tagIds.slice(1) })).image!;
  const boxed = (await upload(boxes, { regions: regions.slice(1) })).image!;
  const pair = { imageId: image.id, tagId: tagIds[0]! };
  const region = { imageId: boxed.id, ...regions[0]! };
  assert.deepEqual((await createImageTags(app, scope, [pair])).exceeded, [pair]);
  assert.deepEqual((await createRegions(app, boxes, [region])).exceeded, [region]);
  await setTier(app, accountId, 'Unlimited');
  assert.deepEqual((await createImageTags(app, scope, [pair])).created, [pair]);
  assert.equal((await createRegions(app, boxes, [region])).created.length, 1);
  assert.equal((await upload(scope, { ...two, tagIds })).status, 'OK');
  assert.equal((await upload(boxes, { ...two, regions })).status, 'OK');
});

test('predictions are counted by the month, exactly and only where the tier bounds them', async (t) => {
  const { app, stores, accountId } = await accountOf(t, 'F0');
  const predict = (work: () => Promise<unknown> = async () => 'answer') => countingPrediction(app, accountId, 3, work);
  const used = async () => (await usageOf(app, accountId)).predictions;
  await assert.rejects(
    predict(() => Promise.reject(problem('NotFoundIteration'))),
    { code: 'NotFoundIteration' },
  );
  assert.deepEqual({ ...(await used()), untilReset: 0 }, { total: 10_000, used: 0, untilReset: 0 });
  const outcomes = await Promise.allSettled(Array.from({ length: 8 }, () => predict()));
  assert.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 3);
  await assert.rejects(predict(), {
    code: 'BadRequestExceededQuota',
    // The clock of these tests stands on 15 January 2027, 08:00.
    message: /at most 3 predictions a month, .*: they are counted from zero again in 400 hours\./,
  });
  const before = await used();
  assert.equal(before.used, 3);
  assert.equal(Math.ceil(before.untilReset! / day), 17);
  stores.clock.turn(before.untilReset!);
  assert.equal((await used()).used, 0);
  await predict();
  assert.equal((await used()).used, 1);
  await app.db.query.deleteFrom('monthly_predictions').execute();
  await countingPrediction(app, accountId, tiers.S0.predictionsPerMonth, async () => {});
  assert.deepEqual(await app.db.query.selectFrom('monthly_predictions').selectAll().execute(), []);
});

test('whoever asks sets no looser tier than they may, and the log tells of it', async (t) => {
  const { app, accountId } = await accountOf(t, 'S0');
  await assert.rejects(setTier(app, accountId, 'Unlimited', 'S0'), {
    code: 'BadRequest',
    message: /expected F0 or S0 for tier but received "Unlimited": whoever runs this server can set others/,
  });
  assert.equal((await usageOf(app, accountId)).tier, 'S0');
  assert.equal((await setTier(app, accountId, 'F0', 'S0')).projects.total, 2);
  const actions = await app.db.query.selectFrom('audit').select('action').execute();
  assert.deepEqual(
    actions.map(({ action }) => action),
    ['settings-changed', 'settings-changed'],
  );
});
