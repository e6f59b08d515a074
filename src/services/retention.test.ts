import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { jobRun } from '../../test/fixtures/run.ts';
import {
  openStores,
  plantAccount,
  plantProject,
  type Stores,
  temporaryFolder,
  testStores,
} from '../../test/fixtures/stores.ts';
import { day, second } from '../base/clock.ts';
import { newId } from '../base/id.ts';
import { readConfig } from '../config.ts';
import { purge } from '../jobs/purge.ts';
import { retention as sweep } from '../jobs/retention.ts';
import type { Jobs } from '../queue/job.ts';
import { blobKey } from '../store/blobs.ts';
import { readAudit } from './audit.ts';
import type { ProjectScope } from './context.ts';
import { erasuresUnderWay, finishErasures, listReceipts, receiptKey, verifyReceipt } from './receipts.ts';
import { getRetention, resumeRetention, scheduleSweep, setRetention, storesPredictions } from './retention.ts';

const hour = 3600 * second;
const config = readConfig({});
const running = jobRun();

/** A project with one stored prediction and one export, whose sweep is planned as storing plans it. */
async function kept(t: TestContext) {
  const stores = await testStores(t);
  const scope = await plantProject(stores, await plantAccount(stores));
  await stores.db.transaction((tx) => scheduleSweep(stores, tx, scope));
  return { stores, scope };
}

/** Does the sweeps that are due, as the worker would; returns how many. */
async function work(stores: Stores): Promise<number> {
  for (let done = 0; ; done++) {
    const job = await stores.queue.claim('worker', ['retention']);
    if (job === undefined) return done;
    await sweep(stores, job.payload as ProjectScope, running);
    await stores.queue.finish(job.id, 'worker', { state: 'done' });
  }
}

/** What is left of predictions and exports, rows and files that no row has given up. */
async function left({ db, blobs }: Stores): Promise<string[]> {
  const predictions = await db.query.selectFrom('predictions').select('id').execute();
  const exports = await db.query.selectFrom('exports').select('id').execute();
  const loose = new Set((await db.query.selectFrom('loose_blobs').select('key').execute()).map((row) => row.key));
  const files: string[] = [];
  for await (const { key } of blobs.list('')) if (!loose.has(key)) files.push(key.split('/')[2]!);
  return [
    ...predictions.map(() => 'prediction'),
    ...exports.map(() => 'export'),
    ...files.filter((kind) => kind === 'export' || kind.startsWith('prediction')).sort(),
  ];
}

const predictionParts = ['prediction', 'prediction-original', 'prediction-thumbnail'];
const exportParts = ['export', 'export'];
const everything = ['prediction', 'export', 'export', 'prediction-original', 'prediction-thumbnail'];

test('a stored prediction goes with its pictures after 30 days, within half an hour, and not a minute earlier; an export stays', async (t) => {
  const { stores } = await kept(t);
  stores.clock.turn(30 * day - 60 * second);
  assert.equal(await work(stores), 0);
  assert.deepEqual(await left(stores), everything);
  stores.clock.turn(60 * second + hour / 2);
  assert.equal(await work(stores), 1);
  assert.deepEqual(await left(stores), exportParts);
  const purges = await stores.db.query.selectFrom('jobs').select('name').execute();
  assert.deepEqual(purges, [{ name: 'purge' }], 'the files are removed next, and nothing else is planned');
});

test('each goes at its own time, however they were stored', async (t) => {
  const { stores, scope } = await kept(t);
  stores.clock.turn(10 * day);
  const second10 = await plantProject(stores, scope.accountId);
  await stores.db.query
    .updateTable('predictions')
    .set({ project_id: scope.projectId })
    .where('id', '=', second10.predictionId)
    .execute();
  await stores.db.transaction((tx) => scheduleSweep(stores, tx, scope));
  const rows = async () =>
    (await stores.db.query.selectFrom('predictions').select('id').execute()).map((row) => row.id);
  stores.clock.turn(20 * day + hour / 2);
  await work(stores);
  assert.deepEqual(await rows(), [second10.predictionId]);
  stores.clock.turn(10 * day);
  await work(stores);
  assert.deepEqual(await rows(), []);
});

test('a new time holds for what is stored already, shorter or longer, at once', async (t) => {
  const { stores, scope } = await kept(t);
  const app = { ...stores, config };
  stores.clock.turn(5 * day);
  await setRetention(app, scope, { predictionsDays: 60 });
  stores.clock.turn(30 * day);
  await work(stores);
  assert.deepEqual(await left(stores), everything);
  await setRetention(app, scope, { exportsDays: 7 });
  await work(stores);
  assert.deepEqual(await left(stores), predictionParts);
  assert.deepEqual(await getRetention(app, scope), { predictionsDays: 60, exportsDays: 7, storesPredictions: true });
  await setRetention(app, scope, { predictionsDays: 0 });
  await work(stores);
  assert.deepEqual(await left(stores), []);
  assert.equal(await storesPredictions({ config }, stores.db.query, scope), false);
});

test('an export that is being made has no end yet', async (t) => {
  const { stores, scope } = await kept(t);
  await stores.db.query.updateTable('exports').set({ status: 'Exporting' }).execute();
  await setRetention({ ...stores, config }, scope, { exportsDays: 1 });
  stores.clock.turn(2 * day);
  await work(stores);
  assert.equal((await left(stores)).filter((one) => one === 'export').length, 2);
});

test('what ended while no server ran goes at the next start, before anything else', async (t) => {
  const folder = temporaryFolder(t);
  const before = await openStores(folder);
  const scope = await plantProject(before, await plantAccount(before));
  await before.db.transaction((tx) => scheduleSweep(before, tx, scope));
  await before.db.close();
  const after = await openStores(folder);
  t.after(() => after.db.close());
  after.clock.turn(31 * day);
  await resumeRetention(after);
  assert.deepEqual(await left(after), exportParts);
});

test('a clock that was years ahead when a prediction was stored does not keep it for years', async (t) => {
  const { stores } = await kept(t);
  const ahead = stores.clock.now() + 2000 * day;
  await stores.db.query.updateTable('predictions').set({ created: ahead }).execute();
  await stores.db.query.updateTable('jobs').set({ run_at: ahead }).execute();
  await resumeRetention(stores);
  stores.clock.turn(29 * day);
  await work(stores);
  assert.deepEqual(await left(stores), everything);
  stores.clock.turn(day + hour);
  assert.equal(await work(stores), 1);
  assert.deepEqual(await left(stores), exportParts);
});

test('a clock that leaps ahead sweeps within its next look, and falling back undoes nothing', async (t) => {
  const { stores } = await kept(t);
  stores.clock.turn(400 * day);
  await work(stores);
  stores.clock.turn(-400 * day);
  await work(stores);
  assert.deepEqual(await left(stores), exportParts);
});

test('a sweep that fails for good is planned again within the hour', async (t) => {
  const { stores, scope } = await kept(t);
  await stores.db.query.deleteFrom('jobs').execute();
  stores.clock.turn(31 * day);
  let calls = 0;
  const once = {
    ...stores,
    queue: {
      ...stores.queue,
      enqueue: (async (...given) => {
        if (calls++ === 0) throw new Error('disk full');
        return stores.queue.enqueue(...given);
      }) as typeof stores.queue.enqueue,
    },
  };
  await assert.rejects(sweep(once, scope, { ...running, last: true }));
  assert.deepEqual(await left(stores), everything, 'nothing is removed by halves');
  stores.clock.turn(hour);
  assert.equal(await work(stores), 1);
  assert.deepEqual(await left(stores), exportParts);
});

test('a server that never stores predictions says so for every project', async (t) => {
  const { stores, scope } = await kept(t);
  const never = readConfig({ OWNSIGHT_STORE_PREDICTIONS: 'never' });
  assert.equal(await storesPredictions({ config: never }, stores.db.query, scope), false);
  assert.equal((await getRetention({ ...stores, config: never }, scope)).storesPredictions, false);
  assert.throws(() => readConfig({ OWNSIGHT_STORE_PREDICTIONS: 'maybe' }), { code: 'BadSetting' });
});

for (const changes of [
  { predictionsDays: -1 },
  { predictionsDays: 1.5 },
  { predictionsDays: 3651 },
  { exportsDays: 0 },
  { exportsDays: Number.NaN },
])
  test(`${JSON.stringify(changes)} is refused and changes nothing`, async (t) => {
    const { stores, scope } = await kept(t);
    await assert.rejects(setRetention({ ...stores, config }, scope, changes), { code: 'BadRequest' });
    assert.equal((await getRetention({ ...stores, config }, scope)).predictionsDays, 30);
  });

test('files of an export whose time is over are given up with it', async (t) => {
  const { stores, scope } = await kept(t);
  await setRetention({ ...stores, config }, scope, { exportsDays: 1 });
  stores.clock.turn(2 * day);
  await work(stores);
  const loose = await stores.db.query.selectFrom('loose_blobs').select('key').execute();
  assert.deepEqual(loose, [{ key: blobKey(scope.accountId, scope.projectId, 'export', scope.exportId) }]);
});

/** Stores that many more predictions, as long ago as the first. */
async function store(
  stores: Stores,
  { projectId, predictionId }: { projectId: string; predictionId: string },
  n: number,
) {
  const row = await stores.db.query
    .selectFrom('predictions')
    .selectAll()
    .where('id', '=', predictionId)
    .executeTakeFirstOrThrow();
  for (let left = n; left > 0; left -= 10)
    await stores.db.query
      .insertInto('predictions')
      .values(Array.from({ length: 10 }, () => ({ ...row, id: newId(), project_id: projectId })))
      .execute();
}

/** Does the purges that wait, as the worker would. */
async function purgeAll(stores: Stores): Promise<void> {
  for (let job = await stores.queue.claim('p', ['purge']); job; job = await stores.queue.claim('p', ['purge'])) {
    await purge(stores, job.payload as Jobs['purge'], running);
    await stores.queue.finish(job.id, 'p', { state: 'done' });
  }
}

/** What the receipts say, oldest first. */
async function told(stores: Stores, accountId: string) {
  const key = await receiptKey(stores);
  const receipts = (await listReceipts(stores, accountId)).reverse();
  return Promise.all(receipts.map(async ({ receipt }) => (await verifyReceipt(receipt!, key))!));
}

test('a sweep has one receipt, which says that nobody asked for it, and how much went', async (t) => {
  const { stores, scope } = await kept(t);
  await store(stores, scope, 450);
  await setRetention({ ...stores, config }, scope, { exportsDays: 30 });
  stores.clock.turn(31 * day);
  assert.equal(await work(stores), 1);
  await purgeAll(stores);
  const [receipt, ...more] = await told(stores, scope.accountId);
  assert.deepEqual(more, []);
  assert.deepEqual(receipt?.scope, { kind: 'expired', account: scope.accountId, project: scope.projectId });
  assert.equal(receipt?.cause, 'retention');
  assert.deepEqual(receipt?.erased, {
    predictions: 451,
    'prediction-original': 451,
    'prediction-thumbnail': 451,
    suggestions: 1,
    exports: 1,
    export: 1,
  });
  const log = (await readAudit(stores, scope.accountId)).entries.filter(({ action }) => action === 'expired-deleted');
  assert.deepEqual(
    log.map(({ detail }) => detail),
    [{ receipt: receipt?.jti }],
  );
  await resumeRetention(stores);
  await purgeAll(stores);
  assert.equal((await told(stores, scope.accountId)).length, 1, 'where nothing went there is no receipt');
});

test('cut off in the middle, a sweep still has one receipt over all of it', async (t) => {
  const { stores, scope } = await kept(t);
  await store(stores, scope, 450);
  stores.clock.turn(31 * day);
  const controller = new AbortController();
  let asked = 0;
  const signal = Object.assign(controller.signal, {
    throwIfAborted() {
      if (++asked === 2) throw new Error('on purpose');
    },
  });
  await assert.rejects(sweep(stores, scope, { ...running, signal }), /on purpose/);
  // Another purge of the project comes in between; the sweep is not over.
  const half = await erasuresUnderWay(stores, scope);
  await resumeRetention(stores);
  await finishErasures(stores, half);
  assert.equal((await listReceipts(stores, scope.accountId))[0]?.state, 'Erasing');
  await purgeAll(stores);
  assert.deepEqual(
    (await told(stores, scope.accountId)).map(({ erased }) => erased.predictions),
    [451],
  );
});

test('what expires within half an hour goes in one sweep; its receipt stays for 90 days', async (t) => {
  const { stores, scope } = await kept(t);
  const others = [await plantProject(stores, scope.accountId), await plantProject(stores, scope.accountId)] as const;
  // What is suggested has its own end.
  await stores.db.query.deleteFrom('suggestions').execute();
  const store = (id: string, days: number) =>
    stores.db.query
      .updateTable('predictions')
      .set({ project_id: scope.projectId, created: stores.clock.now() - days * day })
      .where('id', '=', id)
      .execute();
  stores.clock.turn(60 * second);
  await store(others[0].predictionId, 0);
  stores.clock.turn(30 * day);
  assert.equal(await work(stores), 0, 'the first is past its time, the sweep waits for the second');
  stores.clock.turn(hour / 2);
  assert.equal(await work(stores), 1);
  await purgeAll(stores);
  assert.deepEqual(
    (await told(stores, scope.accountId)).map(({ erased }) => erased.predictions),
    [2],
  );
  stores.clock.turn(91 * day);
  await store(others[1].predictionId, 31);
  await resumeRetention(stores);
  await purgeAll(stores);
  assert.deepEqual(
    (await told(stores, scope.accountId)).map(({ erased }) => erased.predictions),
    [1],
  );
});
