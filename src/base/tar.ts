import type { PackedEntry, Piece } from './archive-entry.ts';
import { AppError, expected } from './errors.ts';
import type { Source } from './source.ts';

const block = 512;
/** Eleven octal digits: the largest size a header holds. */
const largest = 8 ** 11 - 1;

/**
 * The entries as a tar (POSIX.1-1988, ustar): headers, bytes, and the two empty blocks at the end, all files of mode
 * 0600 dated `seconds`. With `total` more empty blocks follow, until it has that many bytes.
 * @throws AppError `ArchiveTooLarge` at its end when it has more.
 */
export async function* tar(
  entries: AsyncIterable<PackedEntry>,
  seconds: number,
  total?: number,
): AsyncGenerator<Piece> {
  let at = 0;
  for await (const { name, facts, body } of entries) {
    const { bytes } = facts;
    at += tarEntryBytes(name, bytes);
    if (total !== undefined) assertFits(total - at);
    yield header(name, bytes, seconds);
    if (bytes > 0) yield body ?? bytes;
    const rest = bytes % block;
    if (rest > 0) yield Buffer.alloc(block - rest);
  }
  yield Buffer.alloc(2 * block);
  if (total !== undefined) yield* zeros(total - at - 2 * block);
}

/** How many bytes of a tar a file takes. */
export const tarEntryBytes = (_name: string, bytes: number): number => block + Math.ceil(bytes / block) * block;

/** Fails unless something is left of an archive's size, bytes. @throws AppError `ArchiveTooLarge`. */
export function assertFits(left: number): void {
  if (left < 0)
    throw new AppError(
      'ArchiveTooLarge',
      `expected an archive of the size it was given but it has ${-left} bytes more`,
    );
}

/** So many empty bytes, a piece at a time. @throws AppError `ArchiveTooLarge` for fewer than none. */
export function* zeros(count: number): Generator<Uint8Array> {
  assertFits(count);
  const piece = Buffer.alloc(Math.min(count, 1024 * 1024));
  for (let left = count; left > 0; left -= piece.length) yield piece.subarray(0, Math.min(left, piece.length));
}

function header(name: string, size: number, seconds: number): Buffer {
  const bytes = Buffer.alloc(block);
  const path = Buffer.from(name);
  // A long path is cut in two at a slash: at most 155 bytes before it, 100 behind.
  let cut = path.length <= 100 ? -1 : path.lastIndexOf(0x2f, 155);
  if (path.length > 100 && (cut <= 0 || path.length - cut - 1 > 100)) cut = -2;
  if (cut === -2 || size > largest) throw new Error(expected('a path and a size that fit', 'an entry of a tar', name));
  path.copy(bytes, 0, cut + 1);
  if (cut > 0) path.copy(bytes, 345, 0, cut);
  const octal = (value: number, at: number, digits: number): number =>
    bytes.write(`${value.toString(8).padStart(digits, '0')}\0`, at, 'latin1');
  octal(0o600, 100, 7);
  octal(0, 108, 7);
  octal(0, 116, 7);
  octal(size, 124, 11);
  octal(Math.floor(seconds), 136, 11);
  bytes.write('0', 156);
  bytes.write('ustar\x0000', 257, 'latin1');
  bytes.write(`${checksum(bytes).toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return bytes;
}

/** The sum of a header's bytes, those of the sum itself counted as spaces. */
function checksum(bytes: Uint8Array): number {
  let sum = 8 * 32;
  for (let at = 0; at < block; at++) if (at < 148 || at >= 156) sum += bytes[at]!;
  return sum;
}

/** Where a file lies in a tar. */
export interface TarFile {
  readonly name: string;
  readonly at: number;
  readonly bytes: number;
}

/**
 * The plain files of a tar, in order; nothing of them is read.
 * @throws AppError `BadArchive` naming the entry that is no plain file, or is cut off.
 */
export async function* tarFiles(source: Source): AsyncGenerator<TarFile> {
  let bytes: Buffer;
  const text = (from: number, length: number): string => {
    const end = bytes.indexOf(0, from);
    return bytes.toString('utf8', from, end < 0 || end > from + length ? from + length : end);
  };
  for (let at = 0; ; ) {
    bytes = await source.read(at, block);
    if (bytes.length < block)
      throw new AppError('BadArchive', expected('two empty blocks at the end', 'the tar', 'none'));
    if (bytes.every((byte) => byte === 0)) return;
    if (Number.parseInt(text(148, 8), 8) !== checksum(bytes) || text(257, 5) !== 'ustar')
      throw new AppError('BadArchive', expected('a header', `the tar at byte ${at}`, 'something else'));
    const prefix = text(345, 155);
    const name = prefix === '' ? text(0, 100) : `${prefix}/${text(0, 100)}`;
    const type = String.fromCharCode(bytes[156]!);
    const length = Number.parseInt(text(124, 12), 8);
    if (type !== '5') {
      if (type !== '0' && type !== '\0')
        throw new AppError('BadArchive', expected('a plain file', name, `type ${type}`));
      if (!(at + block + length <= source.bytes))
        throw new AppError('BadArchive', expected(`${length} bytes`, name, 'fewer'));
      yield { name, at: at + block, bytes: length };
    }
    at += block + Math.ceil(length / block) * block;
  }
}
