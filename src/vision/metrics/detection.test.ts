import assert from 'node:assert/strict';
import { test } from 'node:test';
import { detectionPerformance } from './detection.ts';

const box = (left: number, label: number, score = 1) => ({ left, top: 0, width: 0.1, height: 0.1, label, score });
const at = { threshold: 0.5, overlapThreshold: 0.5 };

test('all found and nothing else is perfect', () => {
  const marked = [box(0, 0), box(0.5, 1)];
  const figures = detectionPerformance([{ marked, found: marked }], 2, at);
  assert.deepEqual([figures.precision, figures.recall, figures.averagePrecision], [1, 1, 1]);
  assert.deepEqual(
    figures.perClass.map((one) => one.averagePrecision),
    [1, 1],
  );
});

test('a marked thing is found once; what is found again, elsewhere or with another label is wrong', () => {
  const pictures = [
    {
      marked: [box(0, 0), box(0.5, 0)],
      found: [box(0, 0, 0.9), box(0.01, 0, 0.8), box(0.5, 1, 0.7), box(0.3, 0, 0.6)],
    },
    { marked: [box(0, 1)], found: [box(0.02, 1, 0.6)] },
  ];
  const figures = detectionPerformance(pictures, 2, at);
  // Label 0: right, wrong, wrong of two marked. Label 1: wrong, right of one.
  assert.equal(figures.perClass[0]!.precision, 1 / 3);
  assert.equal(figures.perClass[0]!.recall, 1 / 2);
  assert.equal(figures.perClass[0]!.averagePrecision, 1 / 2);
  assert.equal(figures.perClass[1]!.averagePrecision, 1 / 2);
  assert.equal(figures.averagePrecision, 1 / 2);
  assert.equal(figures.precision, 2 / 5);
  assert.equal(figures.recall, 2 / 3);
  assert.ok(figures.recallStdDeviation > 0);
});

test('a marked thing is left to the one that covers it more', () => {
  const marked = [box(0, 0), box(0.03, 0)];
  const found = [box(0.03, 0, 0.9), box(0, 0, 0.8)];
  assert.equal(detectionPerformance([{ marked, found }], 1, at).recall, 1);
});

test('thresholds count: of scores for precision and recall, of overlap for all', () => {
  const picture = { marked: [box(0, 0)], found: [box(0.02, 0, 0.4)] };
  const low = detectionPerformance([picture], 1, at);
  assert.deepEqual([low.precision, low.recall, low.averagePrecision], [0, 0, 1]);
  const strict = detectionPerformance([picture], 1, { threshold: 0.1, overlapThreshold: 0.7 });
  assert.deepEqual([strict.precision, strict.recall, strict.averagePrecision], [0, 0, 0]);
});

test('labels that are marked nowhere do not lower the mean', () => {
  const marked = [box(0, 0)];
  assert.equal(detectionPerformance([{ marked, found: marked }], 3, at).averagePrecision, 1);
  assert.equal(detectionPerformance([], 2, at).averagePrecision, 0);
});
