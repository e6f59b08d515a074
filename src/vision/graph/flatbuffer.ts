import { AppError, expected } from '../../base/errors.ts';

/** A table of a flatbuffer, whose fields are known by number. A field that is not there has its default. */
export interface Table {
  int(field: number, otherwise?: number): number;
  /** An unsigned byte. */
  byte(field: number, otherwise?: number): number;
  text(field: number): string;
  table(field: number): Table | undefined;
  tables(field: number): Table[];
  ints(field: number): number[];
  longs(field: number): number[];
  floats(field: number): number[];
  /** Where they lie, without a copy. */
  bytes(field: number): Uint8Array;
}

/**
 * The table at the root of a flatbuffer. Source: FlatBuffers, "Internals" (flatbuffers.dev): offsets and numbers are
 * little-endian, each table points to a list of where its fields lie.
 * @throws AppError `BadModel`, also later from any field, when something would lie outside the bytes.
 */
export function flatbuffer(bytes: Uint8Array): Table {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const bad = (received: unknown): AppError =>
    new AppError('BadModel', expected(`a place within ${bytes.length} bytes`, 'the model', received));
  const within = (at: number, length: number): number => {
    if (!(at >= 0 && at + length <= bytes.length)) throw bad(at);
    return at;
  };
  const u32 = (at: number): number => view.getUint32(within(at, 4), true);
  const tableAt = (at: number): Table => {
    const fields = at - view.getInt32(within(at, 4), true);
    const end = view.getUint16(within(fields, 2), true);
    const place = (field: number): number | undefined => {
      const entry = 4 + 2 * field;
      const offset = entry + 2 > end ? 0 : view.getUint16(within(fields + entry, 2), true);
      return offset === 0 ? undefined : at + offset;
    };
    /** Where a vector's elements begin, and how many there are. */
    const vector = (field: number, size: number): readonly [number, number] => {
      const own = place(field);
      if (own === undefined) return [0, 0];
      const begin = own + u32(own);
      const count = u32(begin);
      within(begin + 4, count * size);
      return [begin + 4, count];
    };
    const all = <T>(field: number, size: number, read: (at: number) => T): T[] => {
      const [begin, count] = vector(field, size);
      return Array.from({ length: count }, (_, i) => read(begin + i * size));
    };
    return {
      int(field, otherwise = 0) {
        const own = place(field);
        return own === undefined ? otherwise : view.getInt32(within(own, 4), true);
      },
      byte(field, otherwise = 0) {
        const own = place(field);
        return own === undefined ? otherwise : bytes[within(own, 1)]!;
      },
      text(field) {
        const [begin, count] = vector(field, 1);
        return Buffer.from(bytes.buffer, bytes.byteOffset + begin, count).toString('utf8');
      },
      table(field) {
        const own = place(field);
        return own === undefined ? undefined : tableAt(own + u32(own));
      },
      tables: (field) => all(field, 4, (own) => tableAt(own + u32(own))),
      ints: (field) => all(field, 4, (own) => view.getInt32(own, true)),
      longs: (field) => all(field, 8, (own) => Number(view.getBigInt64(own, true))),
      floats: (field) => all(field, 4, (own) => view.getFloat32(own, true)),
      bytes(field) {
        const [begin, count] = vector(field, 1);
        return bytes.subarray(begin, begin + count);
      },
    };
  };
  return tableAt(u32(0));
}
