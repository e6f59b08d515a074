import assert from 'node:assert/strict';
import { test } from 'node:test';
import { backward } from '../autodiff/backward.ts';
import { add, mul, reduceSum, relu, reshape } from '../graph/build.ts';
import { evaluate } from '../graph/evaluate.ts';
import { apply, constant, type Graph, graph, type InputNode, input, type Node } from '../graph/graph.ts';
import { writeOnnx } from '../graph/onnx-write.ts';
import { numbersFrom, preparedCases } from '../graph/op-cases.ts';
import { elements, numbersOf, type Tensor, tensorOf } from '../graph/tensor.ts';
import { blockedForm } from './blocked.ts';
import { ortRuntime } from './ort.ts';

const { load, compile } = ortRuntime();

/** Runs a graph in blocks and by definition, and compares every output. */
async function compare(whole: Graph, feeds: Readonly<Record<string, Tensor>>): Promise<void> {
  const session = await load(writeOnnx(whole, {}, blockedForm), { optimise: false });
  const [found, wanted] = [await session.run(feeds), evaluate(whole, feeds)];
  await session.close();
  for (const [name, value] of Object.entries(wanted)) {
    assert.deepEqual([...found[name]!.shape], [...value.shape]);
    near(found[name]!, value, name);
  }
}

/** Single precision keeps seven digits of the largest number that went into a sum. */
function near(found: Tensor, wanted: Tensor, name: string): void {
  const [values, others] = [Array.from(numbersOf(wanted)), numbersOf(found)];
  const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 1);
  values.forEach((value, i) => {
    assert.ok(Math.abs(value - others[i]!) <= 1e-5 * largest, `${name}: ${others[i]} is not ${value} at ${i}`);
  });
}

const next = numbersFrom(11);
const drawn = (shapes: Readonly<Record<string, readonly number[]>>) => {
  const nodes: Record<string, Node> = {};
  const feeds: Record<string, Tensor> = {};
  for (const [name, shape] of Object.entries(shapes)) {
    nodes[name] = input(name, 'float32', shape);
    feeds[name] = tensorOf(
      'float32',
      shape,
      Float64Array.from({ length: elements(shape) }, () => 2 * next() - 1),
    );
  }
  return { nodes, feeds };
};
const window = { strides: [1, 1], pads: [1, 1, 1, 1], dilations: [1, 1], group: 1 } as const;
/** How often an operator of that name stands in a model. */
const count = (model: Uint8Array, name: string): number => Buffer.from(model).toString('latin1').split(name).length - 1;

/** A network of all kinds of convolutions, a way around some of them, and a loss. */
function network() {
  const { nodes, feeds } = drawn({
    x: [2, 16, 9, 8],
    dense: [32, 16, 3, 3],
    bias: [32],
    planes: [32, 1, 3, 3],
    strided: [32, 1, 3, 3],
    point: [32, 32, 1, 1],
    odd: [12, 32, 1, 1],
    wanted: [2, 12, 5, 4],
  });
  const conv = (x: Node, weights: string, more: object = {}, bias?: Node): Node =>
    apply('Conv', bias ? [x, nodes[weights]!, bias] : [x, nodes[weights]!], { ...window, ...more });
  const first = relu(conv(nodes.x!, 'dense', {}, nodes.bias));
  const second = relu(conv(first, 'planes', { group: 32 }));
  const third = conv(add(first, second), 'strided', { group: 32, strides: [2, 2] });
  const fourth = relu(add(third, conv(third, 'point', { pads: [0, 0, 0, 0] })));
  const last = conv(fourth, 'odd', { pads: [0, 0, 0, 0] });
  const loss = reduceSum(mul(mul(last, last), nodes.wanted!));
  const names = ['x', 'dense', 'bias', 'planes', 'strided', 'point', 'odd'];
  const gradients = backward(
    loss,
    names.map((name) => nodes[name]!),
  );
  const outputs = Object.fromEntries(gradients.map((node, i) => [`by ${names[i]}`, node]));
  return { whole: graph({ loss, fourth, ...outputs }), feeds };
}

test('a network and its gradients come out in blocks as by definition', async () => {
  const { whole, feeds } = network();
  await compare(whole, feeds);
});

test('in blocks are the convolutions of enough channels, forwards and backwards, and what lies between them', () => {
  const model = writeOnnx(network().whole, {}, blockedForm);
  // Forwards all four that come in blocks; backwards by what the first, second and fourth saw, and by the weights of planes.
  const others = count(model, 'ReorderInput') + count(model, 'ReorderOutput');
  assert.equal(count(model, 'com.microsoft.nchwc') - 1 - others, 4 + 3 + 2);
  // In and out of blocks goes what others need, and weights: eleven of these, dense ones in two turns.
  assert.deepEqual([count(model, 'ReorderInput'), count(model, 'ReorderOutput')], [14, 8]);
});

test('convolutions of other channels and groups, and with weights that stay, are written as they are', () => {
  const { nodes } = drawn({ x: [1, 32, 4, 4], narrow: [1, 3, 4, 4], few: [16, 3, 3, 3], halves: [32, 16, 3, 3] });
  const fixed = constant(tensorOf('float32', [32, 32, 3, 3], new Float64Array(32 * 32 * 9)));
  const plain = graph({
    first: apply('Conv', [nodes.narrow!, nodes.few!], window),
    second: apply('Conv', [nodes.x!, nodes.halves!], { ...window, group: 2 }),
    third: apply('Conv', [nodes.x!, fixed], window),
  });
  assert.deepEqual(writeOnnx(plain, {}, blockedForm), writeOnnx(plain));
});

test('every operation after a convolution in blocks gets what it needs', async () => {
  const { nodes, feeds } = drawn({ x: [2, 16, 4, 4], w: [16, 16, 3, 3], row: [4], map: [2, 16, 4, 4] });
  const y = apply('Conv', [nodes.x!, nodes.w!], window);
  const z = apply('Conv', [nodes.map!, nodes.w!], window);
  const above = apply('Greater', [y, z], {});
  await compare(
    graph({
      y,
      sum: add(y, nodes.row!),
      scaled: mul(y, 3),
      both: mul(y, z),
      mixed: add(z, nodes.map!),
      flat: reshape(y, [2, 256]),
      merged: reshape(z, [1, 32, 4, 4]),
      above: apply('Cast', [above], { to: 'float32' }),
      whole: apply('Cast', [relu(y)], { to: 'int32' }),
      again: apply('Conv', [relu(add(y, z)), nodes.w!], window),
    }),
    feeds,
  );
  const places = apply('Cast', [above], { to: 'int32' });
  await compare(graph({ places }, Object.values(nodes) as InputNode[]), feeds);
  await compare(graph({ above }, Object.values(nodes) as InputNode[]), feeds);
});

test('what has no blocks is the same in both forms', () => {
  for (const { result } of preparedCases('float32')) {
    const whole = graph({ result });
    assert.deepEqual(writeOnnx(whole, {}, blockedForm), writeOnnx(whole));
  }
});

test('a compiled graph answers as its model does', async () => {
  const { whole, feeds } = network();
  const [one, other] = [await compile(whole), await load(writeOnnx(whole))];
  const [found, wanted] = [await one.run(feeds), await other.run(feeds)];
  for (const name of one.outputs) near(found[name]!, wanted[name]!, name);
  await one.close();
  await other.close();
});

test('where onnxruntime has no such operators a graph is compiled to those of the standard', async () => {
  const { whole, feeds } = network();
  const [one, other] = [await ortRuntime(async () => false).compile(whole), await load(writeOnnx(whole))];
  const [found, wanted] = [await one.run(feeds), await other.run(feeds)];
  // With these the numbers are the very same: operators in blocks would add in another order.
  assert.deepEqual(found, wanted);
  await one.close();
  await other.close();
});
