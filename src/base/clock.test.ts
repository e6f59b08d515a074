import assert from 'node:assert/strict';
import { test } from 'node:test';
import { day, second, systemClock } from './clock.ts';

/** A clock whose two sources, in ms, are turned by hand. */
function turned() {
  const sources = { wall: 1_800_000_000_000, elapsed: 50 };
  const clock = systemClock(
    () => sources.wall,
    () => sources.elapsed,
  );
  const pass = (ms: number): void => {
    sources.wall += ms;
    sources.elapsed += ms;
  };
  return { sources, clock, pass };
}

test('tells the wall clock, and strictly increases', () => {
  const { clock, pass } = turned();
  const first = clock.now();
  assert.equal(first, 1_800_000_000 * second);
  assert.ok(clock.now() > first);
  pass(1000);
  assert.ok(Math.abs(clock.now() - first - second) < 10);
});

test('follows a clock that is set ahead, and neither falls nor stands still when it is set back', () => {
  const { sources, clock, pass } = turned();
  const first = clock.now();
  sources.wall += 86_400_000;
  assert.ok(clock.now() - first >= day);
  sources.wall -= 86_400_000;
  const ahead = clock.now();
  pass(60_000);
  const later = clock.now() - ahead;
  assert.ok(later >= 60 * second && later < 60 * second + 1000, `a minute took ${later} µs`);
});

test('does not drift from the wall clock, however often it is asked', () => {
  const { sources, clock } = turned();
  for (let n = 0; n < 100_000; n++) {
    sources.wall += 0.01;
    sources.elapsed += 0.01;
    clock.now();
  }
  assert.ok(Math.abs(clock.now() - sources.wall * 1000) < 1000);
});
