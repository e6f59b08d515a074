import assert from 'node:assert/strict';
import { test } from 'node:test';
import { calibrate, logLoss, probabilities } from './calibrate.ts';

const all = (actual: Float32Array, wanted: readonly number[]): void => {
  for (const [i, value] of wanted.entries()) near(actual[i]!, value);
};
const near = (actual: number, wanted: number, within = 1e-6): void =>
  assert.ok(Math.abs(actual - wanted) < within, `${actual} is not ${wanted}`);

test('probabilities and log loss of both kinds', () => {
  const logits = Float32Array.of(Math.log(1), Math.log(3), 0, 0);
  const multiclass = { kind: 'multiclass', classes: 2, logits, targets: [0, 1, 1, 0] } as const;
  all(probabilities(multiclass, 1), [0.25, 0.75, 0.5, 0.5]);
  near(logLoss(multiclass, 1), -(Math.log(0.75) + Math.log(0.5)) / 2);
  const multilabel = { ...multiclass, kind: 'multilabel' } as const;
  all(probabilities(multilabel, 1), [0.5, 0.75, 0.5, 0.5]);
  near(logLoss(multilabel, 1), -(3 * Math.log(0.5) + Math.log(0.75)) / 4);
});

test('scores three times too sure are cooled by a temperature of three', async () => {
  // Three of four say yes where the score claims 3 * log 3 for it.
  const sure = 3 * Math.log(3);
  const logits = Float32Array.from([0, sure, 0, sure, 0, sure, 0, sure]);
  const found = await calibrate({ kind: 'multiclass', classes: 2, logits, targets: [0, 1, 0, 1, 0, 1, 1, 0] });
  near(found.temperature, 3, 0.01);
  near(found.probabilities[1]!, 0.75, 1e-3);
  near(found.loss, -(3 * Math.log(0.75) + Math.log(0.25)) / 4, 1e-5);
});

test('the temperature stays within bounds, and is 1 when it does not matter', async () => {
  const right = { kind: 'multiclass', classes: 2, targets: [0, 1] } as const;
  near((await calibrate({ ...right, logits: Float32Array.of(0, 5) })).temperature, 0.25, 1e-3);
  near((await calibrate({ ...right, logits: Float32Array.of(5, 0) })).temperature, 4, 1e-2);
  assert.equal((await calibrate({ ...right, logits: Float32Array.of(0, 0) })).temperature, 1);
});

test('scores beyond what an exponential can hold stay finite', () => {
  const logits = Float32Array.of(2000, -2000);
  for (const kind of ['multiclass', 'multilabel'] as const) {
    assert.ok(probabilities({ kind, classes: 2, logits }, 1).every(Number.isFinite));
    assert.ok(Number.isFinite(logLoss({ kind, classes: 2, logits, targets: [0, 1] }, 1)));
  }
});
