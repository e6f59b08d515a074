import { hash } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { crc32, deflateRaw } from 'node:zlib';
import type { ArchiveEntry, PackedEntry, Piece } from './archive-entry.ts';
import { type Micros, second } from './clock.ts';
import { tar, tarEntryBytes } from './tar.ts';
import { zipArchive, zipEntryBytes } from './zip-archive.ts';

const deflate = promisify(deflateRaw);

/** How a kind of archive is written. The same entries give the same bytes. */
export interface ArchiveFormat {
  readonly mediaType: string;
  /** Whether it holds a CRC-32 of each entry. */
  readonly crc32: boolean;
  /** An entry as it lies in the archive: hashed, compressed where that is worth it. */
  pack(entry: ArchiveEntry): Promise<PackedEntry>;
  /** How far an entry moves the next one: its header, its packed bytes, and what fills them up. */
  entryBytes(name: string, packed: number): number;
  /**
   * The archive of these entries, dated `moment`. With `total` it is filled up, where readers do not look, to that many
   * bytes. @throws AppError `ArchiveTooLarge` at its end when it has more.
   */
  write(entries: AsyncIterable<PackedEntry>, moment: Micros, total?: number): AsyncGenerator<Piece>;
}

/** A kind of archive. */
export type ArchiveFormatName = 'zip' | 'tar';

/** The kinds of archive: `zip` opens everywhere, `tar` is faster. */
export const archiveFormats: Readonly<Record<ArchiveFormatName, ArchiveFormat>> = {
  zip: {
    mediaType: 'application/zip',
    crc32: true,
    pack: (entry) => pack(entry, true),
    entryBytes: zipEntryBytes,
    write: (entries, moment, total) => zipArchive(entries, new Date(moment / 1000), total),
  },
  tar: {
    mediaType: 'application/x-tar',
    crc32: false,
    pack: (entry) => pack(entry, false),
    entryBytes: tarEntryBytes,
    write: (entries, moment, total) => tar(entries, moment / second, total),
  },
};

async function pack({ name, text, bytes, facts, sums }: ArchiveEntry, asZip: boolean): Promise<PackedEntry> {
  if (bytes === undefined) return { name, text, facts: facts!, body: undefined };
  const body = text && asZip ? await deflate(bytes, { level: 6 }) : bytes;
  const own = {
    crc32: sums?.crc32 ?? (asZip ? crc32(bytes) : 0),
    sha256: sums?.sha256 ?? hash('sha256', bytes, 'buffer'),
  };
  return { name, text, body, facts: { bytes: bytes.length, packed: body.length, ...own } };
}

/** A zip in memory of a few files, all compressed, dated `moment`. */
export function zipOf(
  files: Iterable<{ readonly name: string; readonly bytes: Uint8Array }>,
  moment: Micros,
): Promise<Buffer> {
  const { pack, write } = archiveFormats.zip;
  const packed = async function* () {
    for (const { name, bytes } of files) yield await pack({ name, bytes, text: true });
  };
  return buffer(write(packed(), moment) as AsyncGenerator<Uint8Array>);
}

/** The bytes of an archive from `from` to the one before `to`; those passed over must lie before `from`. */
export async function* archivePart(pieces: AsyncIterable<Piece>, from: number, to: number): AsyncGenerator<Uint8Array> {
  let at = 0;
  for await (const piece of pieces) {
    const length = typeof piece === 'number' ? piece : piece.length;
    const begin = Math.max(from - at, 0);
    const end = Math.min(to - at, length);
    at += length;
    if (begin >= end) {
      if (at >= to) return;
      continue;
    }
    if (typeof piece === 'number') throw new Error('expected the bytes of a file but it was passed over');
    yield begin === 0 && end === length ? piece : piece.subarray(begin, end);
  }
}

/** How many bytes an archive has. */
export async function archiveBytes(pieces: AsyncIterable<Piece>): Promise<number> {
  let bytes = 0;
  for await (const piece of pieces) bytes += typeof piece === 'number' ? piece : piece.length;
  return bytes;
}
