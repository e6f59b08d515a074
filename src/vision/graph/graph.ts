import { AppError, expected } from '../../base/errors.ts';
import { ruleOf } from './op.ts';
import type { Attributes, OpName } from './rule.ts';
import type { Shape, TensorType } from './shapes.ts';
import { badGraph } from './shapes.ts';
import type { Dtype, Tensor } from './tensor.ts';

/** A value fed when the graph runs. */
export interface InputNode extends TensorType {
  readonly kind: 'input';
  readonly name: string;
}

/** A value that is part of the graph. */
export interface ConstantNode extends TensorType {
  readonly kind: 'constant';
  readonly value: Tensor;
}

/** A value computed from others. */
export interface OpNode<O extends OpName = OpName> extends TensorType {
  readonly kind: 'op';
  readonly op: O;
  readonly inputs: readonly Node[];
  readonly attributes: Attributes[O];
}

/**
 * A value: where it comes from, and its type. Nodes never change and hold what they are computed from, so any node is a
 * whole computation by itself: graphs are cut, joined and differentiated without copying.
 */
export type Node = InputNode | ConstantNode | OpNode;

/** A computation with names at its edges. */
export interface Graph {
  readonly inputs: readonly InputNode[];
  /**
   * Everything the outputs need and nothing else, each after what it is computed from. The position is the node's id:
   * equal graphs number equally.
   */
  readonly nodes: readonly Node[];
  readonly outputs: Readonly<Record<string, Node>>;
}

/** A value to be fed under this name. */
export const input = (name: string, dtype: Dtype, shape: Shape): InputNode => ({ kind: 'input', name, dtype, shape });

/** A value known beforehand. */
export const constant = (value: Tensor): ConstantNode => ({
  kind: 'constant',
  value,
  dtype: value.dtype,
  shape: value.shape,
});

/** Characters in the name of a size: longer ones come from graphs made to grow without end. */
const longestName = 1000;

/** The result of an operation. @throws AppError `BadGraph` when the inputs do not fit it. */
export function apply<O extends OpName>(op: O, inputs: readonly Node[], attributes: Attributes[O]): OpNode<O> {
  const rule = ruleOf(op);
  const [fewest, most] = rule.arity;
  if (inputs.length < fewest || inputs.length > most) throw badGraph(`${fewest} to ${most} inputs`, op, inputs.length);
  const { dtype, shape } = rule.infer(inputs, attributes);
  const strange = shape.find((size) =>
    typeof size === 'number' ? !Number.isSafeInteger(size) || size < 0 : size.length > longestName,
  );
  if (strange !== undefined) throw badGraph('a size that can be', op, strange);
  return { kind: 'op', op, inputs, attributes, dtype, shape };
}

/**
 * The graph that computes these outputs. Its inputs are those the outputs depend on, in the order of first use, unless
 * `inputs` lists them (then unused ones stay too).
 * @throws AppError `BadGraph` when two inputs, or an input and another value that is an output, share a name, or a used
 * input is not listed.
 */
export function graph(outputs: Readonly<Record<string, Node>>, inputs?: readonly InputNode[]): Graph {
  const nodes: Node[] = [];
  const seen = new Set<Node>();
  // Depth first with an own stack: networks are deeper than the call stack allows.
  const stack = Object.values(outputs).reverse();
  for (let node = stack.at(-1); node; node = stack.at(-1)) {
    const next = node.kind === 'op' ? node.inputs.find((each) => !seen.has(each)) : undefined;
    if (next) {
      stack.push(next);
      continue;
    }
    stack.pop();
    if (!seen.has(node)) nodes.push(node);
    seen.add(node);
  }
  const used = nodes.filter((node) => node.kind === 'input');
  const all = inputs ?? used;
  const strange = used.find((node) => !all.includes(node));
  if (strange) throw new AppError('BadGraph', expected('only listed inputs', 'the graph', strange.name));
  const taken = all.find((node) => Object.hasOwn(outputs, node.name) && outputs[node.name] !== node);
  if (taken) throw new AppError('BadGraph', expected('names of their own', 'the outputs', taken.name));
  if (new Set(all.map((node) => node.name)).size < all.length) {
    throw new AppError(
      'BadGraph',
      expected('inputs of different names', 'the graph', all.map((node) => node.name).join(', ')),
    );
  }
  return { inputs: all, nodes, outputs };
}
