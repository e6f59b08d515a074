import { AppError } from '../../base/errors.ts';

/** Bytes in pieces, put together once at the end: weights are copied only then. */
export type Pieces = readonly Uint8Array[];

const varint = (value: number | bigint): Uint8Array => {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  bytes.push(Number(rest));
  return Uint8Array.from(bytes);
};

const tag = (field: number, wire: number): Uint8Array => varint(field * 8 + wire);

/** A whole number as field `field`; negative ones as two's complement of 64 bits. */
export const varintField = (field: number, value: number | bigint): Pieces => [tag(field, 0), varint(value)];

/** A single precision number. */
export const floatField = (field: number, value: number): Pieces => [
  tag(field, 5),
  new Uint8Array(Float32Array.of(value).buffer),
];

/** Bytes, or a message made of the pieces of its fields. */
export function bytesField(field: number, value: Uint8Array | Pieces): Pieces {
  const pieces = value instanceof Uint8Array ? [value] : value;
  return [tag(field, 2), varint(pieces.reduce((total, piece) => total + piece.length, 0)), ...pieces];
}

/** Text in UTF-8. */
export const textField = (field: number, value: string): Pieces => bytesField(field, new TextEncoder().encode(value));

/** Many whole numbers in one packed field. */
export const packedField = (field: number, values: readonly number[]): Pieces => bytesField(field, values.map(varint));

/** The pieces in one array. */
export const join = (pieces: Pieces): Uint8Array => new Uint8Array(Buffer.concat(pieces as Uint8Array[]));

/** One field as it lies in the message. */
export interface Field {
  readonly number: number;
  /** The number of a varint field, 0 otherwise. */
  readonly value: bigint;
  /** What the field holds otherwise: a view on the message. */
  readonly bytes: Uint8Array;
}

const broken = (at: number): AppError =>
  new AppError('BadModel', `expected a protocol buffer but received one that is broken at byte ${at}`);

/** Reads a varint at `at`: its value and where it ends. */
function readVarint(bytes: Uint8Array, at: number): readonly [bigint, number] {
  let value = 0n;
  for (let i = 0; i < 10; i++) {
    const byte = bytes[at + i];
    if (byte === undefined) break;
    value |= BigInt(byte & 127) << BigInt(7 * i);
    if (byte < 128) return [BigInt.asUintN(64, value), at + i + 1];
  }
  throw broken(at);
}

const none = new Uint8Array();

/**
 * The fields of a message in their order. @throws AppError `BadModel` at the first byte that cannot be part of one.
 * Source: protobuf.dev, "Encoding"; groups (wire types 3 and 4) are refused.
 */
export function* fields(bytes: Uint8Array): Generator<Field> {
  for (let at = 0; at < bytes.length; ) {
    const [key, start] = readVarint(bytes, at);
    const wire = Number(key & 7n);
    const number = Number(key >> 3n);
    if (number < 1 || number > 0x1fffffff) throw broken(at);
    if (wire === 0) {
      const [value, end] = readVarint(bytes, start);
      yield { number, value, bytes: none };
      at = end;
      continue;
    }
    const [size, from] = wire === 2 ? readVarint(bytes, start) : [wire === 1 ? 8n : 4n, start];
    if ((wire !== 1 && wire !== 2 && wire !== 5) || size > BigInt(bytes.length - from)) throw broken(at);
    at = from + Number(size);
    yield { number, value: 0n, bytes: bytes.subarray(from, at) };
  }
}

/** The whole numbers of a repeated field, packed or one by one, signed. */
export function integers({ value, bytes }: Field): readonly bigint[] {
  if (bytes === none) return [BigInt.asIntN(64, value)];
  const values: bigint[] = [];
  for (let at = 0; at < bytes.length; ) {
    const [next, end] = readVarint(bytes, at);
    values.push(BigInt.asIntN(64, next));
    at = end;
  }
  return values;
}
