import assert from 'node:assert/strict';
import { test } from 'node:test';
import { testStores } from '../../test/fixtures/stores.ts';
import { queueSuite } from '../../test/suites/queue.ts';
import { day } from '../base/clock.ts';
import { newId } from '../base/id.ts';
import type { Outcome } from './queue.ts';

queueSuite('queue in the database', testStores);

test('at the start of the only server nothing waits for the leases of the dead', async (t) => {
  const { queue, db } = await testStores(t);
  const add = (once?: string) =>
    db.transaction((tx) =>
      queue.enqueue(tx, 'features', { accountId: newId(), projectId: newId() }, once === undefined ? {} : { once }),
    );
  const [plain, doubled, cancelled] = [await add(), await add('k'), await add()];
  for (const holder of ['a', 'b', 'c']) await queue.claim(holder, ['features']);
  await add('k');
  await db.query.updateTable('jobs').set({ cancel_requested: 1 }).where('id', '=', cancelled).execute();
  await queue.releaseAll();
  const again = await queue.claim('d', ['features']);
  assert.deepEqual([again?.id, again?.attempt], [plain, 2]);
  const last = await queue.claim('d', ['features']);
  assert.ok(last !== undefined && last.id !== doubled, 'of two with one key the waiting one stays');
  assert.equal(await queue.claim('d', ['features']), undefined);
});

test('what a clock that was ahead put off is due at the next start', async (t) => {
  const { queue, db, clock } = await testStores(t);
  const add = () =>
    db.transaction((tx) => queue.enqueue(tx, 'purge', { accountId: newId() }, { runAt: clock.now() + day }));
  const due = await add();
  clock.turn(-2 * day);
  const putOff = await add();
  await queue.releaseAll();
  assert.equal((await queue.claim('a', ['purge']))?.id, due);
  assert.equal(await queue.claim('a', ['purge']), undefined, putOff);
});

test('new work does not wait out the pause after a failure, and begins with all its tries', async (t) => {
  const { queue, db, clock } = await testStores(t);
  const accountId = newId();
  const add = (more = {}) => db.transaction((tx) => queue.enqueue(tx, 'purge', { accountId }, { once: 'k', ...more }));
  const id = await add();
  await queue.claim('a', ['purge']);
  await queue.finish(id, 'a', { state: 'retry', error: 'Full' });
  assert.equal(await queue.claim('a', ['purge']), undefined);
  assert.equal(await add({ runAt: clock.now() + day }), id);
  assert.equal(await queue.claim('a', ['purge']), undefined, 'what may come later hastens nothing');
  assert.equal(await add(), id);
  const again = await queue.claim('a', ['purge']);
  assert.deepEqual([again?.id, again?.attempt], [id, 1]);
});

test('work that failed for good begins anew at the next start, and is forgotten once it is done', async (t) => {
  const { queue, db } = await testStores(t);
  const accountId = newId();
  const add = () => db.transaction((tx) => queue.enqueue(tx, 'purge', { accountId }, { once: 'k' }));
  const run = async (outcome: Outcome) => {
    const job = await queue.claim('a', ['purge']);
    await queue.finish(job!.id, 'a', outcome);
    return job!;
  };
  const rows = () => db.query.selectFrom('jobs').select(['id', 'state']).execute();
  const first = await add();
  await run({ state: 'failed', error: 'Full' });
  await queue.hasten('purge');
  assert.deepEqual(await rows(), [{ id: first, state: 'waiting' }]);
  assert.equal((await run({ state: 'failed', error: 'Full' })).attempt, 1);
  await add();
  assert.equal((await rows()).length, 2);
  await run({ state: 'done' });
  assert.deepEqual(await rows(), []);
});
