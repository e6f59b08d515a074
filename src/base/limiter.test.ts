import assert from 'node:assert/strict';
import { test } from 'node:test';
import { limiter } from './limiter.ts';

test('runs all work, in order, never more than so many at a time, failures included', async () => {
  const limit = limiter(3);
  const begun: number[] = [];
  let [now, most] = [0, 0];
  const results = await Promise.allSettled(
    Array.from({ length: 50 }, (_, index) =>
      limit(async () => {
        begun.push(index);
        most = Math.max(most, ++now);
        await new Promise(setImmediate);
        now--;
        if (index % 7 === 0) throw new Error('on purpose');
        return index;
      }),
    ),
  );
  assert.equal(most, 3);
  assert.deepEqual(begun, [...Array(50).keys()]);
  assert.deepEqual(
    results.map((result) => (result.status === 'fulfilled' ? result.value : undefined)),
    begun.map((index) => (index % 7 === 0 ? undefined : index)),
  );
});
