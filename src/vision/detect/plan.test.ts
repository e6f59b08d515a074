import assert from 'node:assert/strict';
import { test } from 'node:test';
import { advancedPlan, regularPlan } from './plan.ts';

test('an advanced plan is longer than a regular one, and keeps within its budget', () => {
  const all = ({ steps }: { readonly steps: { readonly head: number; readonly whole: number } }): number =>
    steps.head + 1.15 * steps.whole;
  for (const pictures of [15, 300, 5_000, 100_000]) {
    assert.ok(all(advancedPlan(pictures, 1)) > all(regularPlan(pictures)), String(pictures));
    for (const hours of [1, 2, 24]) assert.ok(0.77 * all(advancedPlan(pictures, hours)) <= 0.8 * hours * 3600);
  }
  assert.deepEqual(advancedPlan(300, 1).steps, advancedPlan(300, 24).steps);
  assert.ok(advancedPlan(300, 2).seconds! < 2 * 3600);
  assert.ok(advancedPlan(5_000, 2).steps.whole > advancedPlan(5_000, 1).steps.whole);
});
