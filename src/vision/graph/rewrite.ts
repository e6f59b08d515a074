import type { ConstantNode, Graph, InputNode, Node, OpNode } from './graph.ts';
import { apply } from './graph.ts';
import type { OpName } from './rule.ts';

const again = <O extends OpName>(node: OpNode<O>, inputs: readonly Node[]): Node =>
  inputs.every((each, i) => each === node.inputs[i]) ? node : apply(node.op, inputs, node.attributes);

/**
 * The outputs of a graph after `change` has replaced inputs and constants: what depends on a replaced one is built
 * again, with types and shapes found anew; the rest is shared. @throws AppError `BadGraph` when a replacement does not
 * fit.
 */
export function rewrite(
  graph: Graph,
  change: (leaf: InputNode | ConstantNode) => Node,
): Readonly<Record<string, Node>> {
  const changed = new Map<Node, Node>();
  for (const node of graph.nodes) {
    changed.set(
      node,
      node.kind === 'op'
        ? again(
            node,
            node.inputs.map((each) => changed.get(each)!),
          )
        : change(node),
    );
  }
  return Object.fromEntries(Object.entries(graph.outputs).map(([name, node]) => [name, changed.get(node)!]));
}
