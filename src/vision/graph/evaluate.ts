import type { Graph, Node } from './graph.ts';
import { ruleOf } from './op.ts';
import { fixedShape } from './shapes.ts';
import type { Tensor } from './tensor.ts';
import { numbersOf, tensorOf } from './tensor.ts';

/**
 * Runs a graph by the definition of its operations: slow, and as exact as the element types allow (every sum is in
 * double precision, results are rounded once). Every input must be fed with its type; sizes known by name take those of
 * the feeds.
 * @throws AppError `BadGraph` when the feeds' sizes do not fit together.
 */
export function evaluate(graph: Graph, feeds: Readonly<Record<string, Tensor>>): Readonly<Record<string, Tensor>> {
  const values = new Map<Node, Tensor>();
  for (const node of graph.nodes) values.set(node, compute(node, feeds, values));
  return Object.fromEntries(Object.entries(graph.outputs).map(([name, node]) => [name, values.get(node)!]));
}

function compute(node: Node, feeds: Readonly<Record<string, Tensor>>, values: ReadonlyMap<Node, Tensor>): Tensor {
  if (node.kind === 'constant') return node.value;
  if (node.kind === 'input') return feeds[node.name]!;
  const rule = ruleOf(node.op);
  const inputs = node.inputs.map((each) => values.get(each)!);
  const { dtype, shape } = rule.infer(inputs, node.attributes);
  const numbers = inputs.map((value) => ({ shape: value.shape, data: numbersOf(value) }));
  const sizes = rule.sizes?.(numbers, node.attributes) ?? fixedShape(shape, node.op);
  return tensorOf(dtype, sizes, rule.evaluate(numbers, node.attributes, sizes));
}
