import type { ConstantNode, Graph, InputNode, Node } from '../graph/graph.ts';
import { rewrite } from '../graph/rewrite.ts';
import type { Tensor } from '../graph/tensor.ts';

/** A network whose weights are named, so that they can be learned. */
export interface Learnable {
  /** The weights as they are, by name: `3.weights`, `3.bias` are those of the fourth layer. In the order of the layers. */
  readonly weights: Readonly<Record<string, Tensor>>;
  /** Names of the weights that `node` depends on. */
  below(node: Node): ReadonlySet<string>;
  /** The network's outputs with some weights, and inputs, replaced; names that are not given stay constants. */
  with(weights: Readonly<Record<string, Node>>, inputs?: (input: InputNode) => Node): Readonly<Record<string, Node>>;
}

/** Names the weights and biases of all convolutions and matrix products of a network. */
export function learnable(network: Graph): Learnable {
  const names = new Map<ConstantNode, string>();
  let layer = 0;
  for (const node of network.nodes) {
    if (node.kind !== 'op' || (node.op !== 'Conv' && node.op !== 'MatMul')) continue;
    const found = node.inputs.slice(1).map((each) => each.kind === 'constant' && each.dtype === 'float32');
    if (!found[0]) continue;
    node.inputs.slice(1).forEach((each, i) => {
      if (each.kind === 'constant' && !names.has(each)) names.set(each, `${layer}.${i === 0 ? 'weights' : 'bias'}`);
    });
    layer++;
  }
  const dependencies = new Map<Node, ReadonlySet<string>>();
  for (const node of network.nodes) {
    const own = node.kind === 'constant' ? names.get(node) : undefined;
    const from = node.kind === 'op' ? node.inputs.flatMap((each) => [...dependencies.get(each)!]) : [];
    dependencies.set(node, new Set(own === undefined ? from : [own]));
  }
  return {
    weights: Object.fromEntries([...names].map(([node, name]) => [name, node.value])),
    below: (node) => dependencies.get(node) ?? new Set(),
    with: (weights, inputs = (node) => node) =>
      rewrite(network, (leaf) => {
        if (leaf.kind === 'input') return inputs(leaf);
        const name = names.get(leaf);
        return (name !== undefined && weights[name]) || leaf;
      }),
  };
}
