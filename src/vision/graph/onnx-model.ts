import { AppError, expected } from '../../base/errors.ts';
import { dtypeOfCode } from './onnx-dtype.ts';
import type { Field } from './protobuf.ts';
import { fields, integers } from './protobuf.ts';
import type { Shape } from './shapes.ts';
import type { Tensor } from './tensor.ts';
import { bytesPerElement, elements, tensorFromBytes, tensorOf } from './tensor.ts';

/** A value at the edge of the model, as the file declares it. */
export interface OnnxEdge {
  readonly name: string;
  /** TensorProto.DataType */
  readonly code: number;
  /** A size that is not given is named after the input and its axis. */
  readonly shape: Shape;
}

/** An attribute as the file holds it; which member counts depends on its type. */
export interface OnnxFileAttribute {
  readonly name: string;
  /** AttributeProto.AttributeType: 1 FLOAT, 2 INT, 3 STRING, 4 TENSOR, 6 FLOATS, 7 INTS. */
  readonly type: number;
  readonly float: number;
  readonly int: number;
  readonly text: string;
  readonly tensor: Uint8Array | undefined;
  readonly ints: readonly number[];
}

/** A node as the file holds it. An absent input has the name ''. */
export interface OnnxFileNode {
  readonly name: string;
  readonly op: string;
  readonly domain: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: readonly OnnxFileAttribute[];
}

/** The parts of an ONNX file we look at. */
export interface OnnxModel {
  /** Version of the standard operator set. */
  readonly opset: number;
  readonly nodes: readonly OnnxFileNode[];
  readonly initializers: ReadonlyMap<string, Tensor>;
  readonly inputs: readonly OnnxEdge[];
  readonly outputs: readonly string[];
  readonly metadata: Readonly<Record<string, string>>;
}

/** A model that cannot be read: the message says what was expected of which part. */
export const badModel = (what: string, part: string, received: unknown): AppError =>
  new AppError('BadModel', expected(what, part, received));

const text = ({ bytes }: Field): string => new TextDecoder().decode(bytes);
const number = ({ value }: Field): number => Number(BigInt.asIntN(64, value));

/** No tensor of a vision model is larger: more elements mean a broken or hostile file. */
const mostElements = 2 ** 31;

/** Reads a TensorProto. @throws AppError `BadModel`, also for elements of a type we do not compute with. */
export function readTensor(bytes: Uint8Array): { readonly name: string; readonly value: Tensor } {
  const shape: number[] = [];
  const listed: number[] = [];
  let [name, code, outside] = ['', 0, false];
  let raw: Uint8Array | undefined;
  for (const field of fields(bytes)) {
    if (field.number === 1) shape.push(...integers(field).map(Number));
    else if (field.number === 2) code = number(field);
    else if (field.number === 8) name = text(field);
    else if (field.number === 9) raw = field.bytes;
    else if (field.number === 13 || field.number === 14) outside = true;
    else if (field.number === 4) push(listed, floats(field, 4));
    else if (field.number === 10) push(listed, floats(field, 8));
    else if (field.number === 5 || field.number === 7) push(listed, integers(field).map(Number));
  }
  const part = `the weights ${name}`;
  const dtype = dtypeOfCode(code);
  if (outside) throw badModel('values inside the file', part, 'a reference to another file');
  if (!dtype) throw badModel('a known element type', part, code);
  const count = elements(shape);
  if (shape.some((size) => size < 0) || count > mostElements) throw badModel('a possible shape', part, `[${shape}]`);
  if (raw) {
    if (raw.length !== count * bytesPerElement(dtype))
      throw badModel(`${count} elements of ${dtype}`, part, `${raw.length} bytes`);
    return { name, value: tensorFromBytes(dtype, shape, raw) };
  }
  if (listed.length !== count) throw badModel(`${count} elements`, part, listed.length);
  // Half precision numbers are listed by their bits.
  if (dtype === 'float16')
    return { name, value: tensorFromBytes(dtype, shape, new Uint8Array(Uint16Array.from(listed).buffer)) };
  return { name, value: tensorOf(dtype, shape, listed) };
}

/** `list.push(...values)` for any number of values. */
function push(list: number[], values: readonly number[]): void {
  for (const value of values) list.push(value);
}

function floats({ bytes }: Field, size: 4 | 8): number[] {
  if (bytes.length % size !== 0) throw badModel(`a multiple of ${size} bytes`, 'packed numbers', bytes.length);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return Array.from({ length: bytes.length / size }, (_, i) =>
    size === 4 ? view.getFloat32(4 * i, true) : view.getFloat64(8 * i, true),
  );
}

function readAttribute(bytes: Uint8Array): OnnxFileAttribute {
  const ints: number[] = [];
  let attribute: OnnxFileAttribute = { name: '', type: 0, float: 0, int: 0, text: '', tensor: undefined, ints };
  for (const field of fields(bytes)) {
    if (field.number === 1) attribute = { ...attribute, name: text(field) };
    else if (field.number === 2) attribute = { ...attribute, float: floats(field, 4)[0] ?? 0 };
    else if (field.number === 3) attribute = { ...attribute, int: number(field) };
    else if (field.number === 4) attribute = { ...attribute, text: text(field) };
    else if (field.number === 5) attribute = { ...attribute, tensor: field.bytes };
    else if (field.number === 8) push(ints, integers(field).map(Number));
    else if (field.number === 20) attribute = { ...attribute, type: number(field) };
  }
  return attribute;
}

function readNode(bytes: Uint8Array): OnnxFileNode {
  const [inputs, outputs, attributes]: [string[], string[], OnnxFileAttribute[]] = [[], [], []];
  let [name, op, domain] = ['', '', ''];
  for (const field of fields(bytes)) {
    if (field.number === 1) inputs.push(text(field));
    else if (field.number === 2) outputs.push(text(field));
    else if (field.number === 3) name = text(field);
    else if (field.number === 4) op = text(field);
    else if (field.number === 5) attributes.push(readAttribute(field.bytes));
    else if (field.number === 7) domain = text(field);
  }
  return { name, op, domain, inputs, outputs, attributes };
}

/** The first field of this number inside a message; an empty message when there is none. */
function inside(bytes: Uint8Array, wanted: number): Uint8Array {
  for (const field of fields(bytes)) if (field.number === wanted) return field.bytes;
  return new Uint8Array();
}

/** Reads a ValueInfoProto. */
function readEdge(bytes: Uint8Array): OnnxEdge {
  const name = new TextDecoder().decode(inside(bytes, 1));
  const shape: (number | string)[] = [];
  let code = 0;
  for (const field of fields(inside(inside(bytes, 2), 1))) {
    if (field.number === 1) code = number(field);
    if (field.number !== 2) continue;
    for (const size of fields(field.bytes)) {
      const [given] = [...fields(size.bytes)].filter((each) => each.number <= 2);
      const value = given?.number === 1 ? number(given) : given && text(given);
      shape.push(
        value === undefined || value === '' || (typeof value === 'number' && value < 0)
          ? `${name}.${shape.length}`
          : value,
      );
    }
  }
  return { name, code, shape };
}

/**
 * The parts of an ONNX file, unpacked but not yet understood. Weights are copied out, so the bytes need not be kept.
 * @throws AppError `BadModel` when the bytes are not an ONNX model.
 */
export function readModel(bytes: Uint8Array): OnnxModel {
  const metadata: Record<string, string> = {};
  const [nodes, inputs, outputs]: [OnnxFileNode[], OnnxEdge[], string[]] = [[], [], []];
  const initializers = new Map<string, Tensor>();
  let [opset, graph]: [number, Uint8Array | undefined] = [0, undefined];
  for (const field of fields(bytes)) {
    if (field.number === 7) graph = field.bytes;
    if (field.number === 14) {
      const [key, value] = [inside(field.bytes, 1), inside(field.bytes, 2)].map((each) =>
        new TextDecoder().decode(each),
      ) as [string, string];
      metadata[key] = value;
    }
    if (field.number !== 8) continue;
    const parts = [...fields(field.bytes)];
    const domain = parts.filter((part) => part.number === 1).map(text)[0] ?? '';
    if (domain === '' || domain === 'ai.onnx') opset = parts.filter((part) => part.number === 2).map(number)[0] ?? 0;
  }
  if (!graph) throw badModel('an ONNX model', 'the file', `${bytes.length} bytes without a graph`);
  for (const field of fields(graph)) {
    if (field.number === 1) nodes.push(readNode(field.bytes));
    else if (field.number === 11) inputs.push(readEdge(field.bytes));
    else if (field.number === 12) outputs.push(readEdge(field.bytes).name);
    else if (field.number === 5) {
      const { name, value } = readTensor(field.bytes);
      initializers.set(name, value);
    }
  }
  return { opset, nodes, initializers, inputs, outputs, metadata };
}
