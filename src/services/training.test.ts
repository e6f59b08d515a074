import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { plantAccount, type Stores, testStores } from '../../test/fixtures/stores.ts';
import { newId } from '../base/id.ts';
import { createVision } from '../vision/threads/vision-threads.ts';
import type { Vision } from '../vision/vision.ts';
import type { ProjectScope } from './context.ts';
import { createProject } from './projects.ts';
import { createTag, listTags } from './tags.ts';
import { trainProject } from './training.ts';

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
