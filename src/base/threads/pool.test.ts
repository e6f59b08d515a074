import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import type { FixtureTasks } from './fixture-thread.ts';
import { createPool, type Pool } from './pool.ts';

const entry = new URL('./fixture-thread.ts', import.meta.url);
const pools: Pool<FixtureTasks>[] = [];
const pool = (threads: number): Pool<FixtureTasks> => {
  const made = createPool<FixtureTasks>({ entry, threads });
  pools.push(made);
  return made;
};
after(() => Promise.all(pools.map((each) => each.close())));

/** [stop, turns made] in shared memory. */
const words = (): Int32Array => new Int32Array(new SharedArrayBuffer(8));
const stop = (shared: Int32Array): void => void Atomics.store(shared, 0, 1);
const begun = async (shared: Int32Array): Promise<void> => {
  while (Atomics.load(shared, 1) === 0) await setImmediate();
};

test('no thread runs before there is work, one for one task, and no more than allowed', async () => {
  const three = pool(3);
  assert.equal(three.size(), 0);
  await three.run('echo', new Uint8Array(1));
  await three.run('echo', new Uint8Array(1));
  assert.equal(three.size(), 1);
  const flags = Array.from({ length: 9 }, words);
  const all = flags.map((flag) => three.run('turns', flag));
  assert.equal(three.size(), 3);
  flags.forEach(stop);
  assert.equal(new Set(await Promise.all(all)).size, 3);
});

test('bytes come back whole, and a buffer handed over is gone here', async () => {
  const bytes = Uint8Array.from({ length: 1000 }, (_, i) => i % 256);
  const answer = await pool(1).run('echo', bytes, {}, [bytes.buffer]);
  assert.equal(answer.bytes[999], 999 % 256);
  assert.equal(bytes.length, 0);
});

test('a buffer that a task hands over comes whole, and none of it stays in the thread', async () => {
  const one = pool(1);
  assert.deepEqual(await one.run('give', 3), { bytes: Uint8Array.of(7, 7, 7), left: 0 });
  assert.equal((await one.run('give', 1)).left, 0);
});

test('a thread has two background tasks at a time; an urgent one joins it and passes those that wait', async () => {
  const one = pool(1);
  const flags = [words(), words(), words()];
  const tasks = flags.map((flag) => one.run('turns', flag));
  await Promise.all(flags.slice(0, 2).map(begun));
  await one.run('echo', new Uint8Array(1), { urgent: true });
  assert.equal(flags[2]![1], 0);
  stop(flags[0]!);
  await tasks[0];
  await begun(flags[2]!);
  flags.forEach(stop);
  await Promise.all(tasks);
});

test('a refusal keeps its code, message and cause; another error its message', async () => {
  const one = pool(1);
  await assert.rejects(one.run('refuse', 'BadRequestImageFormat'), {
    name: 'AppError',
    code: 'BadRequestImageFormat',
    message: 'expected this',
    cause: new Error('inner'),
  });
  await assert.rejects(one.run('throwPlain', 'boom'), { name: 'TypeError', message: 'boom' });
  assert.equal(one.size(), 1);
});

test('aborting rejects with the reason, stops the task, and what waits never begins', async () => {
  const one = pool(1);
  const flags = [words(), words(), words()];
  const abort = new AbortController();
  const tasks = flags.map((flag) => one.run('turns', flag, { signal: abort.signal }));
  await Promise.all(flags.slice(0, 2).map(begun));
  const reason = new Error('enough');
  abort.abort(reason);
  for (const result of await Promise.allSettled(tasks)) assert.equal((result as PromiseRejectedResult).reason, reason);
  // The thread is free again only when both have stopped.
  const others = [words(), words()];
  const next = others.map((flag) => one.run('turns', flag));
  await Promise.all(others.map(begun));
  const turns = flags[0]![1];
  others.forEach(stop);
  await Promise.all(next);
  assert.equal(flags[0]![1], turns);
  assert.equal(flags[2]![1], 0);
  await assert.rejects(one.run('echo', new Uint8Array(1), { signal: abort.signal }), reason);
});

test('progress and news are passed on', async () => {
  const flag = words();
  const heard: unknown[] = [];
  const onProgress = (fraction: number): void => {
    heard.push(fraction);
    stop(flag);
  };
  await pool(1).run('turns', flag, { onProgress, onNews: (news) => void heard.push(news) });
  assert.deepEqual(heard, [{ phase: 'head', step: 1, loss: 0.25 }, 0.5]);
});

for (const end of ['crash', 'exit'] as const)
  test(`after a ${end} its tasks are rejected, those that wait go to another thread`, async () => {
    const one = pool(1);
    const flag = words();
    const beside = one.run('turns', flag);
    const broken = one.run(end, null);
    const waiting = one.run('echo', new Uint8Array([7]));
    await assert.rejects(broken, { code: 'ComputeThreadFailed' });
    await assert.rejects(beside, { code: 'ComputeThreadFailed' });
    assert.equal((await waiting).bytes[0], 7);
    assert.equal(one.size(), 1);
  });

test('closing rejects what runs and what waits, ends the threads and refuses more', async () => {
  const one = createPool<FixtureTasks>({ entry, threads: 1 });
  const flags = [words(), words(), words()];
  const tasks = flags.map((flag) => one.run('turns', flag));
  await begun(flags[0]!);
  const settled = Promise.allSettled(tasks);
  await one.close();
  for (const result of await settled) assert.equal((result as PromiseRejectedResult).reason.code, 'ComputeClosed');
  assert.equal(one.size(), 0);
  await assert.rejects(one.run('echo', new Uint8Array(1)), { code: 'ComputeClosed' });
});
