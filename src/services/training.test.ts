import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { detectionDomain } from '../../test/fixtures/marked.ts';
import { plantAccount, type Stores, testStores } from '../../test/fixtures/stores.ts';
import { newId } from '../base/id.ts';
import type { Tag } from '../domain/tag.ts';
import { findIteration, iterationImages } from '../store/iterations.ts';
import { learnedRegions } from '../store/learned-regions.ts';
import { createVision } from '../vision/threads/vision-threads.ts';
import type { Vision } from '../vision/vision.ts';
import type { ProjectScope } from './context.ts';
import { createImageTags } from './image-tags.ts';
import { createProject } from './projects.ts';
import { createRegions, deleteRegions } from './regions.ts';
import { createTag, listTags } from './tags.ts';
import { trainProject } from './training.ts';
import { recordedSet, trainingSetLookup } from './training-set.ts';

const regular = { trainingType: 'Regular', reservedBudgetInHours: 0, forceTrain: false } as const;

/** A multiclass project with two tags of five images each. */
async function project(t: TestContext): Promise<{ stores: Stores & { readonly vision: Vision }; scope: ProjectScope }> {
  const stores = { ...(await testStores(t)), vision: createVision() };
  const accountId = await plantAccount(stores);
  const { id } = await createProject(stores, accountId, { name: 'training', classificationType: 'Multiclass' });
  const scope = { accountId, projectId: id };
  for (const name of ['screw', 'nail']) {
    const tag = await createTag(stores, scope, { name });
    for (let n = 0; n < 5; n++) await addImage(stores, scope, tag.id);
  }
  return { stores, scope };
}

async function addImage({ db, clock }: Stores, { projectId }: ProjectScope, tagId?: string): Promise<string> {
  const id = newId();
  await db.transaction(async (tx) => {
    const picture = { width: 4, height: 3, format: 'png', bytes: 100, thumbnail_bytes: 50, digest: id, metadata: null };
    const row = { id, project_id: projectId, created: clock.now(), ...picture, workspace: 1, features: 0 } as const;
    await tx.insertInto('images').values(row).execute();
    if (tagId === undefined) return;
    const link = { image_id: id, tag_id: tagId, project_id: projectId, created: clock.now() };
    await tx.insertInto('image_tags').values(link).execute();
  });
  return id;
}

const complete = ({ db }: Stores) => db.query.updateTable('iterations').set({ status: 'Completed' }).execute();

test('training is refused while one runs, and when nothing that is learned from changed', async (t) => {
  const { stores, scope } = await project(t);
  await trainProject(stores, scope, regular);
  await assert.rejects(trainProject(stores, scope, regular), { code: 'BadRequestTrainingAlreadyInProgress' });
  await complete(stores);
  await assert.rejects(trainProject(stores, scope, regular), { code: 'BadRequestTrainingNotNeeded' });
  await addImage(stores, scope);
  await assert.rejects(
    trainProject(stores, scope, regular),
    { code: 'BadRequestTrainingNotNeeded' },
    'an untagged image',
  );
  const [tag] = await listTags(stores, scope);
  await addImage(stores, scope, tag!.id);
  assert.equal((await trainProject(stores, scope, regular)).name, 'Iteration 2');
  await complete(stores);
  assert.equal((await trainProject(stores, scope, { ...regular, forceTrain: true })).name, 'Iteration 3');
});

test('advanced training takes an hour at least, and counts as another than regular, or than one of fewer hours', async (t) => {
  const { stores, scope } = await project(t);
  const asked = (reservedBudgetInHours: number) =>
    trainProject(stores, scope, { ...regular, trainingType: 'Advanced', reservedBudgetInHours });
  await assert.rejects(asked(0), { code: 'BadRequestReservedBudgetInHoursNotEnoughForAdvancedTraining' });
  await trainProject(stores, scope, regular);
  await complete(stores);
  const { id, trainingType, reservedBudgetInHours } = await asked(2);
  assert.deepEqual([trainingType, reservedBudgetInHours], ['Advanced', 2]);
  await complete(stores);
  for (const hours of [1, 2]) await assert.rejects(asked(hours), { code: 'BadRequestTrainingNotNeeded' });
  assert.notEqual((await asked(3)).id, id);
});

test('a tag with too few images is refused with the numbers; a negative tag without images is left out', async (t) => {
  const { stores, scope } = await project(t);
  await createTag(stores, scope, { name: 'nothing', type: 'Negative' });
  const iteration = await trainProject(stores, scope, regular);
  const learned = await listTags(stores, scope, iteration.id);
  assert.deepEqual(learned.map((tag) => tag.name).sort(), ['nail', 'screw']);
  await complete(stores);
  const washer = await createTag(stores, scope, { name: 'washer' });
  await addImage(stores, scope, washer.id);
  await assert.rejects(trainProject(stores, scope, regular), {
    code: 'BadRequestMultiClassClassificationTrainingValidationFailed',
    message: /at least 5 .* 1\b/,
  });
});

/** A detection project with two tags; `marked`: the tags, by number, of the regions of each of its images. */
async function detection(t: TestContext, marked: readonly (readonly number[])[]) {
  const stores = { ...(await testStores(t)), vision: createVision() };
  const accountId = await plantAccount(stores);
  const { id } = await createProject(stores, accountId, { name: 'detection', domainId: detectionDomain });
  const scope = { accountId, projectId: id };
  const tags: Tag[] = [];
  for (const name of ['screw', 'nail']) tags.push(await createTag(stores, scope, { name }));
  const imageIds: string[] = [];
  for (const labels of marked) {
    const imageId = await addImage(stores, scope);
    imageIds.push(imageId);
    for (const [n, label] of labels.entries()) {
      const box = { left: 0.1 * n, top: 0.2, width: 0.3, height: 0.4 };
      await createRegions(stores, scope, [{ imageId, tagId: tags[label]!.id, box }]);
    }
  }
  return { stores, scope, tagIds: tags.map((tag) => tag.id), imageIds };
}

const recorded = async ({ db, keys }: Stores, scope: ProjectScope, iterationId: string) =>
  new Map(
    (await iterationImages(db.query, iterationId)).map((row) => [row.image_id, learnedRegions(keys, scope, row)]),
  );

test('a detector learns from fifteen images with regions a tag, and says what is missing', async (t) => {
  const { stores, scope, imageIds, tagIds } = await detection(t, [...new Array(14).fill([0, 0]), [1]]);
  const refused = (message: RegExp) =>
    assert.rejects(trainProject(stores, scope, regular), {
      code: 'BadRequestDetectionTrainingValidationFailed',
      message,
    });
  await refused(/^Not enough images per tag for training.* at least 15 .* has 1\./);
  const last = imageIds.at(-1)!;
  await createImageTags(stores, scope, [{ imageId: last, tagId: tagIds[0]! }]);
  const only = { ...regular, selectedTags: [tagIds[0]!] };
  await assert.rejects(trainProject(stores, scope, only), /has 14/, 'a tag without a region is not learned');
  const box = { left: 0.5, top: 0.5, width: 0.5, height: 0.5 };
  await createRegions(stores, scope, [{ imageId: last, tagId: tagIds[0]!, box }]);
  await assert.rejects(trainProject(stores, scope, { ...only, selectedTags: [scope.projectId] }), {
    code: 'NotFoundTag',
  });
  assert.equal((await trainProject(stores, scope, only)).status, 'Training');
  const none = await detection(t, [[], []]);
  await assert.rejects(trainProject(none.stores, none.scope, regular), {
    code: 'BadRequestDetectionTrainingValidationFailed',
    message: /^Not enough images for training/,
  });
  const row = none.stores.db.query.updateTable('tags').set({ type: 'Negative' });
  await row.where('id', '=', none.tagIds[0]!).execute();
  await assert.rejects(trainProject(none.stores, none.scope, regular), {
    code: 'BadRequestDetectionTrainingNotAllowNegativeTag',
  });
});

test('what a detector learns is recorded when it is asked for: regions of selected tags, by place', async (t) => {
  const { stores, scope, imageIds, tagIds } = await detection(t, [...new Array(14).fill([1, 0]), [0, 1, 1], [0], []]);
  const iteration = await trainProject(stores, scope, { ...regular, selectedTags: [tagIds[1]!] });
  const regions = await recorded(stores, scope, iteration.id);
  assert.deepEqual(
    [0, 14, 15, 16].map((n) => regions.get(imageIds[n]!)!.map(({ position, box }) => [position, box.left])),
    [
      [[0, 0]],
      [
        [0, 0.1],
        [0, 0.2],
      ],
      [],
      [],
    ],
  );
  const [first] = await stores.db.query.selectFrom('regions').select('id').where('tag_id', '=', tagIds[1]!).execute();
  await deleteRegions(stores, scope, [first!.id]);
  assert.deepEqual(await recorded(stores, scope, iteration.id), regions);
  const learned = await listTags(stores, scope, iteration.id);
  assert.deepEqual(
    learned.map(({ id, imageCount }) => [id, imageCount]),
    [[tagIds[1], 15]],
  );
});

test('a detector is not trained again unless a region of its tags changed', async (t) => {
  const { stores, scope, imageIds, tagIds } = await detection(t, [...new Array(15).fill([0]), [1]]);
  const [only, needless] = [{ ...regular, selectedTags: [tagIds[0]!] }, { code: 'BadRequestTrainingNotNeeded' }];
  const { id } = await trainProject(stores, scope, only);
  await complete(stores);
  const recordedAs = trainingSetLookup(stores, scope, ...(await setOf(stores, scope, id)));
  await assert.rejects(trainProject(stores, scope, only), needless);
  const entry = { imageId: imageIds[15]!, box: { left: 0.5, top: 0.5, width: 0.2, height: 0.2 } };
  await createRegions(stores, scope, [{ ...entry, tagId: tagIds[1]! }]);
  await assert.rejects(trainProject(stores, scope, only), needless, 'a tag that is not selected');
  const { created } = await createRegions(stores, scope, [{ ...entry, imageId: imageIds[0]!, tagId: tagIds[0]! }]);
  await trainProject(stores, scope, only);
  await complete(stores);
  await deleteRegions(stores, scope, [created[0]!.id]);
  const last = await trainProject(stores, scope, only);
  assert.equal(trainingSetLookup(stores, scope, ...(await setOf(stores, scope, last.id))), recordedAs);
});

async function setOf(stores: Stores, scope: ProjectScope, id: string) {
  const row = (await findIteration(stores.db.query, scope.projectId, id))!;
  return [row, await recordedSet(stores, stores.db.query, scope, row)] as const;
}
