import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { second } from '../base/clock.ts';
import { createRates } from './rates.ts';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;
const heap = (): number => {
  collect();
  return process.memoryUsage().heapUsed;
};

/** A clock that stands until it is turned, to the microsecond. */
function stillClock() {
  let time = 1_800_000_000 * second;
  return { now: () => time, turn: (by: number) => (time += by) };
}

test('a second’s calls at once, then one whenever there is room for it, to the microsecond', () => {
  const clock = stillClock();
  const { take } = createRates(clock);
  const calls = (count: number) => Array.from({ length: count }, () => take('account', 'training', 2));
  assert.deepEqual(calls(4), [0, 0, second / 2, second / 2]);
  clock.turn(second / 2 - 1);
  assert.deepEqual(calls(1), [1]);
  clock.turn(1);
  assert.deepEqual(calls(2), [0, second / 2]);
  clock.turn(60 * second);
  assert.deepEqual(calls(3), [0, 0, second / 2], 'what was not used is not saved up');
  assert.deepEqual(take('account', 'other', 2), 0);
  assert.deepEqual(take('another', 'training', 2), 0);
  let taken = 0;
  for (let at = 0; at < 100 * second; at += 1000) {
    if (take('account', 'steady', 10) === 0) taken++;
    clock.turn(1000);
  }
  assert.equal(taken, 9 + 100 * 10);
});

test('counts of many accounts do not stay', () => {
  const clock = stillClock();
  const { take } = createRates(clock);
  for (let n = 0; n < 3000; n++) assert.equal(take(`account ${n}`, 'other', 10), 0);
  clock.turn(second);
  const before = heap();
  for (let n = 0; n < 300_000; n++) {
    take(`later ${n}`, 'other', 10);
    if (n % 500 === 0) clock.turn(second);
  }
  const grown = heap() - before;
  assert.ok(grown < 5_000_000, `${grown} bytes`);
  assert.equal(take('later 299999', 'other', 10), 0);
});
