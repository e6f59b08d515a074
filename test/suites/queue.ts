import assert from 'node:assert/strict';
import { suite, type TestContext, test } from 'node:test';
import { day, type Micros, second } from '../../src/base/clock.ts';
import { newId } from '../../src/base/id.ts';
import type { JobName } from '../../src/queue/job.ts';
import type { EnqueueOptions, Queue } from '../../src/queue/queue.ts';
import type { Database } from '../../src/store/database.ts';

/** A queue with a lease of 30 s, 5 attempts and a first pause of 1 s, the database it lives in, and its clock. */
export interface QueueParts {
  readonly queue: Queue;
  readonly db: Database;
  readonly clock: { turn(by: Micros): void; now(): Micros };
}

const every: readonly JobName[] = ['features', 'train', 'forget', 'export', 'retention', 'purge'];

/** What every {@link Queue} promises. `open` gives a new, empty one. */
export function queueSuite(name: string, open: (t: TestContext) => Promise<QueueParts>): void {
  const begin = async (t: TestContext) => {
    const parts = await open(t);
    const { queue, db } = parts;
    const scope = { accountId: newId(), projectId: newId() };
    const add = (job: 'features' | 'purge' = 'features', options?: EnqueueOptions, of = scope) =>
      db.transaction((tx) => queue.enqueue(tx, job, of, options));
    const rows = async () => (await db.query.selectFrom('jobs').select('id').execute()).map((row) => row.id);
    return { ...parts, scope, add, rows };
  };

  suite(name, () => {
    test('hands out each job once, the oldest first, to whoever asks for its name', async (t) => {
      const { queue, add, scope } = await begin(t);
      const ids = [await add(), await add('purge'), await add()];
      assert.equal(await queue.claim('a', []), undefined);
      assert.equal(await queue.claim('a', ['train']), undefined);
      const purge = await queue.claim('a', ['purge']);
      assert.equal(purge?.id, ids[1]);
      const claims = await Promise.all(['b', 'c', 'd', 'e'].map((holder) => queue.claim(holder, every)));
      assert.deepEqual(
        claims.map((claim) => claim?.id),
        [ids[0], ids[2], undefined, undefined],
      );
      assert.deepEqual(
        { ...claims[0], leaseUntil: 0 },
        { id: ids[0], name: 'features', payload: scope, attempt: 1, attempts: 5, cancelled: false, leaseUntil: 0 },
      );
    });

    test('a job exists exactly if its transaction commits', async (t) => {
      const { queue, db, scope, rows } = await begin(t);
      await assert.rejects(
        db.transaction(async (tx) => {
          await queue.enqueue(tx, 'features', scope);
          throw new Error('on purpose');
        }),
      );
      assert.deepEqual(await rows(), []);
      assert.equal(await queue.claim('a', every), undefined);
    });

    test('waits at most once per key; a running one does not count', async (t) => {
      const { queue, add, rows } = await begin(t);
      const first = await add('features', { once: 'k' });
      assert.equal(await add('features', { once: 'k' }), first);
      assert.notEqual(await add('features', { once: 'other' }), first);
      assert.equal((await queue.claim('a', every))?.id, first);
      const second = await add('features', { once: 'k' });
      assert.notEqual(second, first);
      assert.equal((await rows()).length, 3);
      await queue.finish(first, 'a', { state: 'retry', error: 'X' });
      assert.ok(!(await rows()).includes(first), 'the one that waits will do its work');
    });

    test('does not start before its time', async (t) => {
      const { queue, add, clock } = await begin(t);
      const id = await add('features', { runAt: clock.now() + 10 * second });
      assert.equal(await queue.claim('a', every), undefined);
      clock.turn(11 * second);
      assert.equal((await queue.claim('a', every))?.id, id);
    });

    test('a heartbeat keeps the lease; without one the job is another’s after 30 s', async (t) => {
      const { queue, db, add, clock } = await begin(t);
      const id = await add();
      await queue.claim('a', every);
      for (let beats = 0; beats < 4; beats++) {
        clock.turn(20 * second);
        assert.equal(await queue.claim('b', every), undefined);
        assert.equal(await queue.heartbeat(id, 'a', 0.5), 'ours');
      }
      clock.turn(31 * second);
      const again = await queue.claim('b', every);
      assert.deepEqual([again?.id, again?.attempt], [id, 2]);
      assert.equal(await queue.heartbeat(id, 'a', 0.6), 'lost');
      assert.deepEqual(
        await db.transaction(async (tx) => [await queue.holds(tx, id, 'a'), await queue.holds(tx, id, 'b')]),
        [false, true],
      );
      await queue.finish(id, 'a', { state: 'done' });
      assert.equal(await queue.heartbeat(id, 'b', 0.6), 'ours');
    });

    test('is tried five times with growing pauses, then it has failed and its row stays 30 days', async (t) => {
      const { queue, db, add, clock, rows } = await begin(t);
      const id = await add();
      for (const [index, pause] of [0, 1, 4, 16, 64].entries()) {
        if (pause > 0) {
          clock.turn((pause - 0.5) * second);
          assert.equal(await queue.claim('a', every), undefined, `before the pause of ${pause} s is over`);
          clock.turn(second);
        }
        assert.equal((await queue.claim('a', every))?.attempt, index + 1);
        await queue.finish(id, 'a', { state: 'retry', error: 'OnPurpose' });
      }
      clock.turn(day);
      assert.equal(await queue.claim('a', every), undefined);
      const row = await db.query.selectFrom('jobs').select(['state', 'error']).where('id', '=', id).executeTakeFirst();
      assert.deepEqual(row, { state: 'failed', error: 'OnPurpose' });
      clock.turn(30 * day);
      const other = await add();
      await queue.claim('a', every);
      await queue.finish(other, 'a', { state: 'done' });
      assert.deepEqual(await rows(), []);
    });

    test('a worker that dies in each try does not do so for ever: the sixth claim says it is over', async (t) => {
      const { queue, add, clock } = await begin(t);
      await add();
      for (let attempt = 1; attempt <= 6; attempt++) {
        const claim = await queue.claim(`holder ${attempt}`, every);
        assert.deepEqual([claim?.attempt, claim?.attempts], [attempt, 5]);
        clock.turn(31 * second);
      }
    });

    test('what is done, cancelled or given up goes; what is released waits again with its attempt', async (t) => {
      const { queue, add, rows } = await begin(t);
      for (const outcome of [{ state: 'done' }, { state: 'cancelled' }] as const) {
        const id = await add();
        await queue.claim('a', every);
        await queue.finish(id, 'a', outcome);
        assert.deepEqual(await rows(), []);
      }
      const id = await add();
      for (let times = 0; times < 10; times++) {
        assert.equal((await queue.claim('a', every))?.attempt, 1);
        await queue.finish(id, 'a', { state: 'released' });
      }
      await queue.claim('a', every);
      await queue.finish(id, 'a', { state: 'failed', error: 'X' });
      assert.equal(await queue.claim('a', every), undefined);
    });

    test('cancelling removes what waits and tells what runs, in the scope and nowhere else', async (t) => {
      const { queue, db, add, scope, rows } = await begin(t);
      const [one, other] = [newId(), newId()];
      const train = (iterationId: string) =>
        db.transaction((tx) => queue.enqueue(tx, 'train', { ...scope, iterationId }));
      const runs = await train(one);
      await queue.claim('a', every);
      const otherIteration = await train(other);
      const sameIteration = await train(one);
      const purge = await add('purge');
      const neighbour = await add('features', {}, { ...scope, projectId: newId() });
      await db.transaction((tx) => queue.cancel(tx, { ...scope, iterationId: one }));
      assert.deepEqual((await rows()).sort(), [runs, otherIteration, purge, neighbour].sort());
      assert.ok(!(await rows()).includes(sameIteration));
      assert.equal(await db.transaction((tx) => queue.holds(tx, runs, 'a')), false);
      assert.equal(await queue.heartbeat(runs, 'a', 0), 'cancel');
      await db.transaction((tx) => queue.cancel(tx, scope));
      assert.deepEqual((await rows()).sort(), [runs, purge, neighbour].sort());
      await db.transaction((tx) => queue.cancel(tx, { accountId: newId() }));
      await db.transaction((tx) => queue.cancel(tx, { accountId: scope.accountId, jobName: 'purge' }));
      assert.deepEqual((await rows()).sort(), [runs, neighbour].sort());
    });

    test('a job cancelled while its worker was dead says so when it is claimed', async (t) => {
      const { queue, db, add, scope, clock } = await begin(t);
      await add();
      await queue.claim('a', every);
      await db.transaction((tx) => queue.cancel(tx, scope));
      clock.turn(31 * second);
      assert.equal((await queue.claim('b', every))?.cancelled, true);
    });

    test('waiting ends when something is enqueued or cancelled, time is up or the signal says so', async (t) => {
      const { queue, db, add, scope } = await begin(t);
      const never = new AbortController();
      const enqueued = queue.wait(60_000, never.signal);
      await add();
      assert.equal(await enqueued, 'enqueued');
      const cancelled = queue.wait(60_000, never.signal);
      await db.transaction((tx) => queue.cancel(tx, scope));
      assert.equal(await cancelled, 'cancelled');
      assert.equal(await queue.wait(1, never.signal), 'timeout');
      const stopped = queue.wait(60_000, never.signal);
      never.abort();
      assert.equal(await stopped, 'timeout');
      assert.equal(await queue.wait(60_000, never.signal), 'timeout');
    });
  });
}
