import { add } from '../graph/build.ts';
import type { Node, OpNode } from '../graph/graph.ts';
import { constant, graph } from '../graph/graph.ts';
import type { OpName } from '../graph/rule.ts';
import { badGraph, fixedShape, shapeText } from '../graph/shapes.ts';
import { elements, isFloat, tensorOf } from '../graph/tensor.ts';
import { gradients } from './rules.ts';

const gradientOf = <O extends OpName>(node: OpNode<O>, g: Node): readonly (Node | undefined)[] =>
  gradients[node.op](g, node);

/**
 * The gradients of `loss` by each of `wrt`, in their order and shapes, as nodes of the same computation: evaluate them,
 * write them as ONNX, or differentiate them again. Zeros where the loss does not depend on one.
 * Reverse mode: every node on the way from `wrt` to the loss is visited once, those off the way not at all. Nodes that
 * are `held` count as constants, whatever they are computed from.
 * @throws AppError `BadGraph` when the loss is not one floating point number, or a size it needs is known by name only.
 */
export function backward(loss: Node, wrt: readonly Node[], held: readonly Node[] = []): Node[] {
  if (!isFloat(loss.dtype) || elements(fixedShape(loss.shape, 'the loss')) !== 1) {
    throw badGraph('one floating point number', 'the loss', `${loss.dtype} ${shapeText(loss.shape)}`);
  }
  const { nodes } = graph({ loss });
  const wanted = new Set(wrt);
  const onTheWay = new Set<Node>();
  const fixed = new Set(held);
  for (const node of nodes) {
    if (fixed.has(node)) continue;
    if (wanted.has(node) || (node.kind === 'op' && node.inputs.some((each) => onTheWay.has(each)))) onTheWay.add(node);
  }
  const found = new Map<Node, Node>([[loss, constant(tensorOf(loss.dtype, fixedShape(loss.shape, 'the loss'), [1]))]]);
  for (const node of nodes.toReversed()) {
    const g = found.get(node);
    if (!g || node.kind !== 'op' || !onTheWay.has(node)) continue;
    const parts = gradientOf(node, g);
    node.inputs.forEach((each, i) => {
      const part = parts[i];
      if (!part || !onTheWay.has(each)) return;
      const sum = found.get(each);
      found.set(each, sum ? add(sum, part) : part);
    });
  }
  return wrt.map((node) => found.get(node) ?? zeros(node));
}

function zeros({ dtype, shape }: Node): Node {
  const sizes = fixedShape(shape, 'a gradient');
  return constant(tensorOf(dtype, sizes, new Float64Array(elements(sizes))));
}
