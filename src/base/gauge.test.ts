import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gauge } from './gauge.ts';

const never = new AbortController().signal;

test('it is quiet at first, and again some time after the last work has ended', async () => {
  const work = gauge();
  await work.quiet(60_000, 60_000, never);
  let end = (): void => undefined;
  const running = work.during(() => new Promise<void>((resolve) => (end = resolve)));
  const order: string[] = [];
  const waiting = work.quiet(20, 60_000, never).then(() => order.push('quiet'));
  order.push('working');
  end();
  await running;
  await waiting;
  assert.deepEqual(order, ['working', 'quiet']);
});

test('patience has an end, and waiting can be broken off', async () => {
  const work = gauge();
  let end = (): void => undefined;
  const running = work.during(() => new Promise<void>((resolve) => (end = resolve)));
  await work.quiet(0, 100, never);
  const abort = new AbortController();
  const waiting = work.quiet(0, 60_000, abort.signal);
  abort.abort(new Error('stop'));
  await assert.rejects(waiting);
  end();
  await running;
});

test('work that fails is over as well', async () => {
  const work = gauge();
  await assert.rejects(
    work.during(() => Promise.reject(new Error('failed'))),
    /failed/,
  );
  await work.quiet(0, 60_000, never);
});
