import assert from 'node:assert/strict';
import { test } from 'node:test';
import { random } from './random.ts';
import { timeLeft } from './time-left.ts';

test('even steps leave no doubt; too few say nothing; time that passes counts', () => {
  const points = Array.from({ length: 11 }, (_, i) => ({ at: 1000 + 200 * i, fraction: i / 32 }));
  assert.deepEqual(timeLeft(points, 3000), { likely: 4.4, low: 4.4, high: 4.4 });
  assert.equal(timeLeft(points, 4000)!.likely, 3.4);
  assert.equal(timeLeft(points, 100_000)!.likely, 0);
  assert.equal(timeLeft(points.slice(0, 5), 3000), undefined);
  assert.equal(timeLeft([], 0), undefined);
});

test('of uneven steps, about 95 of 100 end within what was said, and it is said the closer the less is left', () => {
  const draw = random('time left');
  let within = 0;
  const widths = [0, 0];
  for (let n = 0; n < 400; n++) {
    const times = Array.from({ length: 100 }, () => 50 + draw.uniform(0, 100) + (draw.uniform(0, 1) < 0.1 ? 200 : 0));
    let at = 0;
    const points = [{ at, fraction: 0 }];
    for (const [i, ms] of times.entries()) {
      at += ms;
      points.push({ at, fraction: (i + 1) / 100 });
    }
    for (const [which, seen] of [30, 90].entries()) {
      const { low, high } = timeLeft(points.slice(0, seen + 1), points[seen]!.at)!;
      const true_ = (at - points[seen]!.at) / 1000;
      if (low <= true_ && true_ <= high) within++;
      widths[which]! += high - low;
    }
  }
  assert.ok(within / 800 > 0.92 && within / 800 < 0.985, String(within / 800));
  assert.ok(widths[1]! < widths[0]! / 2);
});
