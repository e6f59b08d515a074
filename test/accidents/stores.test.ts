import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { purge } from '../../src/jobs/purge.ts';
import { examine } from '../../src/services/doctor.ts';
import { resumeErasure } from '../../src/services/erasure.ts';
import { blobKey } from '../../src/store/blobs.ts';
import { countRows } from '../../src/store/erase.ts';
import { jobRun } from '../fixtures/run.ts';
import { openStores, type Stores, temporaryFolder } from '../fixtures/stores.ts';

const kills = 24;
const kinds = ['image-original', 'image-thumbnail'] as const;

/** What the killed processes said they had done, by word: `image`, `deleted` and so on. */
type Ledger = Map<string, Set<string>>;

/**
 * Lets a process work and kills it at a random moment: some lines, and then some milliseconds, after it began. Counted in
 * lines, so that it gets as far on a busy machine. Adds what it said to the ledger.
 */
async function workAndKill(folder: string, ledger: Ledger): Promise<void> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'stores-child.ts'), folder], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const killed = once(child, 'close');
  let linesLeft = randomInt(1, 60);
  for await (const line of createInterface({ input: child.stdout })) {
    const [word, id] = line.split(' ') as [string, string];
    if (!ledger.has(word)) ledger.set(word, new Set());
    // Of a line cut by the kill nothing can be said.
    if (id?.length === 36) ledger.get(word)!.add(id);
    if (--linesLeft === 0) void pause(randomInt(0, 10)).then(() => child.kill('SIGKILL'));
  }
  const [, signal] = await killed;
  assert.equal(signal, 'SIGKILL', 'it ended by itself');
}

/** What a server does when it starts again: takes up what was interrupted. */
async function recover(stores: Stores): Promise<void> {
  await stores.queue.releaseAll();
  await resumeErasure(stores);
  const run = jobRun();
  stores.clock.turn(2 * 3600e6);
  for (let job = await stores.queue.claim('a', ['purge']); job; job = await stores.queue.claim('a', ['purge'])) {
    await purge(stores, job.payload, run);
    await stores.queue.finish(job.id, 'a', { state: 'done' });
  }
}

async function check(stores: Stores, ledger: Ledger): Promise<void> {
  const said = (word: string): ReadonlySet<string> => ledger.get(word) ?? new Set();
  const rows = new Map(
    (
      await stores.db.query
        .selectFrom('images')
        .innerJoin('projects', 'projects.id', 'images.project_id')
        .select(['images.id', 'project_id', 'account_id'])
        .execute()
    ).map((row) => [row.id, { accountId: row.account_id, projectId: row.project_id }]),
  );
  for (const id of said('image')) if (!said('deleting').has(id)) assert.ok(rows.has(id), `the image ${id} is lost`);
  for (const id of said('deleted')) assert.ok(!rows.has(id), `the image ${id} is back`);
  const expectedKeys = new Set(
    [...rows].flatMap(([id, { accountId, projectId }]) => kinds.map((kind) => blobKey(accountId, projectId, kind, id))),
  );
  const found = new Set<string>();
  for await (const { key } of stores.blobs.list(''))
    if (key.includes('/image-original/') || key.includes('/image-thumbnail/')) found.add(key);
  // Projects that were about to be made when the kill came have pictures of their own.
  assert.deepEqual(
    [...found].filter((key) => !expectedKeys.has(key as never)),
    [],
    'files without rows',
  );
  assert.deepEqual(
    [...expectedKeys].filter((key) => !found.has(key)),
    [],
    'rows without files',
  );
  for (const [id, { accountId, projectId }] of rows) {
    if (!said('image').has(id)) continue;
    for (const kind of kinds) {
      const bytes = await stores.blobs.get(blobKey(accountId, projectId, kind, id));
      const plain = stores.keys.open({ accountId, projectId, kind, id }, bytes!);
      assert.ok(plain.equals(Buffer.alloc(50_000, id)), `${kind} ${id} is not whole`);
    }
  }
  const [accountId] = (await stores.db.query.selectFrom('accounts').select('id').execute()).map((row) => row.id);
  for (const projectId of said('erased')) {
    const left = Object.entries(await countRows(stores.db.query, { accountId: accountId!, projectId })).filter(
      ([, n]) => n > 0,
    );
    assert.deepEqual(
      [left, stores.keys.has({ accountId: accountId!, projectId })],
      [[], false],
      `of the erased ${projectId}`,
    );
  }
}

test(`${kills} kills in the midst of uploads and erasures lose nothing and leave nothing behind`, async (t) => {
  const folder = temporaryFolder(t);
  const ledger: Ledger = new Map();
  for (let kill = 0; kill < kills; kill++) {
    await workAndKill(folder, ledger);
    const stores = await openStores(folder);
    try {
      await recover(stores);
      await check(stores, ledger);
      if (kill === kills - 1)
        assert.deepEqual(
          (await examine(stores)).filter((finding) => finding.serious),
          [],
        );
    } finally {
      await stores.db.close();
    }
  }
  for (const word of ['image', 'deleted', 'erased'])
    assert.ok((ledger.get(word)?.size ?? 0) > 0, `nothing was ${word}`);
  t.diagnostic([...ledger].map(([word, ids]) => `${ids.size} ${word}`).join(', '));
});
