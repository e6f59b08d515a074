import assert from 'node:assert/strict';
import { test } from 'node:test';
import { random } from '../../base/random.ts';
import { evaluate } from '../graph/evaluate.ts';
import { constant, graph } from '../graph/graph.ts';
import { numbersOf, type Tensor, tensorOf } from '../graph/tensor.ts';
import type { JudgedPicture } from '../metrics/detection.ts';
import { calibrated, calibration, type Line } from './calibrate.ts';
import { head, headWeights } from './head.ts';

const draw = random('calibrate');
const box = (at: number) => ({ left: (at % 10) / 10, top: Math.floor(at / 10) / 10, width: 0.08, height: 0.08 });
const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

/** Pictures of 100 things each, found with scores sigmoid(x), which are right with probability sigmoid(gain x + shift). */
function pictures(count: number, labels: readonly Line[]): JudgedPicture[] {
  return Array.from({ length: count }, () => {
    const all = labels.flatMap(({ gain, shift }, label) =>
      Array.from({ length: 100 }, (_, at) => {
        const x = draw.uniform(-2.5, 2);
        return { ...box(at), label, score: sigmoid(x), right: draw.uniform() < sigmoid(gain * x + shift) };
      }),
    );
    return { found: all, marked: all.filter(({ right }) => right) };
  });
}

test('scores become the probabilities they were made with, label by label', () => {
  const wanted = [
    { gain: 2, shift: 1 },
    { gain: 0.6, shift: -1 },
  ];
  calibration(pictures(60, wanted), 2).forEach(({ gain, shift }, label) => {
    assert.ok(Math.abs(gain - wanted[label]!.gain) < 0.15, String(gain));
    assert.ok(Math.abs(shift - wanted[label]!.shift) < 0.15, String(shift));
  });
});

test('it is the least of what is minimised: no change of gain or shift makes it less', () => {
  const judged = pictures(1, [{ gain: 1.5, shift: 0.5 }]);
  const [{ gain, shift }] = calibration(judged, 1) as [Line];
  const cost = (a: number, b: number): number =>
    judged.reduce(
      (total, { found, marked }) =>
        found.reduce((sum, one) => {
          const right = marked.some(({ left, top }) => left === one.left && top === one.top);
          const z = a * Math.log(one.score / (1 - one.score)) + b;
          return sum + Math.log(1 + Math.exp(right ? -z : z));
        }, total),
      ((a - 1) ** 2 + b ** 2) / 2,
    );
  for (const [a, b] of [
    [1e-3, 0],
    [-1e-3, 0],
    [0, 1e-3],
    [0, -1e-3],
  ] as const)
    assert.ok(cost(gain + a, shift + b) > cost(gain, shift));
});

test('a label with little to go by goes by all together; with nothing at all scores stay as they are', () => {
  const many = pictures(20, [{ gain: 2, shift: 1 }]);
  const [first, second] = calibration(many, 2) as [Line, Line];
  assert.deepEqual(second, first);
  assert.deepEqual(calibration([], 1), [{ gain: 1, shift: 0 }]);
});

test('scores that mean the opposite keep their order', () => {
  const [{ gain }] = calibration(pictures(20, [{ gain: -1, shift: 0 }]), 1) as [Line];
  assert.ok(gain > 0 && gain < 0.1);
});

test('the lines are inside the weights: logits become gain x + shift, boxes stay', () => {
  const lines = [
    { gain: 2, shift: -0.5 },
    { gain: 0.5, shift: 1 },
  ];
  const channels = [4, 6, 8].map((count) => ({
    mean: new Float32Array(count),
    deviation: new Float32Array(count).fill(1),
  }));
  const weights = headWeights({
    channels,
    frequency: [0.3, 0.1],
    sides: channels.map(() => [1, 2, 3, 4]),
    random: random('head'),
  });
  const maps = [4, 6, 8].map((count, level) => {
    const side = 4 >> level;
    const values = Array.from({ length: count * side * side }, () => draw.normal());
    return constant(tensorOf('float32', [1, count, side, side], values));
  });
  const said = (some: Readonly<Record<string, Tensor>>) => {
    const nodes = Object.fromEntries(Object.entries(some).map(([name, value]) => [name, constant(value)]));
    return evaluate(graph({ ...head(maps, nodes) }), {});
  };
  const [before, after] = [said(weights), said(calibrated(weights, lines))];
  assert.deepEqual(after.sides, before.sides);
  const places = before.logits!.shape[2]!;
  Array.from(numbersOf(before.logits!)).forEach((x, at) => {
    const { gain, shift } = lines[Math.floor(at / places)]!;
    assert.ok(Math.abs(numbersOf(after.logits!)[at]! - (gain * x + shift)) < 1e-5);
  });
});
