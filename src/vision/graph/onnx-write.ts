import type { Graph, InputNode, Node } from './graph.ts';
import { codeOfDtype } from './onnx-dtype.ts';
import { ruleOf } from './op.ts';
import type { Pieces } from './protobuf.ts';
import { bytesField, floatField, join, packedField, textField, varintField } from './protobuf.ts';
import type { OnnxAttribute } from './rule.ts';
import type { TensorType } from './shapes.ts';
import type { Tensor } from './tensor.ts';
import { bytesOf } from './tensor.ts';

/** What a model says of itself. */
export interface OnnxHeader {
  readonly name?: string;
  /** ONNX `metadata_props`. */
  readonly metadata?: Readonly<Record<string, string>>;
}

const irVersion = 7;
const opset = 13;

// Field numbers of onnx.proto (onnx 1.8, IR version 7).
const attribute = (name: string, value: OnnxAttribute): Pieces => {
  if (typeof value === 'number') return [...textField(1, name), ...varintField(3, value), ...varintField(20, 2)];
  if (typeof value === 'string') return [...textField(1, name), ...textField(4, value), ...varintField(20, 3)];
  if ('float' in value) return [...textField(1, name), ...floatField(2, value.float), ...varintField(20, 1)];
  return [...textField(1, name), ...value.flatMap((each) => varintField(8, each)), ...varintField(20, 7)];
};

const initializer = (name: string, value: Tensor): Pieces => [
  ...packedField(1, value.shape),
  ...varintField(2, codeOfDtype(value.dtype)),
  ...textField(8, name),
  ...bytesField(9, bytesOf(value)),
];

const edge = (name: string, { dtype, shape }: TensorType): Pieces => {
  const sizes = shape.flatMap((size) =>
    bytesField(1, typeof size === 'number' ? varintField(1, size) : textField(2, size)),
  );
  const type = bytesField(1, [...varintField(1, codeOfDtype(dtype)), ...bytesField(2, sizes)]);
  return [...textField(1, name), ...bytesField(2, type)];
};

const operation = (
  op: string,
  inputs: readonly string[],
  output: string,
  attributes: Readonly<Record<string, OnnxAttribute>> = {},
): Pieces => [
  ...inputs.flatMap((name) => textField(1, name)),
  ...textField(2, output),
  ...textField(3, output),
  ...textField(4, op),
  ...Object.entries(attributes).flatMap(([name, value]) => bytesField(5, attribute(name, value))),
];

/**
 * The graph as the bytes of an ONNX model (operator set 13, IR version 7, weights inside), using standard operators
 * only. Equal graphs give equal bytes.
 */
export function writeOnnx(graph: Graph, { name = 'ownsight', metadata = {} }: OnnxHeader = {}): Uint8Array {
  const names = new Map<Node, string>(graph.inputs.map((node: InputNode) => [node, node.name]));
  const operations: Pieces[] = [];
  const initializers: Pieces[] = [];
  // An output that is computed bears its name; one that is fed, constant or named already is copied under it.
  const copies: Pieces[] = [];
  for (const [output, node] of Object.entries(graph.outputs)) {
    if (node.kind === 'op' && !names.has(node)) names.set(node, output);
    else if (names.get(node) !== output)
      copies.push(operation('Identity', [names.get(node) ?? `/${graph.nodes.indexOf(node)}`], output));
  }
  graph.nodes.forEach((node, id) => {
    if (!names.has(node)) names.set(node, `/${id}`);
    const own = names.get(node)!;
    if (node.kind === 'constant') initializers.push(initializer(own, node.value));
    if (node.kind !== 'op') return;
    const { attributes, operands = [] } = ruleOf(node.op).onnx.write(node.attributes);
    initializers.push(...operands.map((value, i) => initializer(`${own}.${i}`, value)));
    const inputs = [...node.inputs.map((each) => names.get(each)!), ...operands.map((_, i) => `${own}.${i}`)];
    operations.push(operation(node.op, inputs, own, attributes));
  });
  const body = [
    ...[...operations, ...copies].flatMap((each) => bytesField(1, each)),
    ...textField(2, name),
    ...initializers.flatMap((each) => bytesField(5, each)),
    ...graph.inputs.flatMap((node) => bytesField(11, edge(node.name, node))),
    ...Object.entries(graph.outputs).flatMap(([output, node]) => bytesField(12, edge(output, node))),
  ];
  return join([
    ...varintField(1, irVersion),
    ...textField(2, 'ownsight'),
    ...bytesField(7, body),
    ...bytesField(8, varintField(2, opset)),
    ...Object.entries(metadata).flatMap(([key, value]) =>
      bytesField(14, [...textField(1, key), ...textField(2, value)]),
    ),
  ]);
}
