import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { plantAccount, plantProject, testStores } from '../../test/fixtures/stores.ts';
import { newId } from '../base/id.ts';
import type { IterationRow } from '../store/schema.ts';
import { sealText } from '../store/sealed.ts';
import { deleteIteration, getIteration, listIterations, unpublishIteration, updateIteration } from './iterations.ts';
import { createModels } from './models.ts';
import { discard } from './trash.ts';
import { restoreTrashItem } from './trash-restore.ts';

const how = { now: false, by: 'command', language: 'en' } as const;

/** A project with its default iteration, and one that is not, in this state. Neither is published. */
async function planted(t: TestContext, status: IterationRow['status'] = 'Completed') {
  const stores = await testStores(t);
  const app = { ...stores, models: createModels(stores) };
  const accountId = await plantAccount(stores);
  const project = await plantProject(stores, accountId);
  const chosen = project.iterationId;
  await unpublishIteration(app, project, chosen);
  await app.db.query.updateTable('iterations').set({ imported: null, error: null }).execute();
  const row = await app.db.query
    .selectFrom('iterations')
    .selectAll()
    .where('id', '=', chosen)
    .executeTakeFirstOrThrow();
  const other = newId();
  const name = sealText(app.keys, project, 'iterations.name', other, 'other');
  const texts = { name, name_lookup: other };
  await app.db.query
    .insertInto('iterations')
    .values({ ...row, ...texts, id: other, status, is_default: 0 })
    .execute();
  const defaults = async (): Promise<string[]> =>
    (await listIterations(app, project)).filter((one) => one.isDefault).map((one) => one.id);
  return { app, project, accountId, chosen, other, defaults };
}

test('a project has one default iteration at most, and none when that is taken back', async (t) => {
  const { app, project, chosen, other, defaults } = await planted(t);
  assert.deepEqual(await defaults(), [chosen]);
  const named = await updateIteration(app, project, other, { name: 'best', isDefault: true });
  assert.deepEqual([named.name, named.isDefault], ['best', true]);
  assert.deepEqual(await defaults(), [other]);
  // What is so already changes nothing.
  const { lastModified } = await getIteration(app, project, chosen);
  await updateIteration(app, project, chosen, { isDefault: false });
  assert.equal((await getIteration(app, project, chosen)).lastModified, lastModified);
  await updateIteration(app, project, other, { name: 'as it was' });
  assert.deepEqual(await defaults(), [other]);
  await updateIteration(app, project, other, { isDefault: false });
  assert.deepEqual(await defaults(), []);
  const told = await app.db.query.selectFrom('audit').select(['action', 'subject_id']).orderBy('number').execute();
  assert.deepEqual(
    told.map((one) => [one.action, one.subject_id]),
    [
      ['iteration-unpublished', chosen],
      ['iteration-default-ended', chosen],
      ['iteration-made-default', other],
      ['iteration-default-ended', other],
    ],
  );
});

for (const status of ['Training', 'Failed', 'Imported'] as const)
  test(`an iteration without a model cannot be the default one: ${status}`, async (t) => {
    const { app, project, chosen, other, defaults } = await planted(t, status);
    await assert.rejects(updateIteration(app, project, other, { name: 'best', isDefault: true }), {
      code: 'BadRequestIterationIsNotTrained',
    });
    assert.deepEqual(await defaults(), [chosen]);
    assert.notEqual((await getIteration(app, project, other)).name, 'best');
  });

test('the default iteration can be deleted: then there is none', async (t) => {
  const { app, project, chosen, defaults } = await planted(t);
  await deleteIteration(app, project, chosen);
  assert.deepEqual(await defaults(), []);
});

test('out of the trash it comes back as the default one, unless another has become it', async (t) => {
  const { app, project, accountId, chosen, other, defaults } = await planted(t);
  const iteration = { kind: 'iteration', iterationId: chosen } as const;
  const first = await discard(app, project, iteration, how);
  assert.deepEqual(await defaults(), []);
  await restoreTrashItem(app, accountId, first.trash!.id);
  assert.deepEqual(await defaults(), [chosen]);
  const again = await discard(app, project, iteration, how);
  await updateIteration(app, project, other, { isDefault: true });
  await restoreTrashItem(app, accountId, again.trash!.id);
  assert.deepEqual(await defaults(), [other]);
});
