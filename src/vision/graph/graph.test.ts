import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ortRuntime } from '../runtime/ort.ts';
import { add, exp, matMul, mul, reshape } from './build.ts';
import { evaluate } from './evaluate.ts';
import type { Node } from './graph.ts';
import { apply, constant, graph, input } from './graph.ts';
import { writeOnnx } from './onnx-write.ts';
import { rewrite } from './rewrite.ts';
import { numbersOf, tensorOf } from './tensor.ts';

const x = input('x', 'float32', ['N', 2]);

test('a graph holds what its outputs need, each node after its inputs, and numbers equal graphs equally', () => {
  const build = () => {
    const a = exp(x);
    exp(a);
    return graph({ sum: add(a, mul(a, 2)), a });
  };
  const { nodes } = build();
  assert.equal(nodes.length, 5);
  nodes.forEach((node, id) => {
    if (node.kind === 'op') assert.ok(node.inputs.every((each) => nodes.indexOf(each) < id));
  });
  assert.deepEqual(build(), build());
  assert.deepEqual(writeOnnx(build()), writeOnnx(build()));
});

test('a network deeper than the call stack is still a graph', () => {
  let deep: Node = x;
  for (let i = 0; i < 50_000; i++) deep = exp(deep);
  assert.equal(graph({ deep }).nodes.length, 50_001);
});

test('an output may be an input, a constant, or another output', async () => {
  const sum = add(x, 1);
  const whole = graph({ sum, again: sum, x, one: constant(tensorOf('float32', [1], [1])) });
  const session = await ortRuntime().load(writeOnnx(whole));
  const feeds = { x: tensorOf('float32', [1, 2], [3, 4]) };
  assert.deepEqual(session.outputs, ['sum', 'again', 'x', 'one']);
  assert.deepEqual(await session.run(feeds), evaluate(whole, feeds));
  await session.close();
});

test("inputs of one name, of an output's name, and those that are not listed are refused", () => {
  const other = input('x', 'float32', [2]);
  assert.throws(() => graph({ y: add(x, other) }), { code: 'BadGraph', message: /different names/ });
  assert.throws(() => graph({ y: exp(x) }, [other]), { code: 'BadGraph', message: /only listed inputs/ });
  assert.throws(() => graph({ x: exp(x) }), { code: 'BadGraph', message: /names of their own/ });
  assert.deepEqual(graph({ y: exp(x) }, [x, input('unused', 'float32', [])]).inputs.length, 2);
});

test('operands that do not fit are refused when the node is made', () => {
  assert.throws(() => matMul(x, input('w', 'float32', [3, 2])), { code: 'BadGraph', message: /\[N, 2\] and \[3, 2\]/ });
  assert.throws(() => add(input('a', 'float32', [2]), input('b', 'float32', [3])), { code: 'BadGraph' });
  assert.throws(() => add(x, input('b', 'float64', [2])), { code: 'BadGraph', message: /float32 and float64/ });
  assert.throws(() => apply('Add', [x], {}), { code: 'BadGraph', message: /2 to 2 inputs/ });
});

test('sizes known by name take those of what is fed', () => {
  const flat = reshape(add(x, 1), ['N', 1, 2]);
  assert.deepEqual(flat.shape, ['N', 1, 2]);
  const { y } = evaluate(graph({ y: flat }), { x: tensorOf('float32', [3, 2], [0, 1, 2, 3, 4, 5]) });
  assert.deepEqual([...y!.shape], [3, 1, 2]);
  assert.deepEqual(Array.from(numbersOf(y!)), [1, 2, 3, 4, 5, 6]);
});

test('leaves can be replaced, and what hangs on them is found anew', () => {
  const shared = exp(constant(tensorOf('float32', [2], [0, 0])));
  const before = graph({ y: mul(add(x, 1), shared) });
  const after = rewrite(before, (leaf) => (leaf === x ? input('z', 'float32', [4, 2]) : leaf)).y!;
  assert.deepEqual(after.shape, [4, 2]);
  assert.deepEqual(
    graph({ after }).inputs.map((each) => each.name),
    ['z'],
  );
  assert.ok(graph({ after }).nodes.includes(shared));
  assert.deepEqual(before.outputs.y!.shape, ['N', 2]);
});
