import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { jobRun } from '../../test/fixtures/run.ts';
import {
  blobIds,
  type Planted,
  plantAccount,
  plantProject,
  type Stores,
  testStores,
} from '../../test/fixtures/stores.ts';
import { newId } from '../base/id.ts';
import type { JobRun, Jobs } from '../queue/job.ts';
import { deleteAccount, resumeErasure } from '../services/erasure.ts';
import { createTraces } from '../services/traces.ts';
import { blobKey, blobKinds } from '../store/blobs.ts';
import { tableCustody } from '../store/custody.ts';
import { countRows, erasureOrder } from '../store/erase.ts';
import type { KeyScope } from '../store/keys.ts';
import { announceBlobs } from '../store/loose-blobs.ts';
import { purge } from './purge.ts';

const running = (signal?: AbortSignal): JobRun => jobRun(signal === undefined ? {} : { signal });

const runPurge = (stores: Stores, payload: Jobs['purge'], signal?: AbortSignal) =>
  purge(stores, payload, running(signal));

const markProject = ({ db, clock }: Stores, id: string) =>
  db.query.updateTable('projects').set({ deleted: clock.now() }).where('id', '=', id).execute();

async function blobsBelow({ blobs }: Stores, prefix: string): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of blobs.list(prefix)) keys.push(key);
  return keys.sort();
}

/** Everything of a scope: rows by table, blobs, key. */
async function inventory(stores: Stores, scope: KeyScope) {
  const prefix = scope.projectId === undefined ? `${scope.accountId}/` : `${scope.accountId}/${scope.projectId}/`;
  return {
    rows: await countRows(stores.db.query, scope),
    blobs: await blobsBelow(stores, prefix),
    key: stores.keys.has(scope),
  };
}

/** Nothing is left but the receipts. */
async function assertGone(stores: Stores, scope: KeyScope): Promise<void> {
  const { rows, blobs, key } = await inventory(stores, scope);
  assert.deepEqual(
    { rows: Object.entries(rows).filter(([table, n]) => n > 0 && table !== 'erasures'), blobs, key },
    { rows: [], blobs: [], key: false },
  );
}

async function twoProjects(
  t: TestContext,
): Promise<{ stores: Stores; accountId: string; gone: Planted; stays: Planted }> {
  const stores = await testStores(t);
  const accountId = await plantAccount(stores);
  return {
    stores,
    accountId,
    gone: await plantProject(stores, accountId),
    stays: await plantProject(stores, accountId),
  };
}

test('the sample project has a row in every table of a project and a blob of every kind', async (t) => {
  const { stores, gone } = await twoProjects(t);
  const { rows, blobs, key } = await inventory(stores, gone);
  const tables = erasureOrder.filter((table) => tableCustody[table].owner === 'project' && !table.startsWith('trash'));
  assert.deepEqual(
    tables.filter((table) => rows[table] === 0),
    [],
  );
  assert.deepEqual([...new Set(blobs.map((blob) => blob.split('/')[2]))].sort(), [...blobKinds].sort());
  assert.equal(key, true);
});

test('a deleted project is removed with rows, blobs and key; its neighbour is untouched', async (t) => {
  const { stores, gone, stays, accountId } = await twoProjects(t);
  const before = await inventory(stores, stays);
  await markProject(stores, gone.projectId);
  await runPurge(stores, { accountId, projectId: gone.projectId });
  await assertGone(stores, gone);
  assert.deepEqual(await inventory(stores, stays), before);
  assert.deepEqual(await stores.db.faults(), []);
  await runPurge(stores, { accountId, projectId: gone.projectId });
});

test('a deleted account is removed with all its projects; another account is untouched', async (t) => {
  const { stores, accountId, gone } = await twoProjects(t);
  const other = await plantAccount(stores);
  await plantProject(stores, other);
  const before = await inventory(stores, { accountId: other });
  await deleteAccount(stores, accountId);
  await assert.rejects(deleteAccount(stores, accountId), { code: 'NotFound' });
  const job = await stores.queue.claim('a', ['purge']);
  assert.deepEqual(job?.payload, { accountId });
  await runPurge(stores, { accountId });
  await stores.queue.finish(job!.id, 'a', { state: 'done' });
  await assertGone(stores, { accountId });
  await assertGone(stores, gone);
  assert.deepEqual(await inventory(stores, { accountId: other }), before);
});

test('living projects and accounts are never removed, whatever the job says', async (t) => {
  const { stores, accountId, gone } = await twoProjects(t);
  const before = await inventory(stores, { accountId });
  await runPurge(stores, { accountId });
  await runPurge(stores, { accountId, projectId: gone.projectId });
  await markProject(stores, gone.projectId);
  await runPurge(stores, { accountId: newId(), projectId: gone.projectId });
  assert.deepEqual(await inventory(stores, { accountId }), before);
});

test('no byte of what was removed is left in any file, encrypted or not', async (t) => {
  const { stores, accountId, gone } = await twoProjects(t);
  const { name } = await stores.db.query
    .selectFrom('tags')
    .select('name')
    .where('id', '=', gone.tagId)
    .executeTakeFirstOrThrow();
  const image = await stores.blobs.get(blobKey(accountId, gone.projectId, 'image-original', gone.imageIds[0]!));
  const key = readFileSync(join(stores.folder, 'keys', accountId, `${gone.projectId}.key`));
  const canaries = [
    name.subarray(13),
    image!.subarray(13),
    key.subarray(13),
    Buffer.from(gone.tagId),
    Buffer.from(gone.projectId),
  ];
  const hits = (): boolean[] => {
    const files = readdirSync(stores.folder, { recursive: true, withFileTypes: true }).filter((entry) =>
      entry.isFile(),
    );
    const contents = files.map((file) =>
      Buffer.concat([Buffer.from(join(file.parentPath, file.name)), readFileSync(join(file.parentPath, file.name))]),
    );
    return canaries.map((canary) => contents.some((content) => content.includes(canary)));
  };
  assert.deepEqual(
    hits(),
    canaries.map(() => true),
    'the search finds what is there',
  );
  await markProject(stores, gone.projectId);
  await runPurge(stores, { accountId, projectId: gone.projectId });
  assert.deepEqual(
    hits(),
    [false, false, false, false, true],
    'but for the random id of the project, in the list of what may not come back from a backup',
  );
});

test('interrupted after any piece of work, it is taken up again and finished', async (t) => {
  const { stores, accountId, gone, stays } = await twoProjects(t);
  const before = await inventory(stores, stays);
  await markProject(stores, gone.projectId);
  let interruptions = 0;
  for (let pieces = 1; ; pieces++) {
    // Aborts when the purge asks for the `pieces`-th time whether it may go on.
    const controller = new AbortController();
    let asked = 0;
    const { signal } = controller;
    const original = signal.throwIfAborted.bind(signal);
    signal.throwIfAborted = () => {
      if (++asked === pieces) controller.abort(new Error('on purpose'));
      original();
    };
    try {
      await runPurge(stores, { accountId, projectId: gone.projectId }, signal);
      break;
    } catch (error) {
      assert.equal((error as Error).message, 'on purpose');
      interruptions++;
      await resumeErasure(stores);
    }
  }
  assert.ok(interruptions >= 2, `${interruptions}`);
  await stores.db.query.deleteFrom('jobs').execute();
  await assertGone(stores, gone);
  assert.deepEqual(await inventory(stores, stays), before);
});

test('deleted images and tags live on while an iteration knows them, then go with their blobs', async (t) => {
  const { stores, accountId, gone: planted, stays } = await twoProjects(t);
  const scope = { accountId, projectId: planted.projectId };
  const { db } = stores;
  const neighbour = await inventory(stores, stays);
  const [kept, forgotten] = planted.imageIds;
  await db.query.updateTable('images').set({ workspace: 0 }).where('id', 'in', [kept!, forgotten!]).execute();
  await db.query.updateTable('tags').set({ workspace: 0 }).where('id', '=', planted.tagId).execute();
  await db.query.deleteFrom('iteration_images').where('image_id', '=', forgotten!).execute();
  await runPurge(stores, scope);
  const images = async () =>
    (await db.query.selectFrom('images').select('id').where('project_id', '=', planted.projectId).execute()).map(
      (row) => row.id,
    );
  assert.deepEqual((await images()).sort(), planted.imageIds.filter((id) => id !== forgotten).sort());
  for (const kind of ['image-original', 'image-thumbnail'] as const) {
    const held = await Promise.all(
      planted.imageIds.map(
        async (id) => (await stores.blobs.get(blobKey(accountId, planted.projectId, kind, id))) !== undefined,
      ),
    );
    assert.deepEqual(
      held,
      planted.imageIds.map((id) => id !== forgotten),
      kind,
    );
  }
  assert.equal((await countRows(db.query, scope)).tags, 1);
  for (const table of ['iteration_images', 'iteration_tags'] as const)
    await db.query.deleteFrom(table).where('iteration_id', '=', planted.iterationId).execute();
  await runPurge(stores, scope);
  assert.deepEqual(await images(), [planted.imageIds[2]]);
  assert.equal((await countRows(db.query, scope)).tags, 0);
  assert.deepEqual((await blobsBelow(stores, `${accountId}/${planted.projectId}/image-original/`)).length, 1);
  assert.deepEqual((await countRows(db.query, scope)).loose_blobs, 0);
  assert.deepEqual(await inventory(stores, stays), neighbour);
});

test('walks over more deleted rows than it takes at once', async (t) => {
  const stores = await testStores(t);
  const accountId = await plantAccount(stores);
  const planted = await plantProject(stores, accountId, 0);
  const base = {
    project_id: planted.projectId,
    width: 1,
    height: 1,
    format: 'jpeg',
    bytes: 1,
    thumbnail_bytes: 1,
    metadata: null,
    workspace: 0,
    features: 0,
  } as const;
  const ids = Array.from({ length: 1000 }, newId);
  await stores.db.transaction(async (tx) => {
    for (const [index, id] of ids.entries()) {
      await tx
        .insertInto('images')
        .values({ ...base, id, digest: id, created: index >> 3 })
        .execute();
      if (index % 3 === 0)
        await tx
          .insertInto('iteration_images')
          .values({
            iteration_id: planted.iterationId,
            image_id: id,
            project_id: planted.projectId,
            tag_ids: '[]',
            regions: null,
            fold: 0,
            scores: null,
            forgetting: 0,
          })
          .execute();
    }
  });
  await runPurge(stores, { accountId, projectId: planted.projectId });
  const left = await stores.db.query.selectFrom('images').select('id').execute();
  assert.deepEqual(left.map((row) => row.id).sort(), ids.filter((_, index) => index % 3 === 0).sort());
});

test('files that an upload may still be writing are left alone, and come back to', async (t) => {
  const { stores, accountId, gone } = await twoProjects(t);
  const scope = { accountId, projectId: gone.projectId };
  const late = blobKey(accountId, gone.projectId, 'image-original', newId());
  const hour = 3600e6;
  await announceBlobs(stores.db.query, gone.projectId, [late], stores.clock.now() + hour);
  await markProject(stores, gone.projectId);
  await runPurge(stores, scope);
  await stores.blobs.put(late, Buffer.of(1));
  assert.equal(await stores.queue.claim('a', ['purge']), undefined);
  stores.clock.turn(hour + 10);
  const job = await stores.queue.claim('a', ['purge']);
  assert.deepEqual(job?.payload, scope);
  await runPurge(stores, job!.payload as Jobs['purge']);
  await stores.queue.finish(job!.id, 'a', { state: 'done' });
  await assertGone(stores, scope);
});

test('a start sweeps every loose blob and takes up every erasure', async (t) => {
  const { stores, accountId, gone, stays } = await twoProjects(t);
  const late = blobKey(accountId, stays.projectId, 'model', newId());
  await announceBlobs(stores.db.query, stays.projectId, [late], stores.clock.now() + 3600e6);
  await stores.blobs.put(late, Buffer.of(1));
  await markProject(stores, gone.projectId);
  const other = await plantAccount(stores);
  await stores.db.query.updateTable('accounts').set({ deleted: 1 }).where('id', '=', other).execute();
  await resumeErasure(stores);
  await resumeErasure(stores);
  assert.equal(await stores.blobs.get(late), undefined);
  const payloads: unknown[] = [];
  for (let job = await stores.queue.claim('a', ['purge']); job; job = await stores.queue.claim('a', ['purge']))
    payloads.push(job.payload);
  const due = [
    { accountId: other },
    { accountId, projectId: gone.projectId },
    { accountId, projectId: stays.projectId },
  ];
  assert.deepEqual(payloads.map((one) => JSON.stringify(one)).sort(), due.map((one) => JSON.stringify(one)).sort());
  assert.equal(blobIds(stays, 'model').length, 1);
});

test('an erased account leaves traces in the process that had something of it in its memory, and in no other', async (t) => {
  const stores = await testStores(t);
  const leftBy = async (stores: Stores, payload: Jobs['purge']): Promise<boolean> => {
    await runPurge(stores, payload);
    return Promise.race([stores.traces.left.then(() => true), setImmediate(false)]);
  };
  const [before, known, living] = [await plantAccount(stores), await plantAccount(stores), await plantAccount(stores)];
  const { projectId } = await plantProject(stores, living);
  for (const accountId of [before, known]) await deleteAccount(stores, accountId);
  await markProject(stores, projectId);
  assert.equal(await leftBy({ ...stores, traces: createTraces() }, { accountId: before }), false);
  assert.equal(await leftBy(stores, { accountId: living, projectId }), false);
  assert.equal(await leftBy(stores, { accountId: living }), false);
  assert.equal(await leftBy(stores, { accountId: known }), true);
});
