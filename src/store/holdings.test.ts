import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { sql } from 'kysely';
import {
  openStores,
  plantAccount,
  plantProject,
  type Stores,
  temporaryFolder,
  testStores,
} from '../../test/fixtures/stores.ts';
import { eraseGarbage, eraseLooseBlobs, eraseScope } from '../services/erasure.ts';
import { deleteExport } from '../services/exporting.ts';
import { deleteImages } from '../services/images.ts';
import { deleteIteration, unpublishIteration } from '../services/iterations.ts';
import { deleteTag } from '../services/tags.ts';
import { blobKinds } from './blobs.ts';
import { openSqlite } from './database-sqlite.ts';
import { counted, countHoldings, holdingsOf } from './holdings.ts';
import type { HoldingRow } from './schema.ts';

/** A repeatable sequence of numbers, 0 to 1 (a linear congruential generator: Numerical Recipes, 7.1). */
function sequence(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

const signal = new AbortController().signal;
const sorted = (rows: readonly HoldingRow[]): string[] =>
  rows
    .map(
      (row) =>
        `${row.scope_id} ${row.account_id} ${row.kind}: ${row.count}, ${row.bytes} bytes, ${row.deleted} deleted`,
    )
    .sort();

async function assertCounted({ db }: Pick<Stores, 'db'>, after: string): Promise<void> {
  const kept = await db.query.selectFrom('holdings').selectAll().execute();
  assert.deepEqual(sorted(kept), sorted(await countHoldings(db.query)), after);
}

test('what is kept is what is there, after every step of any life of a project', async (t) => {
  const stores = await testStores(t);
  const models = { forget: () => undefined } as never;
  const app = { ...stores, models };
  const accountId = await plantAccount(stores);
  const bystander = await plantProject(stores, await plantAccount(stores));
  const next = sequence(11);
  for (let round = 0; round < 12; round++) {
    const project = await plantProject(stores, accountId, 1 + Math.floor(next() * 9));
    const { tagId, iterationId, exportId, predictionId, imageIds } = project;
    await assertCounted(stores, 'planted');
    const some = imageIds.filter(() => next() < 0.5);
    const steps: Record<string, () => Promise<unknown>> = {
      'images deleted': () =>
        deleteImages(app, project, {
          imageIds: some.length > 0 ? some : imageIds,
          allImages: false,
          allIterations: next() < 0.5,
        }),
      'all images deleted': () => deleteImages(app, project, { allImages: true, allIterations: false }),
      'tag deleted': () => deleteTag(app, project, tagId),
      'metadata changed': () =>
        stores.db.query
          .updateTable('images')
          .set({ metadata: round % 3 === 0 ? null : Buffer.alloc(round) })
          .where('id', 'in', [...imageIds])
          .execute(),
      'export deleted': () => deleteExport(app, project, iterationId, exportId),
      'export failed': () =>
        stores.db.query.updateTable('exports').set({ status: 'Failed' }).where('id', '=', exportId).execute(),
      'iteration deleted': async () => {
        await unpublishIteration(app, project, iterationId);
        await deleteIteration(app, project, iterationId);
      },
      'prediction deleted': () => stores.db.query.deleteFrom('predictions').where('id', '=', predictionId).execute(),
      'garbage erased': () => eraseGarbage(app, project, signal),
      'loose blobs erased': () => eraseLooseBlobs(app, project.projectId, signal),
    };
    const names = Object.keys(steps)
      .map((name) => ({ name, rank: next() }))
      .sort((a, b) => a.rank - b.rank)
      .map(({ name }) => name);
    for (const name of names) {
      // In some orders there is nothing left to delete: that is refused.
      await steps[name]!().catch((error: unknown) =>
        assert.match(String((error as { code: string }).code), /NotFound/),
      );
      await assertCounted(stores, name);
    }
    if (next() < 0.5) {
      await eraseScope(app, project, signal);
      await assertCounted(stores, 'project erased');
      const left = await holdingsOf(stores.db.query, accountId);
      assert.ok(!left.some((row) => row.scope_id === project.projectId));
    }
  }
  const before = await holdingsOf(stores.db.query, bystander.accountId);
  await eraseScope(app, { accountId }, signal);
  await assertCounted(stores, 'account erased');
  assert.deepEqual(await holdingsOf(stores.db.query, accountId), []);
  assert.deepEqual(await holdingsOf(stores.db.query, bystander.accountId), before);
});

test('bytes are those on the disk, and every kind is counted', async (t) => {
  const stores = await testStores(t);
  const project = await plantProject(stores, await plantAccount(stores), 4);
  const rows = await holdingsOf(stores.db.query, project.accountId);
  assert.deepEqual([...new Set(rows.map(({ kind }) => kind))].sort(), [...counted, ...blobKinds].sort());
  const holding = (kind: string) => rows.find((row) => row.kind === kind)!;
  assert.deepEqual(
    ['image-original', 'image-thumbnail', 'model', 'export', 'prediction-thumbnail'].map((kind) => [
      holding(kind).count,
      holding(kind).bytes,
    ]),
    [
      [4, 4 * 1029],
      [4, 4 * 129],
      [1, 529],
      [1, 1029],
      [1, 129],
    ],
  );
  const now = async (kind: string) => {
    const { count, bytes } = (await holdingsOf(stores.db.query, project.accountId)).find((row) => row.kind === kind)!;
    return [count, bytes];
  };
  await stores.db.query.updateTable('exports').set({ status: 'Failed' }).execute();
  await stores.db.query.updateTable('iterations').set({ status: 'Training' }).execute();
  assert.deepEqual(
    [await now('export'), await now('model')],
    [
      [0, 0],
      [0, 0],
    ],
    'no file while there is none',
  );
  await stores.db.query.updateTable('images').set({ workspace: 0 }).where('id', '=', project.imageIds[0]!).execute();
  const left = (await holdingsOf(stores.db.query, project.accountId)).filter((row) => row.deleted > 0);
  assert.deepEqual(left.map(({ kind, deleted }) => [kind, deleted]).sort(), [
    ['image-original', 1],
    ['image-thumbnail', 1],
    ['images', 1],
  ]);
  const [{ bytes } = { bytes: 0 }] = (
    await sql<{ bytes: number }>`select sum(length(box)) as bytes from regions`.execute(stores.db.query)
  ).rows;
  assert.ok(holding('regions').bytes > bytes && holding('regions').bytes < bytes + 4 * 5 * 36);
});

test('what was there before is counted, and triggers of another version are replaced', async (t) => {
  const folder = temporaryFolder(t);
  const path = join(folder, 'data', 'ownsight.db');
  const first = await openStores(folder);
  const { accountId } = await plantProject(first, await plantAccount(first));
  const rows = await holdingsOf(first.db.query, accountId);
  await first.db.transaction(async (tx) => {
    await sql`drop trigger holdings_images_insert`.execute(tx);
    await sql`drop trigger holdings_tags_update`.execute(tx);
    await sql.raw('create trigger holdings_tags_update after update on tags begin select 1; end').execute(tx);
    await sql`update holdings set count = 7 where kind in ('images', 'image-original', 'tags')`.execute(tx);
  });
  await first.db.close();
  const second = await openSqlite(path);
  assert.deepEqual(sorted(await holdingsOf(second.query, accountId)), sorted(rows));
  await sql`update holdings set count = 7 where kind = 'images'`.execute(second.query);
  await second.close();
  const third = await openSqlite(path);
  t.after(() => third.close());
  const [{ count } = { count: 0 }] = await third.query
    .selectFrom('holdings')
    .select('count')
    .where('kind', '=', 'images')
    .execute();
  assert.equal(count, 7, 'triggers that are right are not counted again');
});
