import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { sql } from 'kysely';
import { sequence } from '../../test/fixtures/sequence.ts';
import {
  openStores,
  type Planted,
  plantAccount,
  plantProject,
  type Stores,
  temporaryFolder,
  testStores,
} from '../../test/fixtures/stores.ts';
import { chunks } from '../base/concurrency.ts';
import { newId } from '../base/id.ts';
import { eraseGarbage, eraseScope } from '../services/erasure.ts';
import { deleteImageTags } from '../services/image-tags.ts';
import { deleteImages } from '../services/images.ts';
import { deleteIteration, unpublishIteration } from '../services/iterations.ts';
import { createTag, deleteTag } from '../services/tags.ts';
import { discard } from '../services/trash.ts';
import { restoreTrashItem } from '../services/trash-restore.ts';
import { openSqlite } from './database-sqlite.ts';
import { countSelected, type ImageSelection, selectImages } from './images.ts';
import { blockSize, listsAnew } from './lists.ts';

const signal = new AbortController().signal;

/** That the lists hold what a look at every image gives, and that the blocks have as many as they say. */
async function assertListed({ db }: Pick<Stores, 'db'>, after: string): Promise<void> {
  for (const [table, anew] of Object.entries(listsAnew)) {
    const kept = await sql<Record<string, unknown>>`select * from ${sql.table(table)}`.execute(db.query);
    const wanted = await sql.raw<Record<string, unknown>>(anew).execute(db.query);
    const text = (rows: readonly Record<string, unknown>[]): string[] =>
      rows.map((row) => JSON.stringify(Object.entries(row).sort())).sort();
    assert.deepEqual(text(kept.rows), text(wanted.rows), `${table} after ${after}`);
  }
  const { rows } = await sql<{ list: string; start: number; count: number; images: number }>`
    select list, start, count, (
      select count(*) from image_lists where image_lists.list = it.list and created >= it.start and created < it.until
    ) as images
    from (select *, coalesce(lead(start) over (partition by list order by start), 9e18) as until
      from image_list_blocks) it`.execute(db.query);
  for (const { list, count, images } of rows) assert.equal(count, images, `${list} after ${after}`);
  const lists = await sql<{ n: number }>`select count(distinct list) as n from image_lists`.execute(db.query);
  assert.equal(new Set(rows.map((row) => row.list)).size, lists.rows[0]!.n, after);
}

test('the lists hold what is there, after every step of any life of a project', async (t) => {
  const stores = await testStores(t);
  const { db, clock } = stores;
  const app = { ...stores, models: { forget: () => undefined } as never };
  const accountId = await plantAccount(stores);
  const next = sequence(7);
  for (let round = 0; round < 8; round++) {
    const project = await plantProject(stores, accountId, 1 + Math.floor(next() * 9));
    const { projectId: project_id, tagId, iterationId, imageIds } = project;
    await db.query.updateTable('projects').set({ classification_type: 'Multilabel' }).execute();
    const { id: other } = await createTag(app, project, { name: `other ${round}` });
    const some = imageIds.filter((_, n) => n === 0 || next() < 0.5);
    await assertListed(stores, 'planted');
    const steps: Record<string, () => Promise<unknown>> = {
      'a second tag': () =>
        db.transaction((tx) =>
          tx
            .insertInto('image_tags')
            .values(some.map((image_id) => ({ image_id, tag_id: other, project_id, created: clock.now() })))
            .execute(),
        ),
      'tags taken off': () => deleteImageTags(app, project, some, [tagId]),
      'labels of an iteration changed': () =>
        db.query
          .updateTable('iteration_images')
          .set({ tag_ids: JSON.stringify(round % 2 === 0 ? [] : [other, tagId]) })
          .where('image_id', 'in', some)
          .execute(),
      'results of an iteration gone': () =>
        db.query.updateTable('iteration_images').set({ scores: null }).where('image_id', 'in', some).execute(),
      'into the trash and out again': async () => {
        const what = { kind: 'images', imageIds: some, allImages: false, allIterations: false } as const;
        const { trash } = await discard(app, project, what, { now: false, by: 'command', language: 'en' });
        await assertListed(stores, 'trashed');
        if (trash !== null) await restoreTrashItem(app, accountId, trash.id);
      },
      'images deleted': () => deleteImages(app, project, { imageIds: some, allImages: false, allIterations: false }),
      'all images deleted': () => deleteImages(app, project, { allImages: true, allIterations: next() < 0.5 }),
      'tag deleted': () => deleteTag(app, project, tagId),
      'iteration deleted': async () => {
        await unpublishIteration(app, project, iterationId);
        await deleteIteration(app, project, iterationId);
      },
      'garbage erased': () => eraseGarbage(app, project, signal),
    };
    const order = Object.keys(steps)
      .map((name) => ({ name, rank: next() }))
      .sort((a, b) => a.rank - b.rank);
    for (const { name } of order) {
      // In some orders there is nothing left to delete: that is refused.
      await steps[name]!().catch((error: unknown) =>
        assert.match(String((error as { code: string }).code), /NotFound|Conflict/, `${name}: ${String(error)}`),
      );
      await assertListed(stores, name);
    }
    await eraseScope(app, project, signal);
    await assertListed(stores, 'project erased');
  }
  const left = await sql<{ n: number }>`select count(*) as n from image_list_blocks`.execute(db.query);
  assert.equal(left.rows[0]!.n, 0, 'nothing stays behind');
});

/** Adds workspace images, of each date `same`, in the order of `dates`; every third is tagged. */
async function plantImages({ db }: Stores, { projectId, tagId }: Planted, dates: readonly number[]): Promise<void> {
  const images = dates.map((created, n) => ({ id: newId(), created, tagged: n % 3 === 0 }));
  const own = { project_id: projectId };
  const picture = {
    width: 1,
    height: 1,
    format: 'png',
    bytes: 1,
    thumbnail_bytes: 1,
    metadata: null,
    features: 1,
  } as const;
  await db.transaction(async (tx) => {
    for (const some of chunks(images, 500)) {
      const rows = some.map(({ id, created }) => ({
        ...own,
        ...picture,
        id,
        created,
        digest: id,
        workspace: 1 as const,
      }));
      const links = some
        .filter(({ tagged }) => tagged)
        .map(({ id, created }) => ({ ...own, image_id: id, tag_id: tagId, created }));
      await tx.insertInto('images').values(rows).execute();
      await tx.insertInto('image_tags').values(links).execute();
    }
  });
}

test('any page is the part of the whole list that it says, in both orders, however dates come in', async (t) => {
  const stores = await testStores(t);
  const accountId = await plantAccount(stores);
  const next = sequence(3);
  const count = 1.25 * blockSize;
  const waysIn: Record<string, (n: number) => number> = {
    'one after the other': (n) => n,
    'latest first': (n) => -n,
    'in any order, some at the same time': () => Math.floor(next() * 500),
    'all at the same time': () => 5,
  };
  for (const [way, date] of Object.entries(waysIn)) {
    const project = await plantProject(stores, accountId, 0);
    await plantImages(
      stores,
      project,
      Array.from({ length: count }, (_, n) => date(n)),
    );
    await assertListed(stores, way);
    const selections: Record<string, ImageSelection> = {
      all: { projectId: project.projectId },
      tagged: { projectId: project.projectId, status: 'Tagged' },
      untagged: { projectId: project.projectId, status: 'Untagged' },
      'of tags': { projectId: project.projectId, tagIds: [project.tagId, newId()] },
    };
    for (const [what, selection] of Object.entries(selections)) {
      const whole = await selectImages(stores.db.query, selection, { orderBy: 'Newest', take: 1e9, skip: 0 });
      assert.equal(await countSelected(stores.db.query, selection), whole.length, what);
      const sorted = whole.toSorted((a, b) => b.created - a.created || (a.id < b.id ? 1 : -1));
      assert.deepEqual(whole, sorted, `${what}, ${way}: latest first, of one date by id`);
      for (const orderBy of ['Newest', 'Oldest'] as const)
        for (const skip of [
          0,
          1,
          700,
          blockSize + 1,
          blockSize + 300,
          whole.length - 3,
          whole.length,
          whole.length + 9,
        ]) {
          const page = await selectImages(stores.db.query, selection, { orderBy, take: 40, skip });
          const wanted = (orderBy === 'Newest' ? whole : whole.toReversed()).slice(skip, skip + 40);
          assert.deepEqual(
            page.map((row) => row.id),
            wanted.map((row) => row.id),
            `${what}, ${way}, ${orderBy} from ${skip}`,
          );
        }
    }
    const blocks = await sql<{ n: number; most: number }>`select count(*) as n, max(count) as most
      from image_list_blocks where list = ${`${project.projectId}/all`}`.execute(stores.db.query);
    if (way.startsWith('all')) assert.equal(blocks.rows[0]!.n, 1, 'what has one date is not cut');
    else assert.ok(blocks.rows[0]!.n >= 2 && blocks.rows[0]!.most < blockSize, JSON.stringify(blocks.rows));
  }
});

test('lists are made for what was there before, and triggers of another version replaced', async (t) => {
  const folder = temporaryFolder(t);
  const first = await openStores(folder);
  const { projectId } = await plantProject(first, await plantAccount(first), 5);
  await first.db.transaction(async (tx) => {
    await sql`drop trigger lists_images_insert`.execute(tx);
    for (const table of ['image_lists', 'tag_sets']) await sql`delete from ${sql.table(table)}`.execute(tx);
  });
  assert.equal(await countSelected(first.db.query, { projectId }), 0);
  await Promise.all([first.opener.close(), first.db.close()]);
  const db = await openSqlite(join(folder, 'data', 'ownsight.db'));
  t.after(() => db.close());
  assert.equal(await countSelected(db.query, { projectId }), 5);
  await assertListed({ db }, 'start');
});
