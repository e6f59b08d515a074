import assert from 'node:assert/strict';
import { test } from 'node:test';
import { accuracy, share } from './accuracy.ts';
import { averagePrecision } from './average-precision.ts';
import { classificationPerformance, type Judged } from './classification.ts';

const near = (actual: number, wanted: number): void =>
  assert.ok(Math.abs(actual - wanted) < 1e-6, `${actual} is not ${wanted}`);

// Four pictures of two labels, two folds; the third picture is taken for the other label, the fourth is unsure.
const judged: Judged = {
  kind: 'multiclass',
  classes: 2,
  probabilities: [0.9, 0.1, 0.2, 0.8, 0.3, 0.7, 0.45, 0.55],
  targets: [1, 0, 0, 1, 1, 0, 0, 1],
  folds: [0, 0, 1, 1],
};

test('multiclass: precision and recall per label and over all, at two thresholds', () => {
  const at = classificationPerformance(judged, 0.5);
  assert.deepEqual([at.precision, at.recall], [3 / 4, 3 / 4]);
  assert.deepEqual(
    at.perClass.map((s) => [s.precision, s.recall]),
    [
      [1, 0.5],
      [2 / 3, 1],
    ],
  );
  const strict = classificationPerformance(judged, 0.6);
  assert.deepEqual([strict.precision, strict.recall], [2 / 3, 1 / 2]);
  assert.deepEqual(
    strict.perClass.map((s) => [s.precision, s.recall]),
    [
      [1, 0.5],
      [1 / 2, 1 / 2],
    ],
  );
});

test('a threshold nobody reaches leaves precision and recall 0, and average precision as it is', () => {
  const none = classificationPerformance(judged, 1);
  assert.deepEqual([none.precision, none.recall, none.precisionStdDeviation], [0, 0, 0]);
  assert.equal(none.averagePrecision, classificationPerformance(judged, 0).averagePrecision);
});

test('deviations are over the folds in which the figure is defined', () => {
  const at = classificationPerformance(judged, 0.5);
  // Folds: 2 of 2 right, 1 of 2 right.
  near(at.precisionStdDeviation, 0.25);
  near(at.recallStdDeviation, 0.25);
  // The first label is predicted in the first fold only.
  near(at.perClass[0]!.precisionStdDeviation, 0);
  near(at.perClass[0]!.recallStdDeviation, 0.5);
});

test('multiclass: of equally probable labels only the first is predicted; multilabel: every label at or above the threshold', () => {
  const equal = { classes: 2, probabilities: [0.5, 0.5], targets: [1, 1], folds: [0] };
  assert.deepEqual(
    classificationPerformance({ ...equal, kind: 'multiclass' }, 0.5).perClass.map((s) => s.recall),
    [1, 0],
  );
  assert.deepEqual(
    classificationPerformance({ ...equal, kind: 'multilabel' }, 0.5).perClass.map((s) => s.recall),
    [1, 1],
  );
});

test('overall average precision is the mean over the labels', () => {
  const at = classificationPerformance(judged, 0.5);
  near(at.perClass[0]!.averagePrecision, (1 + 2 / 3) / 2);
  near(at.averagePrecision, (at.perClass[0]!.averagePrecision + at.perClass[1]!.averagePrecision) / 2);
});

test('average precision: all points, precision never rising with recall, equal scores together', () => {
  assert.equal(averagePrecision([0.9, 0.8, 0.1], [1, 1, 0]), 1);
  // Precision 0/1, 1/2, 2/3: at recall 1/2 and beyond the best is 2/3.
  near(averagePrecision([0.9, 0.8, 0.7], [0, 1, 1]), 2 / 3);
  near(averagePrecision([0.9, 0.8, 0.7, 0.6], [1, 0, 1, 0]), 0.5 + 0.5 * (2 / 3));
  near(averagePrecision([0.5, 0.5], [1, 0]), 0.5);
  near(averagePrecision([0.5, 0.5], [0, 1]), 0.5);
  near(averagePrecision([0.9], [1], 1), 0.5);
  assert.equal(averagePrecision([0.9], [0]), 0);
  assert.equal(averagePrecision([], []), 0);
});

test("Wilson's interval", () => {
  // Its bounds are the true shares of which the one seen is just 1.96 deviations away.
  for (const [right, count] of [
    [15, 50],
    [360, 600],
    [1, 7],
  ] as const) {
    const { value, low, high } = share(right, count);
    assert.ok(low < value && value < high);
    for (const truth of [low, high]) near(Math.abs(value - truth), 1.959964 * Math.sqrt((truth * (1 - truth)) / count));
  }
  assert.deepEqual([share(0, 10).low, share(10, 10).high], [0, 1]);
  near(share(0, 10).high, 1.959964 ** 2 / (10 + 1.959964 ** 2));
  assert.deepEqual(share(0, 0), { value: 0, low: 0, high: 1 });
});

test('accuracy counts the most probable label', () => {
  assert.equal(accuracy(judged.probabilities, judged.targets, 2).value, 0.75);
});
