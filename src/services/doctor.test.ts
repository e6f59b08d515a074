import assert from 'node:assert/strict';
import { readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import Sqlite from 'better-sqlite3';
import { jobRun } from '../../test/fixtures/run.ts';
import {
  openStores,
  plantAccount,
  plantProject,
  type Stores,
  temporaryFolder,
  testStores,
} from '../../test/fixtures/stores.ts';
import { day } from '../base/clock.ts';
import { newId } from '../base/id.ts';
import { purge } from '../jobs/purge.ts';
import { type BlobKind, blobKey } from '../store/blobs.ts';
import { announceBlobs } from '../store/loose-blobs.ts';
import { listBackups, makeBackup } from './backups.ts';
import { examine } from './doctor.ts';
import { eraseWhatWasErased } from './erased.ts';
import type { FindingKind } from './findings.ts';
import { createModels } from './models.ts';
import { listReceipts } from './receipts.ts';
import { deletePredictions } from './stored-predictions.ts';

const seen = async (stores: Stores) =>
  (await examine(stores)).map((finding) => `${finding.kind}: ${finding.what}`).sort();
const blobFile = (stores: Stores, key: string): string => join(stores.folder, 'data', 'blobs', key);

test('finds nothing in what is sound, announced uploads and a new server included', async (t) => {
  const stores = await testStores(t);
  assert.deepEqual(await examine(stores), []);
  const accountId = await plantAccount(stores);
  const { projectId } = await plantProject(stores, accountId);
  const arriving = blobKey(accountId, projectId, 'image-original', newId());
  await announceBlobs(stores.db.query, projectId, [arriving], stores.clock.now() + 3600e6);
  await stores.blobs.put(arriving, Buffer.of(1));
  assert.deepEqual(await examine(stores), []);
});

test('finds each thing that is missing, left over, damaged or in the wrong place, and nothing else', async (t) => {
  const stores = await testStores(t);
  const accountId = await plantAccount(stores);
  const planted = await plantProject(stores, accountId, 6);
  const { projectId, imageIds } = planted;
  await plantProject(stores, accountId);
  const image = (index: number, kind: BlobKind = 'image-original') =>
    blobKey(accountId, projectId, kind, imageIds[index]!);
  const expectedFindings: [FindingKind, string][] = [];
  const expect = (kind: FindingKind, what: string): number => expectedFindings.push([kind, what]);

  rmSync(blobFile(stores, image(0)));
  expect('blob-missing', image(0));
  const orphan = blobKey(accountId, projectId, 'image-thumbnail', newId());
  await stores.blobs.put(orphan, Buffer.alloc(100));
  expect('blob-orphaned', orphan);
  const homeless = blobKey(newId(), newId(), 'model', newId());
  await stores.blobs.put(homeless, Buffer.alloc(100));
  expect('blob-orphaned', homeless);
  truncateSync(blobFile(stores, image(1)), 20);
  expect('blob-damaged', image(1));
  const bytes = readFileSync(blobFile(stores, image(2)));
  bytes[20]! ^= 1;
  writeFileSync(blobFile(stores, image(2)), bytes);
  expect('blob-damaged', image(2));
  // Two thumbnails that changed places.
  const [three, four] = [3, 4].map((index) => image(index, 'image-thumbnail'));
  const [ofThree, ofFour] = [readFileSync(blobFile(stores, three!)), readFileSync(blobFile(stores, four!))];
  writeFileSync(blobFile(stores, three!), ofFour);
  writeFileSync(blobFile(stores, four!), ofThree);
  expect('blob-damaged', three!);
  expect('blob-damaged', four!);
  // A tag's name in the place of its description, and one image's scores given to another.
  const tag = await stores.db.query
    .selectFrom('tags')
    .select('name')
    .where('id', '=', planted.tagId)
    .executeTakeFirstOrThrow();
  await stores.db.query.updateTable('tags').set({ description: tag.name }).where('id', '=', planted.tagId).execute();
  expect('row-damaged', `tags.description of ${planted.tagId}`);
  const scores = await stores.db.query
    .selectFrom('iteration_images')
    .select('scores')
    .where('image_id', '=', imageIds[5]!)
    .executeTakeFirstOrThrow();
  await stores.db.query.updateTable('iteration_images').set(scores).where('image_id', '=', imageIds[3]!).execute();
  expect('row-damaged', `iteration_images.scores of ${planted.iterationId}/${imageIds[3]}`);
  const lost = await plantProject(stores, accountId);
  stores.keys.destroy(lost);
  expect('key-missing', `project ${lost.projectId} of account ${accountId}`);
  const unused = newId();
  stores.keys.create({ accountId, projectId: unused });
  expect('key-unused', `project ${unused} of account ${accountId}`);
  const leaving = await plantProject(stores, accountId);
  await stores.db.query.updateTable('projects').set({ deleted: 1 }).where('id', '=', leaving.projectId).execute();
  await stores.blobs.deletePrefix(`${accountId}/${leaving.projectId}/`);
  expect('erasure-pending', `project ${leaving.projectId} of account ${accountId}`);
  const purge = await stores.db.transaction((tx) =>
    stores.queue.enqueue(tx, 'purge', { accountId, projectId: leaving.projectId }),
  );
  await stores.queue.claim('a', ['purge']);
  await stores.queue.finish(purge, 'a', { state: 'failed', error: 'X' });
  expect('erasure-failed', `project ${leaving.projectId} of account ${accountId}`);

  assert.deepEqual(await seen(stores), expectedFindings.map(([kind, what]) => `${kind}: ${what}`).sort());
  const notes = (await examine(stores)).filter((finding) => !finding.serious).map((finding) => finding.kind);
  assert.deepEqual([...new Set(notes)].sort(), ['erasure-pending', 'key-unused']);
});

test('finds a row without its parent, and an account without its key', async (t) => {
  const folder = temporaryFolder(t);
  const stores = await openStores(folder);
  const [accountId, lost] = [await plantAccount(stores), await plantAccount(stores)];
  const { tagId } = await plantProject(stores, accountId);
  await plantProject(stores, lost);
  await stores.db.close();
  const raw = new Sqlite(join(folder, 'data', 'ownsight.db'));
  raw.pragma('foreign_keys = off');
  raw.prepare('delete from tags where id = ?').run(tagId);
  raw.close();
  rmSync(join(folder, 'keys', lost, 'account.key'));
  const again = await openStores(folder);
  t.after(() => again.db.close());
  const findings = await seen(again);
  assert.deepEqual(
    findings.filter((line) => line.startsWith('key')),
    [`key-missing: account ${lost}`],
  );
  assert.deepEqual(
    findings.filter((line) => !line.startsWith('key')),
    ['image_tags', 'iteration_tags', 'regions'].map(
      (table) => `database-damaged: ${table} has rows that refer to missing rows of tags`,
    ),
  );
});

test('does not report what only changes while it looks', async (t) => {
  const stores = await testStores(t);
  const accountId = await plantAccount(stores);
  const planted = await plantProject(stores, accountId);
  const key = blobKey(accountId, planted.projectId, 'model', planted.iterationId);
  const bytes = (await stores.blobs.get(key))!;
  await stores.blobs.delete([key]);
  const examining = examine(stores);
  setTimeout(() => void stores.blobs.put(key, bytes), 300);
  assert.deepEqual(await examining, []);
});

test('tells what the inventory says and the rows do not', async (t) => {
  const stores = await testStores(t);
  const { projectId } = await plantProject(stores, await plantAccount(stores), 2);
  await stores.db.query
    .updateTable('holdings')
    .set({ count: 3 })
    .where('scope_id', '=', projectId)
    .where('kind', '=', 'image-original')
    .execute();
  assert.deepEqual(await seen(stores), [
    `miscounted: image-original of ${projectId}: counted as 3, 2058 bytes, 0 deleted, but there are 2, 2058 bytes, 0 deleted`,
  ]);
});

test('tells where lists of pictures hold others than there are', async (t) => {
  const stores = await testStores(t);
  const { projectId, imageIds } = await plantProject(stores, await plantAccount(stores), 2);
  const { query } = stores.db;
  await query.deleteFrom('image_list_blocks').where('list', '=', `${projectId}/all`).execute();
  await query.updateTable('tag_sets').set({ images: 7 }).where('owner_id', '=', projectId).execute();
  assert.deepEqual(await seen(stores), [
    'mislisted: image_list_blocks: 1 rows are missing, 0 are too many',
    'mislisted: tag_sets: 1 rows are missing, 1 are too many',
  ]);
  await query.deleteFrom('image_lists').where('image_id', '=', imageIds[0]!).execute();
  assert.match((await seen(stores)).join(), /mislisted: image_lists: \d+ rows are missing, 0 are too many/);
});

test('tells what of receipts, logs, ends and the list of what was erased is not as promised', async (t) => {
  const stores = await testStores(t);
  const accountId = await plantAccount(stores);
  const planted = await plantProject(stores, accountId);
  const app = { ...stores, models: createModels(stores) };
  await eraseWhatWasErased(stores);
  for (const projectId of [planted.projectId, (await plantProject(stores, accountId)).projectId])
    await deletePredictions(app, { accountId, projectId }, [planted.predictionId]);
  await purge(stores, planted, jobRun());
  await stores.db.query.deleteFrom('jobs').execute();
  await makeBackup(stores, join(stores.folder, 'backup'), 1);
  assert.deepEqual(await seen(stores), []);

  const [receipt] = await listReceipts(stores, accountId);
  const backup = (await listBackups(stores))[0]!;
  await stores.db.query
    .updateTable('erasures')
    .set({ receipt: `${receipt!.receipt!.slice(0, -5)}AAAAA` })
    .execute();
  await stores.db.query.updateTable('audit').set({ action: 'takeout' }).where('number', '=', 1).execute();
  stores.erased.append([{ seq: stores.erased.last() + 1, kind: 'images', id: planted.imageIds[0]! }]);
  stores.erased.append([{ seq: stores.erased.last() + 1, kind: 'images', id: planted.imageIds[1]! }]);
  const job = await stores.db.transaction((tx) => stores.queue.enqueue(tx, 'features', planted));
  await stores.db.query.updateTable('retention').set({ exports_days: 1 }).execute();
  stores.clock.turn(2 * day);
  const overdue = [planted.projectId];
  assert.deepEqual(
    (await seen(stores)).filter((line) => !line.startsWith('retention-overdue')),
    [
      `backup-overdue: backup ${backup.id}, until ${new Date(Math.floor(backup.until / 1000)).toISOString()}`,
      `erased-there: 2 in images, such as ${[...planted.imageIds.slice(0, 2)].sort()[0]}`,
      `job-overdue: features of project ${planted.projectId} of account ${accountId}, job ${job}`,
      `log-damaged: account ${accountId}`,
      `receipt-damaged: ${receipt!.id}`,
    ],
  );
  assert.ok((await seen(stores)).includes(`retention-overdue: project ${overdue[0]} of account ${accountId}`));
  rmSync(stores.erased.path);
  assert.ok((await seen(stores)).includes(`erased-list-damaged: ${stores.erased.path}`));
});
