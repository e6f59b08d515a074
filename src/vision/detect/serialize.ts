import { AppError, expected } from '../../base/errors.ts';
import {
  countWeights,
  isWeightList,
  listWeights,
  readWeights,
  type WeightList,
  writeWeights,
} from '../graph/weights.ts';
import type { Detector } from './detector.ts';

// Little-endian. 0: "OWND"; 4: version u16; 6: 0 u16; 8: bytes of the table u32; 12: the table, JSON in UTF-8, padded
// with spaces so that what follows begins at a multiple of 4: the weights, float32, in the table's order.
const magic = 0x444e574f;
const version = 1;
const headerBytes = 12;

interface WeightTable {
  readonly classes: number;
  readonly size: number;
  readonly weights: WeightList;
}

/** The detector as bytes: a header with a version, a table of its weights, then their numbers. Equal ones give equal bytes. */
export function encodeDetector({ classes, size, weights }: Detector): Uint8Array {
  const table: WeightTable = { classes, size, weights: listWeights(weights) };
  const text = Buffer.from(JSON.stringify(table));
  const padded = Math.ceil(text.length / 4) * 4;
  const numbers = countWeights(table.weights);
  const bytes = new Uint8Array(headerBytes + padded + 4 * numbers).fill(0x20, headerBytes, headerBytes + padded);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, magic, true);
  view.setUint16(4, version, true);
  view.setUint32(8, padded, true);
  bytes.set(text, headerBytes);
  writeWeights(weights, new Float32Array(bytes.buffer, headerBytes + padded));
  return bytes;
}

/** Whether bytes are a detector rather than another model, by how they begin. */
export const holdsDetector = (bytes: Uint8Array): boolean =>
  bytes.length >= headerBytes &&
  new DataView(bytes.buffer, bytes.byteOffset, bytes.length).getUint32(0, true) === magic;

/**
 * The inverse of {@link encodeDetector}; the numbers are copied out, into memory that threads share.
 * @throws AppError `BadDetector` when the bytes are of another format or version, cut, or hold impossible numbers.
 */
export function decodeDetector(bytes: Uint8Array): Detector {
  const bad = (what: string, received: unknown): AppError =>
    new AppError('BadDetector', expected(what, 'a stored detector', received));
  if (!holdsDetector(bytes)) throw bad(`at least ${headerBytes} bytes with its mark at the start`, 'other bytes');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (view.getUint16(4, true) !== version) throw bad(`version ${version}`, view.getUint16(4, true));
  const end = headerBytes + view.getUint32(8, true);
  if (end > bytes.length || end % 4 !== 0) throw bad('a table', `one that ends at ${end} of ${bytes.length}`);
  const table = readTable(Buffer.from(bytes.subarray(headerBytes, end)).toString('utf8'), bad);
  const wanted = end + 4 * countWeights(table.weights);
  if (bytes.length !== wanted) throw bad(`${wanted} bytes`, bytes.length);
  const weights = readWeights(table.weights, bytes.subarray(end));
  if (weights === undefined) throw bad('finite numbers', 'others');
  return { classes: table.classes, size: table.size, weights };
}

function readTable(text: string, bad: (what: string, received: unknown) => AppError): WeightTable {
  let table: WeightTable;
  try {
    table = JSON.parse(text) as WeightTable;
  } catch {
    throw bad('a table', 'other bytes');
  }
  const whole = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) > 0;
  if (!whole(table?.classes) || !whole(table.size) || !isWeightList(table.weights))
    throw bad('labels, a size and weights', 'others');
  return table;
}
