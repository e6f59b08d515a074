import assert from 'node:assert/strict';
import { test } from 'node:test';
import { random } from '../../base/random.ts';
import { backward } from '../autodiff/backward.ts';
import { evaluate } from '../graph/evaluate.ts';
import { graph, input } from '../graph/graph.ts';
import { type Tensor, tensorOf } from '../graph/tensor.ts';
import { overlap } from '../image/box.ts';
import { detectionLoss } from './loss.ts';

const [n, c, p] = [1, 2, 6];
const node = (name: string, channels: number) => input(name, 'float64', [n, channels, p]);
const [logits, sides] = [node('logits', c), node('sides', 4)];
const targets = {
  labels: node('labels', c),
  sides: node('wanted', 4),
  positive: node('positive', 1),
  counted: node('counted', 1),
  share: input('share', 'float64', []),
  quality: input('quality', 'float64', []),
};
const { loss, held } = detectionLoss({ logits, sides }, targets);

const draw = random('loss');
const numbers = (channels: number, low: number, high: number): number[] =>
  Array.from({ length: channels * p }, () => draw.uniform(low, high));
const positive = [1, 0, 1, 0, 0, 1];
const values = {
  logits: numbers(c, -2, 2),
  sides: numbers(4, -1, 1),
  labels: [...positive.map((one, i) => (i === 5 ? 0 : one)), ...positive.map((one, i) => (i === 5 ? one : 0))],
  wanted: numbers(4, 0.2, 3),
  positive,
  counted: [1, 1, 1, 0, 1, 1],
};
const feedsOf = (quality: number, changes: Partial<typeof values> = {}): Record<string, Tensor> => {
  const all = { ...values, ...changes };
  const fed = Object.entries(all).map(([name, data]) => [name, tensorOf('float64', [n, data.length / p, p], data)]);
  return {
    ...Object.fromEntries(fed as [string, Tensor][]),
    share: tensorOf('float64', [], [1 / 3]),
    quality: tensorOf('float64', [], [quality]),
  };
};

/** The loss by its definition, cell by cell, with boxes as corners. */
function byHand(quality: number, given = values): number {
  let total = 0;
  for (let cell = 0; cell < p; cell++) {
    const at = (list: readonly number[], channel: number): number => list[channel * p + cell]!;
    const own = [0, 1, 2, 3].map((side) => Math.exp(at(given.sides, side)));
    const wanted = [0, 1, 2, 3].map((side) => at(given.wanted, side));
    const box = ([l, t, r, b]: readonly number[]) => ({ left: -l!, top: -t!, width: l! + r!, height: t! + b! });
    const fit = overlap(box(own), box(wanted));
    const around =
      (Math.max(own[0]!, wanted[0]!) + Math.max(own[2]!, wanted[2]!)) *
      (Math.max(own[1]!, wanted[1]!) + Math.max(own[3]!, wanted[3]!));
    const area = ([l, t, r, b]: readonly number[]): number => (l! + r!) * (t! + b!);
    const both = (area(own) + area(wanted)) / (1 + fit);
    if (given.positive[cell] === 1) total += 2 * (1 - (fit - (around - both) / around));
    for (let label = 0; label < c; label++) {
      const t = at(given.labels, label) * (1 - quality * (1 - fit));
      const x = at(given.logits, label);
      const score = 1 / (1 + Math.exp(-x));
      const entropy = -t * Math.log(score) - (1 - t) * Math.log(1 - score);
      total += given.counted[cell]! * (t - score) ** 2 * entropy;
    }
  }
  return total / 3;
}

test('the loss is what its definition says', () => {
  for (const quality of [0, 0.5, 1]) {
    const value = evaluate(graph({ loss }), feedsOf(quality)).loss!.data[0] as number;
    assert.ok(Math.abs(value - byHand(quality)) < 1e-6, `${value} is not ${byHand(quality)}`);
  }
});

test('labels are not learned through how well boxes fit', () => {
  const [byLogits, bySides] = backward(loss, [logits, sides], held);
  const gradients = evaluate(graph({ byLogits: byLogits!, bySides: bySides! }), feedsOf(1));
  const step = 1e-6;
  for (const [name, gradient, quality] of [
    ['logits', gradients.byLogits!, 1],
    // With the fit held, the boxes' part is all there is: as if scores did not have to say it.
    ['sides', gradients.bySides!, 0],
  ] as const)
    for (let i = 0; i < values[name].length; i++) {
      const moved = (by: number): number =>
        byHand(quality, { ...values, [name]: values[name].with(i, values[name][i]! + by) });
      const slope = (moved(step) - moved(-step)) / (2 * step);
      assert.ok(
        Math.abs((gradient.data[i] as number) - slope) < 1e-5,
        `${name} ${i}: ${gradient.data[i]} is not ${slope}`,
      );
    }
});
