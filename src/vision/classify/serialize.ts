import { AppError, expected } from '../../base/errors.ts';
import type { Classifier, ClassifierKind } from './classifier.ts';

// Little-endian. 0: "OWNC"; 4: version u16; 6: kind u16; 8: classes C u32; 12: features d u32; 16: temperature f64;
// 24: mean f32 [d], scale f32 [d], weights f32 [C, d], bias f32 [C].
const magic = 0x434e574f;
const version = 1;
const headerBytes = 24;
const kinds: readonly ClassifierKind[] = ['multiclass', 'multilabel'];

/** The classifier as bytes: a header with a version, then its numbers. Equal classifiers give equal bytes. */
export function encodeClassifier({ kind, classes, mean, scale, weights, bias, temperature }: Classifier): Uint8Array {
  const bytes = new Uint8Array(headerBytes + 4 * (mean.length + scale.length + weights.length + bias.length));
  const view = new DataView(bytes.buffer);
  view.setUint32(0, magic, true);
  view.setUint16(4, version, true);
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
  if (view.getUint16(4, true) !== version) throw bad(`version ${version}`, view.getUint16(4, true));
  const kind = kinds[view.getUint16(6, true)];
  const [classes, length, temperature] = [view.getUint32(8, true), view.getUint32(12, true), view.getFloat64(16, true)];
  if (!kind || classes === 0 || length === 0)
    throw bad('a kind, labels and features', `${kind}, ${classes}, ${length}`);
  const wanted = headerBytes + 4 * (2 * length + classes * length + classes);
  if (bytes.length !== wanted) throw bad(`${wanted} bytes`, bytes.length);
  // A Buffer.slice would share its memory, so that .buffer began elsewhere.
  const numbers = new Float32Array(new Uint8Array(bytes.subarray(headerBytes)).buffer);
  const part = (from: number, count: number): Float32Array => numbers.slice(from, from + count);
  const classifier = {
    kind,
    classes,
    mean: part(0, length),
    scale: part(length, length),
    weights: part(2 * length, classes * length),
    bias: part((2 + classes) * length, classes),
    temperature,
  };
  if (!numbers.every(Number.isFinite)) throw bad('finite numbers', 'others');
  if (!(temperature > 0 && temperature < Number.POSITIVE_INFINITY) || !classifier.scale.every((each) => each > 0)) {
    throw bad('a positive temperature and positive scales', 'others');
  }
  return classifier;
}
