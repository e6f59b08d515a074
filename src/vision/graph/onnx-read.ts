import { AppError } from '../../base/errors.ts';
import { add, matMul, mul, transpose } from './build.ts';
import type { Graph, InputNode, Node } from './graph.ts';
import { apply, constant, graph, input } from './graph.ts';
import { dtypeOfCode } from './onnx-dtype.ts';
import type { OnnxFileNode, OnnxModel } from './onnx-model.ts';
import { badModel, readModel, readTensor } from './onnx-model.ts';
import { spelledOut } from './onnx-spelled.ts';
import { isOpName, ruleOf } from './op.ts';
import type { OnnxSource, OpName } from './rule.ts';
import type { Shape } from './shapes.ts';
import { numbersOf } from './tensor.ts';

const [oldest, newest] = [7, 26];

/** How a model is to be read. */
export interface ReadOptions {
  /** Sizes for the names the file gives to sizes, so that they are known beforehand: `{H: 160, W: 160}`. */
  readonly sizes?: Readonly<Record<string, number>>;
  /** The shape of the one input, if it is pictures of as many channels, and not as the file says. */
  readonly picture?: Shape;
}

const unsupported = (node: OnnxFileNode, why: string): AppError =>
  new AppError(
    'UnsupportedOp',
    `operator ${node.op}${node.name && ` of node "${node.name.slice(0, 60)}"`} is not supported: ${why}`,
  );

/** A node's attributes and operands, each in the type that is asked for. */
function source(node: OnnxFileNode, inputs: readonly (Node | undefined)[], opset: number): OnnxSource {
  const attribute = (name: string, type: number) => {
    const found = node.attributes.find((each) => each.name === name);
    // Files of the first versions leave the type out.
    if (found && found.type !== type && found.type !== 0)
      throw badModel(`type ${type}`, `attribute ${name} of ${node.op}`, found.type);
    return found;
  };
  return {
    opset,
    inputs: inputs.filter((each) => each !== undefined),
    int: (name) => attribute(name, 2)?.int,
    ints: (name) => attribute(name, 7)?.ints,
    float: (name) => attribute(name, 1)?.float,
    text: (name) => attribute(name, 3)?.text,
    operand(position) {
      const operand = inputs[position];
      if (operand && operand.kind !== 'constant') throw unsupported(node, `its input ${position} must be a constant`);
      return operand && Array.from(numbersOf(operand.value));
    },
    unsupported: (why) => unsupported(node, why),
  };
}

function applied<O extends OpName>(
  op: O,
  node: OnnxFileNode,
  inputs: readonly (Node | undefined)[],
  opset: number,
): Node {
  const { onnx, arity } = ruleOf(op);
  const data = inputs.slice(0, onnx.operandsFrom ?? inputs.length).filter((each) => each !== undefined);
  if (data.length < arity[0]) throw badModel(`${arity[0]} inputs`, op, data.length);
  return apply(op, data, onnx.read(source(node, inputs, opset)));
}

/** Operators of which more must be known than {@link spelledOut} is given. */
const special: Readonly<
  Record<string, (node: OnnxFileNode, inputs: readonly (Node | undefined)[], opset: number) => Node>
> = {
  Constant(node) {
    const bytes = node.attributes.find((each) => each.name === 'value')?.tensor;
    if (!bytes) throw unsupported(node, 'only tensors');
    return constant(readTensor(bytes).value);
  },
  Dropout: (node, [x], opset) => applied('Identity', node, [x], opset),
  // alpha A' B' + beta C, either factor transposed if it says so.
  Gemm(node, [a, b, c], opset) {
    if (!a || !b) throw badModel('two matrices', 'Gemm', 'fewer');
    const read = source(node, [a, b, c], opset);
    const product = matMul(read.int('transA') ? transpose(a) : a, read.int('transB') ? transpose(b) : b);
    const [alpha, beta] = [read.float('alpha') ?? 1, read.float('beta') ?? 1];
    const scaled = alpha === 1 ? product : mul(product, alpha);
    return c ? add(scaled, beta === 1 ? c : mul(c, beta)) : scaled;
  },
};

function nodeOf(node: OnnxFileNode, inputs: readonly (Node | undefined)[], opset: number): Node {
  if (node.domain !== '' && node.domain !== 'ai.onnx')
    throw unsupported(node, `it is of the domain ${node.domain.slice(0, 60)}`);
  // Further outputs (the mask of Dropout) would be missed where they are used.
  if (Object.hasOwn(special, node.op)) return special[node.op]!(node, inputs, opset);
  if (Object.hasOwn(spelledOut, node.op)) {
    if (!inputs[0]) throw badModel('an input', node.op, 'none');
    return spelledOut[node.op]!(source(node, inputs, opset), inputs[0]);
  }
  if (!isOpName(node.op)) throw unsupported(node, 'it is none of ours');
  return applied(node.op, node, inputs, opset);
}

function edges({ inputs, initializers }: OnnxModel, { sizes = {}, picture }: ReadOptions): InputNode[] {
  const fed = inputs.filter(({ name }) => !initializers.has(name));
  return fed.map(({ name, code, shape }) => {
    const dtype = dtypeOfCode(code);
    if (!dtype) throw badModel('a known element type', `input ${name}`, code);
    const fixed = shape.map((size) => (typeof size === 'string' && Object.hasOwn(sizes, size) ? sizes[size]! : size));
    const [, channels] = fixed.length === 4 ? fixed : [];
    const isPicture = fed.length === 1 && (typeof channels === 'string' || channels === picture?.[1]);
    return input(name, dtype, isPicture && picture ? picture : fixed);
  });
}

/**
 * The graph of an ONNX model (operator sets 7 to 26, our operations, weights inside the file); equal models read equal.
 * @throws AppError `UnsupportedOp` naming the node and its operator; `BadModel` when the bytes are not such a model or
 * it contradicts itself. Whatever the bytes are, nothing else is thrown.
 */
export function readOnnx(bytes: Uint8Array, options: ReadOptions = {}): Graph {
  try {
    return understand(readModel(bytes), options);
  } catch (cause) {
    if (cause instanceof AppError && cause.code !== 'BadGraph') throw cause;
    const { message } = cause as Error;
    throw new AppError('BadModel', `expected a consistent ONNX model but received one that is not: ${message}`, cause);
  }
}

function understand(model: OnnxModel, options: ReadOptions): Graph {
  if (model.opset < oldest || model.opset > newest)
    throw badModel(`${oldest} to ${newest}`, 'the operator set', model.opset);
  const inputs = edges(model, options);
  const values = new Map<string, Node>();
  for (const [name, value] of model.initializers) values.set(name, constant(value));
  for (const each of inputs) values.set(each.name, each);
  const known = (name: string, user: string): Node => {
    const found = values.get(name);
    if (!found) throw badModel('a value computed before', `an input of ${user}`, name);
    return found;
  };
  for (const node of model.nodes) {
    const given = node.inputs.map((name) => (name === '' ? undefined : known(name, node.op)));
    const output = node.outputs[0];
    if (output === undefined) throw badModel('an output', node.op, 'none');
    values.set(output, nodeOf(node, given, model.opset));
  }
  if (model.outputs.length === 0) throw badModel('at least one output', 'the model', 0);
  return graph(Object.fromEntries(model.outputs.map((name) => [name, known(name, 'the outputs')])), inputs);
}
