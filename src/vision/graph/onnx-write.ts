import type { Graph, InputNode, Node, OpNode } from './graph.ts';
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

const operation = ({ op, domain, inputs, output, attributes = {} }: WrittenNode): Pieces => [
  ...inputs.flatMap((name) => textField(1, name)),
  ...textField(2, output),
  ...textField(3, output),
  ...textField(4, op),
  ...Object.entries(attributes).flatMap(([name, value]) => bytesField(5, attribute(name, value))),
  ...(domain === undefined ? [] : textField(7, domain)),
];

/** A node of a model as it is written. */
export interface WrittenNode {
  readonly op: string;
  /** Whose operator it is; ONNX's own if not given. */
  readonly domain?: string;
  readonly inputs: readonly string[];
  readonly output: string;
  readonly attributes?: Readonly<Record<string, OnnxAttribute>>;
}

/** A model being written. */
export interface Pen {
  /** The name of a value. */
  nameOf(node: Node): string;
  /** The one operation that takes a value; `undefined` when there are several, none, or it is an output too. */
  onlyUse(node: Node): OpNode | undefined;
  /** The name of a value known beforehand. */
  constant(value: Tensor): string;
  write(node: WrittenNode): void;
  /** Writes an operation as the ONNX operator of its name; from and to its own names unless told otherwise. */
  standard(node: OpNode, names?: { readonly inputs: readonly string[]; readonly output: string }): void;
}

/**
 * How the operations of a graph are written: called for each, after what it is computed from; then `end` with the
 * outputs. Whatever it writes, the outputs must come to be under their names.
 */
export interface Form {
  write(node: OpNode): void;
  end(outputs: readonly Node[]): void;
}

const standardForm = (pen: Pen): Form => ({ write: pen.standard, end() {} });

/**
 * The graph as the bytes of an ONNX model (operator set 13, IR version 7, weights inside), with standard operators only
 * unless another form is given. Equal graphs give equal bytes.
 */
export function writeOnnx(
  graph: Graph,
  { name = 'ownsight', metadata = {} }: OnnxHeader = {},
  formOf: (pen: Pen) => Form = standardForm,
): Uint8Array {
  const names = new Map<Node, string>(graph.inputs.map((node: InputNode) => [node, node.name]));
  const operations: Pieces[] = [];
  const initializers: Pieces[] = [];
  const domains = new Set<string>();
  // An output that is computed bears its name; one that is fed, constant or named already is copied under it.
  const copies: WrittenNode[] = [];
  for (const [output, node] of Object.entries(graph.outputs)) {
    if (node.kind === 'op' && !names.has(node)) names.set(node, output);
    else if (names.get(node) !== output)
      copies.push({ op: 'Identity', inputs: [names.get(node) ?? `/${graph.nodes.indexOf(node)}`], output });
  }
  const uses = new Map<Node, (OpNode | undefined)[]>(Object.values(graph.outputs).map((node) => [node, [undefined]]));
  for (const node of graph.nodes) {
    if (node.kind !== 'op') continue;
    for (const each of node.inputs) uses.get(each)?.push(node) ?? uses.set(each, [node]);
  }
  let constants = 0;
  const pen: Pen = {
    nameOf: (node) => names.get(node)!,
    onlyUse(node) {
      const [use, ...others] = uses.get(node) ?? [];
      return others.length === 0 ? use : undefined;
    },
    constant(value) {
      const own = `//${constants++}`;
      initializers.push(initializer(own, value));
      return own;
    },
    write(node) {
      if (node.domain !== undefined) domains.add(node.domain);
      operations.push(operation(node));
    },
    standard(
      node,
      { inputs, output } = { inputs: node.inputs.map((each) => names.get(each)!), output: names.get(node)! },
    ) {
      const { attributes = {}, operands = [] } = ruleOf(node.op).onnx.write(node.attributes);
      initializers.push(...operands.map((value, i) => initializer(`${output}.${i}`, value)));
      pen.write({ op: node.op, inputs: [...inputs, ...operands.map((_, i) => `${output}.${i}`)], output, attributes });
    },
  };
  const form = formOf(pen);
  graph.nodes.forEach((node, id) => {
    if (!names.has(node)) names.set(node, `/${id}`);
    if (node.kind === 'constant') initializers.push(initializer(names.get(node)!, node.value));
    if (node.kind === 'op') form.write(node);
  });
  form.end(Object.values(graph.outputs));
  copies.forEach(pen.write);
  const body = [
    ...operations.flatMap((each) => bytesField(1, each)),
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
    ...[...domains].flatMap((domain) => bytesField(8, [...textField(1, domain), ...varintField(2, 1)])),
    ...Object.entries(metadata).flatMap(([key, value]) =>
      bytesField(14, [...textField(1, key), ...textField(2, value)]),
    ),
  ]);
}
