import assert from 'node:assert/strict';
import { appendFileSync, cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { jobRun } from '../../test/fixtures/run.ts';
import {
  openStores,
  type Planted,
  plantAccount,
  plantProject,
  type Stores,
  temporaryFolder,
} from '../../test/fixtures/stores.ts';
import { purge } from '../jobs/purge.ts';
import { authenticate } from './accounts.ts';
import { eraseWhatWasErased, listErased } from './erased.ts';
import { deleteAccount } from './erasure.ts';
import { addNamedKey, revokeNamedKey } from './named-keys.ts';
import { recover } from './recovery.ts';
import { deletePredictions } from './stored-predictions.ts';

const running = jobRun();
const log = { info: () => undefined, warn: () => undefined, error: () => undefined };

/** A server with a project whose data was copied; `putBack` makes that copy its data again, as after a loss. */
async function copied(t: TestContext) {
  const folder = temporaryFolder(t);
  let stores = await openStores(folder);
  t.after(() => stores.db.close());
  const accountId = await plantAccount(stores);
  const project = await plantProject(stores, accountId);
  const beside = await plantProject(stores, accountId);
  const copy = async (): Promise<Stores> => {
    await stores.db.close();
    rmSync(join(folder, 'copy'), { recursive: true, force: true });
    cpSync(join(folder, 'data'), join(folder, 'copy'), { recursive: true });
    stores = await openStores(folder);
    return stores;
  };
  await recover({ ...stores, log });
  await copy();
  const putBack = async (): Promise<Stores> => {
    await stores.db.close();
    rmSync(join(folder, 'data'), { recursive: true });
    cpSync(join(folder, 'copy'), join(folder, 'data'), { recursive: true });
    stores = await openStores(folder);
    return stores;
  };
  return { stores: () => stores, copy, putBack, project, beside, accountId, list: stores.erased.path };
}

const idsIn = async (
  { db }: Stores,
  table: 'images' | 'predictions' | 'projects' | 'iterations' | 'tags' | 'exports',
) => (await db.query.selectFrom(table).select('id').execute()).map((row) => row.id);
const living = async ({ db }: Stores) =>
  (await db.query.selectFrom('projects').select('id').where('deleted', 'is', null).execute()).map((row) => row.id);

/** Deletes an iteration with all that hangs on it, as the service does. */
async function deleteIteration({ db }: Stores, { iterationId }: Planted): Promise<void> {
  await db.transaction(async (tx) => {
    for (const table of ['exports', 'iteration_images', 'iteration_tags'] as const)
      await tx.deleteFrom(table).where('iteration_id', '=', iterationId).execute();
    await tx.deleteFrom('iterations').where('id', '=', iterationId).execute();
  });
}

test('what was erased after a copy was made is erased again when the copy is put back, and nothing else', async (t) => {
  const { stores, putBack, project, beside } = await copied(t);
  const now = stores();
  await deletePredictions(now, project, [project.predictionId]);
  await deleteIteration(now, project);
  const [hidden, kept] = project.imageIds as [string, string];
  await now.db.query.updateTable('images').set({ workspace: 0 }).where('id', '=', hidden).execute();
  await purge(now, project, running);
  const old = await putBack();
  assert.ok((await idsIn(old, 'predictions')).includes(project.predictionId), 'the copy has it');
  await recover({ ...old, log });
  assert.deepEqual(await idsIn(old, 'predictions'), [beside.predictionId]);
  assert.deepEqual(await idsIn(old, 'iterations'), [beside.iterationId]);
  assert.deepEqual(await idsIn(old, 'exports'), [beside.exportId]);
  await purge(old, project, running);
  const images = await idsIn(old, 'images');
  assert.ok(!images.includes(hidden) && images.includes(kept) && images.includes(beside.imageIds[0]!));
  assert.deepEqual((await old.db.faults()).length, 0);
  for await (const { key } of old.blobs.list(''))
    assert.ok(!key.includes(project.predictionId) && !key.includes(project.iterationId) && !key.includes(hidden), key);
});

test('a picture that only left the workspace leaves it again, and stays with the iteration that learned from it', async (t) => {
  const { stores, putBack, project } = await copied(t);
  const [hidden] = project.imageIds as [string];
  await stores().db.query.updateTable('images').set({ workspace: 0 }).where('id', '=', hidden).execute();
  await purge(stores(), project, running);
  const old = await putBack();
  await recover({ ...old, log });
  const row = await old.db.query.selectFrom('images').select('workspace').where('id', '=', hidden).executeTakeFirst();
  assert.equal(row?.workspace, 0);
  const tags = await old.db.query.selectFrom('image_tags').select('tag_id').where('image_id', '=', hidden).execute();
  assert.deepEqual(tags, []);
});

test('an erased project is as erased after the copy is put back', async (t) => {
  const { stores, putBack, project, beside } = await copied(t);
  const mark = { deleted: stores().clock.now() };
  await stores().db.query.updateTable('projects').set(mark).where('id', '=', project.projectId).execute();
  await purge(stores(), project, running);
  const old = await putBack();
  assert.equal((await living(old)).length, 2);
  await recover({ ...old, log });
  assert.deepEqual(await living(old), [beside.projectId]);
  await purge(old, project, running);
  assert.deepEqual(await idsIn(old, 'projects'), [beside.projectId]);
  const pieces = readFileSync(stores().erased.path, 'utf8');
  assert.ok(!pieces.includes(project.imageIds[0]!), 'what goes with a project is not listed piece by piece');
});

test('a key that was revoked opens nothing after the copy is put back', async (t) => {
  const { stores, copy, putBack, accountId } = await copied(t);
  const [revoked, kept] = await Promise.all(
    ['revoked', 'kept'].map((name) => addNamedKey(stores(), accountId, { name, role: 'reader' })),
  );
  const later = await copy();
  await revokeNamedKey(later, accountId, revoked!.id);
  assert.equal(await authenticate(later, 'training', revoked!.secret!), undefined);
  const job = await later.queue.claim('worker', ['purge']);
  await purge(later, job!.payload as { accountId: string }, running);
  const old = await putBack();
  assert.equal((await authenticate(old, 'training', revoked!.secret!))?.role, 'reader', 'it is in the copy');
  await recover({ ...old, log });
  assert.equal(await authenticate(old, 'training', revoked!.secret!), undefined);
  assert.equal((await authenticate(old, 'prediction', kept!.secret!))?.role, 'reader');
});

test('an erased account is as erased after the copy is put back', async (t) => {
  const { stores, putBack, accountId } = await copied(t);
  await deleteAccount(stores(), accountId);
  await purge(stores(), { accountId }, running);
  const old = await putBack();
  await recover({ ...old, log });
  const accounts = await old.db.query.selectFrom('accounts').select('deleted').execute();
  assert.ok(accounts.every(({ deleted }) => deleted !== null));
});

test('without its list, with another one, or with an older one the server does not start, and changes nothing', async (t) => {
  const { stores, putBack, project, beside, list } = await copied(t);
  const atCopy = readFileSync(list);
  await deletePredictions(stores(), project, [project.predictionId]);
  await purge(stores(), project, running);
  const whole = readFileSync(list);
  const refused = async (one: Stores) => {
    await assert.rejects(recover({ ...one, log }), { code: 'ErasedListMissing' });
  };
  rmSync(list);
  await refused(stores());
  const old = await putBack();
  await refused(old);
  assert.ok((await idsIn(old, 'predictions')).includes(project.predictionId));
  writeFileSync(list, whole.toString().replace(/^1 \S+/, '1 00000000000000000000000000000000'));
  await refused(old);
  writeFileSync(list, whole);
  await recover({ ...old, log });
  // Now the data knows more than the list of the copy.
  await deletePredictions(old, beside, [beside.predictionId]);
  await purge(old, beside, running);
  writeFileSync(list, atCopy);
  await refused(old);
});

test('after a copy was put back, new erasures go on where the list ends', async (t) => {
  const { stores, putBack, project, beside } = await copied(t);
  await deletePredictions(stores(), project, [project.predictionId]);
  await purge(stores(), project, running);
  const old = await putBack();
  await recover({ ...old, log });
  const before = old.erased.last();
  await deletePredictions(old, beside, [beside.predictionId]);
  await purge(old, beside, running);
  assert.equal(old.erased.last(), before + 1);
  const again = await putBack();
  assert.equal(await eraseWhatWasErased(again), 2);
  assert.deepEqual(await idsIn(again, 'predictions'), []);
  assert.equal(await eraseWhatWasErased(again), 0, 'once is enough');
});

test('a line that a crash cut off is written again', async (t) => {
  const { stores, project, list } = await copied(t);
  await deletePredictions(stores(), project, [project.predictionId]);
  appendFileSync(list, '2 01234');
  assert.equal(stores().erased.last(), 1);
  await listErased(stores());
  assert.deepEqual(
    stores()
      .erased.read()
      .map(({ seq, kind, id }) => [seq, kind, id])
      .slice(1),
    [[2, 'predictions', project.predictionId]],
  );
});
