import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mul, reduceSum } from '../graph/build.ts';
import { evaluate } from '../graph/evaluate.ts';
import type { Node } from '../graph/graph.ts';
import { graph } from '../graph/graph.ts';
import { noise, numbersFrom, preparedCases } from '../graph/op-cases.ts';
import { fixedShape } from '../graph/shapes.ts';
import type { Tensor } from '../graph/tensor.ts';
import { isFloat, numbersOf, tensorOf } from '../graph/tensor.ts';
import { backward } from './backward.ts';

const double = (node: Node): boolean => node.dtype === 'float64';
const lossOf = (value: Node, seed: number): Node =>
  reduceSum(mul(value, noise(value.dtype, fixedShape(value.shape, 'a case'), seed)));

/** Central differences along one random direction per input against the gradients, both in double precision. */
function check(
  loss: Node,
  inputs: readonly Node[],
  gradients: readonly Node[],
  feeds: Readonly<Record<string, Tensor>>,
): void {
  const names = Object.keys(feeds);
  const results = evaluate(graph(Object.fromEntries(gradients.map((node, i) => [`g${i}`, node]))), feeds);
  const at = (moved: Readonly<Record<string, Tensor>>): number => numbersOf(evaluate(graph({ loss }), moved).loss!)[0]!;
  inputs.forEach((node, i) => {
    assert.deepEqual(gradients[i]!.shape, node.shape);
    const next = numbersFrom(i + 17);
    const value = feeds[names[i]!]!;
    const direction = Float64Array.from(value.data as Float64Array, () => 2 * next() - 1);
    const step = 1e-5;
    const shifted = (by: number) =>
      at({
        ...feeds,
        [names[i]!]: tensorOf(
          'float64',
          value.shape,
          direction.map((each, k) => (value.data[k] as number) + by * each),
        ),
      });
    const difference = (shifted(step) - shifted(-step)) / (2 * step);
    const gradient = numbersOf(results[`g${i}`]!);
    const slope = direction.reduce((total, each, k) => total + each * gradient[k]!, 0);
    assert.ok(
      Math.abs(slope - difference) <= 1e-7 * Math.max(1, Math.abs(difference)),
      `input ${i}: ${slope} is not ${difference}`,
    );
  });
}

for (const { name, inputs, result, feeds } of preparedCases('float64')) {
  // A cast to single precision rounds too coarsely to take differences of.
  if (!double(result)) {
    test(`the gradient of ${name} has the type of its input`, () => {
      if (!isFloat(result.dtype)) return;
      assert.ok(backward(lossOf(result, 3), inputs).every(double));
    });
    continue;
  }
  test(`the gradient of ${name} is the slope`, () => {
    const loss = lossOf(result, 3);
    check(loss, inputs, backward(loss, inputs), feeds);
  });

  test(`the gradient of the gradient of ${name} is the slope of the gradient`, () => {
    const first = backward(lossOf(result, 3), inputs);
    for (const [i, gradient] of first.entries()) {
      const loss = lossOf(gradient, 5 + i);
      check(loss, inputs, backward(loss, inputs), feeds);
    }
  });
}
