import { AppError, expected } from '../../base/errors.ts';
import type { Tensor } from '../graph/tensor.ts';
import { countWeights, isWeightList, listWeights, readWeights, writeWeights } from '../graph/weights.ts';
import type { Classifier, ClassifierKind } from './classifier.ts';

// Little-endian. 0: "OWNC"; 4: version u16; 6: kind u16; 8: classes C u32; 12: features d u32; 16: temperature f64;
// 24: mean f32 [d], scale f32 [d], weights f32 [C, d], bias f32 [C]. Version 2 goes on with the weights of the backbone
// that were learned too: bytes of their table u32; the table, JSON in UTF-8, padded with spaces to a multiple of 4; the
// weights f32, in the table's order.
const magic = 0x434e574f;
const versions = { plain: 1, withBackbone: 2 } as const;
const headerBytes = 24;
const kinds: readonly ClassifierKind[] = ['multiclass', 'multilabel'];

/** The classifier as bytes: a header with a version, then its numbers. Equal classifiers give equal bytes. */
export function encodeClassifier(classifier: Classifier): Uint8Array {
  const { kind, classes, mean, scale, weights, bias, temperature, backbone } = classifier;
  const own = headerBytes + 4 * (mean.length + scale.length + weights.length + bias.length);
  const more = backbone === undefined ? new Uint8Array() : encodeWeights(backbone);
  const bytes = new Uint8Array(own + more.length);
  bytes.set(more, own);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, magic, true);
  view.setUint16(4, backbone === undefined ? versions.plain : versions.withBackbone, true);
  view.setUint16(6, kinds.indexOf(kind), true);
  view.setUint32(8, classes, true);
  view.setUint32(12, mean.length, true);
  view.setFloat64(16, temperature, true);
  let at = headerBytes;
  for (const part of [mean, scale, weights, bias]) {
    bytes.set(new Uint8Array(part.buffer, part.byteOffset, part.byteLength), at);
    at += part.byteLength;
  }
  return bytes;
}

/**
 * The inverse of {@link encodeClassifier}; the numbers are copied out.
 * @throws AppError `BadClassifier` when the bytes are of another format or version, cut, or hold impossible numbers.
 */
export function decodeClassifier(bytes: Uint8Array): Classifier {
  const bad = (what: string, received: unknown): AppError =>
    new AppError('BadClassifier', expected(what, 'a stored classifier', received));
  if (bytes.length < headerBytes) throw bad(`at least ${headerBytes} bytes`, bytes.length);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (view.getUint32(0, true) !== magic) throw bad('its mark at the start', 'other bytes');
  const version = view.getUint16(4, true);
  if (version !== versions.plain && version !== versions.withBackbone) throw bad('version 1 or 2', version);
  const kind = kinds[view.getUint16(6, true)];
  const [classes, length, temperature] = [view.getUint32(8, true), view.getUint32(12, true), view.getFloat64(16, true)];
  if (!kind || classes === 0 || length === 0)
    throw bad('a kind, labels and features', `${kind}, ${classes}, ${length}`);
  const wanted = headerBytes + 4 * (2 * length + classes * length + classes);
  if (version === versions.plain ? bytes.length !== wanted : bytes.length < wanted)
    throw bad(`${wanted} bytes`, bytes.length);
  // A Buffer.slice would share its memory, so that .buffer began elsewhere.
  const numbers = new Float32Array(new Uint8Array(bytes.subarray(headerBytes, wanted)).buffer);
  const part = (from: number, count: number): Float32Array => numbers.slice(from, from + count);
  const classifier = {
    kind,
    classes,
    mean: part(0, length),
    scale: part(length, length),
    weights: part(2 * length, classes * length),
    bias: part((2 + classes) * length, classes),
    temperature,
    ...(version === versions.withBackbone && { backbone: decodeWeights(bytes.subarray(wanted), bad) }),
  };
  if (!numbers.every(Number.isFinite)) throw bad('finite numbers', 'others');
  if (!(temperature > 0 && temperature < Number.POSITIVE_INFINITY) || !classifier.scale.every((each) => each > 0)) {
    throw bad('a positive temperature and positive scales', 'others');
  }
  return classifier;
}

function encodeWeights(weights: Readonly<Record<string, Tensor>>): Uint8Array {
  const list = listWeights(weights);
  const table = Buffer.from(JSON.stringify(list));
  const from = 4 + Math.ceil(table.length / 4) * 4;
  const bytes = new Uint8Array(from + 4 * countWeights(list)).fill(0x20, 4, from);
  new DataView(bytes.buffer).setUint32(0, from - 4, true);
  bytes.set(table, 4);
  writeWeights(weights, new Float32Array(bytes.buffer, from));
  return bytes;
}

function decodeWeights(
  bytes: Uint8Array,
  bad: (what: string, received: unknown) => AppError,
): Readonly<Record<string, Tensor>> {
  const length = bytes.length < 4 ? -1 : new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
  let list: unknown;
  try {
    list = JSON.parse(Buffer.from(bytes.subarray(4, 4 + length)).toString('utf8'));
  } catch {}
  if (!isWeightList(list)) throw bad('a table of its weights', 'other bytes');
  const wanted = 4 + length + 4 * countWeights(list);
  if (bytes.length !== wanted) throw bad(`${wanted} bytes of weights`, bytes.length);
  const weights = readWeights(list, bytes.subarray(4 + length));
  if (weights === undefined) throw bad('finite numbers', 'others');
  return weights;
}
