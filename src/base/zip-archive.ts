import type { PackedEntry, Piece } from './archive-entry.ts';
import { assertFits, zeros } from './tar.ts';

/** What 16 and 32 bits hold at most; it also says that the value stands in a zip64 record. */
const [most16, most32] = [0xffff, 0xffffffff];
/** Bit 11: names are UTF-8. */
const utf8Names = 0x0800;
/** What the reader must know: 2.0 for deflate, 4.5 for zip64. */
const [plain, zip64] = [20, 45];
/** Made under Unix, so that the upper half of the attributes is a mode: a plain file of mode 0600. */
const madeBy = (3 << 8) | zip64;
const attributes = (0o100600 << 16) >>> 0;

/**
 * The entries as a zip (APPNOTE 6.3.10), all dated `date` (UTC): one entry in memory at a time, and at the end a line
 * each. Beyond 65,534 entries or 4 GiB it is a zip64. Text is deflated, all else stored; entries are below 4 GiB. With
 * `total` it is filled up to that many bytes before its directory, where no reader looks.
 * @throws AppError `ArchiveTooLarge` at its end when it has more.
 */
export async function* zipArchive(
  entries: AsyncIterable<PackedEntry>,
  date: Date,
  total?: number,
): AsyncGenerator<Piece> {
  const stamp = dosTime(date);
  const directory: Buffer[] = [];
  let offset = 0;
  for await (const { name, text, facts, body } of entries) {
    const path = Buffer.from(name);
    // What local header and directory share: flags, method, time, date, checksum, both sizes, length of the name.
    const shared = Buffer.alloc(22);
    shared.writeUInt16LE(utf8Names, 0);
    shared.writeUInt16LE(text ? 8 : 0, 2);
    shared.writeUInt32LE(stamp, 4);
    shared.writeUInt32LE(facts.crc32, 8);
    shared.writeUInt32LE(facts.packed, 12);
    shared.writeUInt32LE(facts.bytes, 16);
    shared.writeUInt16LE(path.length, 20);
    const local = Buffer.concat([numbers([0x04034b50, 4], [plain, 2]), shared, numbers([0, 2]), path]);
    directory.push(directoryEntry(shared, path, offset));
    offset += local.length + facts.packed;
    if (total !== undefined) assertFits(total - offset);
    yield local;
    if (facts.packed > 0) yield body ?? facts.packed;
  }
  const size = directory.reduce((sum, entry) => sum + entry.length, 0);
  // A size given decides alone, so that the length of the end does not depend on where it lies.
  const isLarge = directory.length >= most16 || size >= most32 || (total ?? offset) >= most32;
  if (total !== undefined) {
    const gap = total - offset - size - end(directory.length, size, offset, isLarge).length;
    yield* zeros(gap);
    offset += gap;
  }
  yield* directory;
  yield end(directory.length, size, offset, isLarge);
}

/** How many bytes of a zip a file takes, but for its line in the directory. */
export const zipEntryBytes = (name: string, packed: number): number => 30 + Buffer.byteLength(name) + packed;

function directoryEntry(shared: Buffer, path: Buffer, offset: number): Buffer {
  const far = offset >= most32;
  return Buffer.concat([
    numbers([0x02014b50, 4], [madeBy, 2], [far ? zip64 : plain, 2]),
    shared,
    numbers([far ? 12 : 0, 2], [0, 2], [0, 2], [0, 2], [attributes, 4], [far ? most32 : offset, 4]),
    path,
    far ? numbers([1, 2], [8, 2], [offset, 8]) : Buffer.alloc(0),
  ]);
}

/** What closes the archive: where its directory lies and how long it is. */
function end(count: number, size: number, offset: number, isLarge: boolean): Buffer {
  const far = isLarge
    ? [
        numbers([0x06064b50, 4], [44, 8], [madeBy, 2], [zip64, 2], [0, 4], [0, 4], [count, 8], [count, 8]),
        numbers([size, 8], [offset, 8]),
        numbers([0x07064b50, 4], [0, 4], [offset + size, 8], [1, 4]),
      ]
    : [];
  const counts = Math.min(count, most16);
  return Buffer.concat([
    ...far,
    numbers([0x06054b50, 4], [0, 2], [0, 2], [counts, 2], [counts, 2]),
    numbers([Math.min(size, most32), 4], [Math.min(offset, most32), 4], [0, 2]),
  ]);
}

/** Whole numbers of so many bytes each, little-endian, one after the other. */
function numbers(...values: readonly (readonly [value: number, bytes: 2 | 4 | 8])[]): Buffer {
  const bytes = Buffer.alloc(values.reduce((sum, [, length]) => sum + length, 0));
  let at = 0;
  for (const [value, length] of values) {
    if (length === 8) bytes.writeBigUInt64LE(BigInt(value), at);
    else bytes.writeUIntLE(value, at, length);
    at += length;
  }
  return bytes;
}

/** A date and time as MS-DOS has it, in steps of two seconds: time in the lower half. */
const dosTime = (date: Date): number =>
  ((Math.max(0, date.getUTCFullYear() - 1980) << 25) |
    ((date.getUTCMonth() + 1) << 21) |
    (date.getUTCDate() << 16) |
    (date.getUTCHours() << 11) |
    (date.getUTCMinutes() << 5) |
    (date.getUTCSeconds() >> 1)) >>>
  0;
