import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type TestContext, test } from 'node:test';
import { type Stores, testStores } from '../../test/fixtures/stores.ts';
import { until } from '../../test/fixtures/until.ts';
import { AppError } from '../base/errors.ts';
import { newId } from '../base/id.ts';
import type { LogFields } from '../base/log.ts';
import type { JobName, JobRun } from './job.ts';
import { sqliteQueue } from './queue-sqlite.ts';
import { startWorker, type Worker, type WorkerParts } from './worker.ts';

const scope = () => ({ accountId: newId(), projectId: newId() });
const rows = ({ db }: Stores) => db.query.selectFrom('jobs').selectAll().execute();
const add = ({ db, queue }: Stores, payload = scope()) =>
  db.transaction((tx) => queue.enqueue(tx, 'features', payload));

const oneOfEach = { features: 1, purge: 1 };

function work(
  t: TestContext,
  stores: Stores,
  handle: WorkerParts['handle'],
  more: Partial<WorkerParts> = {},
): Worker & { logged: string[] } {
  const logged: string[] = [];
  const note = (event: string, fields?: LogFields) => logged.push(`${event} ${fields?.job ?? ''}`);
  const worker = startWorker({
    ...stores,
    log: { info: note, warn: note, error: (event, _, fields) => note(event, fields) },
    holder: 'test',
    concurrency: oneOfEach,
    handle,
    ...more,
  });
  t.after(() => worker.stop());
  return { ...worker, logged };
}

/** Resolves with the run of the next job that starts; the job itself lasts until its signal is aborted. */
function untilAborted(): { handle: WorkerParts['handle']; started: Promise<JobRun>; left: Promise<unknown> } {
  const started = Promise.withResolvers<JobRun>();
  const left = Promise.withResolvers<unknown>();
  return {
    started: started.promise,
    left: left.promise,
    async handle(_name, _payload, run) {
      started.resolve(run);
      await once(run.signal, 'abort');
      left.resolve(run.signal.reason);
      throw run.signal.reason;
    },
  };
}

test('does what is enqueued, each job once, as many of a name at a time as allowed', async (t) => {
  const stores = await testStores(t);
  const done: string[] = [];
  const all = Promise.withResolvers<void>();
  let [now, most] = [0, 0];
  const handle: WorkerParts['handle'] = async (_name, payload, run) => {
    most = Math.max(most, ++now);
    await new Promise(setImmediate);
    await stores.db.transaction((tx) => run.fence(tx));
    now--;
    done.push(payload.accountId);
    if (done.length === 12) all.resolve();
  };
  const payloads = Array.from({ length: 12 }, scope);
  for (const payload of payloads.slice(0, 6)) await add(stores, payload);
  const concurrency = { ...oneOfEach, features: 3 };
  const worker = work(t, stores, handle, { concurrency });
  for (const payload of payloads.slice(6)) await add(stores, payload);
  await all.promise;
  await worker.stop();
  assert.deepEqual(done.sort(), payloads.map((payload) => payload.accountId).sort());
  assert.equal(most, 3);
  assert.deepEqual(await rows(stores), []);
});

test('a long job of one name does not hold up the others', async (t) => {
  const stores = await testStores(t);
  const long = untilAborted();
  const purged = Promise.withResolvers<void>();
  const handle = async (name: JobName, payload: never, run: JobRun) =>
    name === 'purge' ? purged.resolve() : long.handle('train', payload, run);
  work(t, stores, handle as WorkerParts['handle']);
  await add(stores);
  await long.started;
  await stores.db.transaction((tx) => stores.queue.enqueue(tx, 'purge', scope()));
  await purged.promise;
});

test('a failure is logged by its job and tried again with the error’s code kept', async (t) => {
  const stores = await testStores(t);
  const failed = Promise.withResolvers<JobRun>();
  const worker = work(t, stores, async (_name, _payload, run) => {
    failed.resolve(run);
    throw new AppError('OnPurpose', 'a secret');
  });
  const id = await add(stores);
  const run = await failed.promise;
  assert.deepEqual([run.id, run.attempt, run.last], [id, 1, false]);
  const [row] = await until(
    () => rows(stores),
    ([one]) => one?.state !== 'running',
  );
  await worker.stop();
  assert.deepEqual([row?.state, row?.error, row?.attempts], ['waiting', 'OnPurpose', 1]);
  assert.deepEqual(worker.logged, [`job-failed ${id}`]);
  assert.ok(!JSON.stringify(row).includes('secret'));
});

test('a cancelled job hears of it at once in the same process, and its effect is fenced off', async (t) => {
  const stores = await testStores(t);
  const job = untilAborted();
  const worker = work(t, stores, job.handle);
  const payload = scope();
  await add(stores, payload);
  const run = await job.started;
  const since = performance.now();
  await stores.db.transaction((tx) => stores.queue.cancel(tx, payload));
  await assert.rejects(stores.db.transaction((tx) => run.fence(tx)));
  assert.equal(((await job.left) as AppError).code, 'JobCancelled');
  assert.ok(performance.now() - since < 500, `${performance.now() - since} ms`);
  await worker.stop();
  assert.deepEqual(await rows(stores), []);
  assert.deepEqual(worker.logged, []);
});

test('a job cancelled by another process hears of it within 2 s', async (t) => {
  const stores = await testStores(t);
  const job = untilAborted();
  work(t, stores, job.handle);
  const payload = scope();
  await add(stores, payload);
  await job.started;
  const since = performance.now();
  const elsewhere = sqliteQueue(stores.db, stores.clock);
  await stores.db.transaction((tx) => elsewhere.cancel(tx, payload));
  assert.equal(((await job.left) as AppError).code, 'JobCancelled');
  assert.ok(performance.now() - since < 2000, `${performance.now() - since} ms`);
});

test('stopping aborts what runs and gives it back without losing an attempt', async (t) => {
  const stores = await testStores(t);
  const job = untilAborted();
  const worker = work(t, stores, job.handle);
  await add(stores);
  await job.started;
  await worker.stop();
  assert.equal(((await job.left) as AppError).code, 'Stopping');
  const [row] = await rows(stores);
  assert.deepEqual([row?.state, row?.attempts, row?.lease_holder], ['waiting', 0, null]);
  assert.deepEqual(worker.logged, []);
});

test('a handler that does not leave is given up on within 5 s, and finds its job gone', async (t) => {
  const stores = await testStores(t);
  const gate = Promise.withResolvers<void>();
  const started = Promise.withResolvers<JobRun>();
  const worker = work(t, stores, async (_name, _payload, run) => {
    started.resolve(run);
    await gate.promise;
  });
  await add(stores);
  const run = await started.promise;
  const since = performance.now();
  await worker.stop();
  assert.ok(performance.now() - since < 5000);
  await assert.rejects(stores.db.transaction((tx) => run.fence(tx)));
  assert.equal((await rows(stores))[0]?.state, 'waiting');
  gate.resolve();
});

test('a job whose workers all died is given up, and those who wait are told', async (t) => {
  const stores = await testStores(t);
  const id = await add(stores);
  await stores.db.query.updateTable('jobs').set({ attempts: 5 }).execute();
  const told = Promise.withResolvers<unknown>();
  const worker = work(t, stores, async () => assert.fail('it ran'), {
    giveUp: async (name, payload) => told.resolve([name, payload]),
  });
  const [name, payload] = (await told.promise) as [string, { accountId: string }];
  await worker.stop();
  const [row] = await rows(stores);
  assert.deepEqual(
    [name, payload.accountId, row?.state, row?.error],
    ['features', row?.account_id, 'failed', 'WorkerDied'],
  );
  assert.deepEqual(worker.logged, [`job-given-up ${id}`]);
});
