import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { type Entry, fromRandomAccessReaderPromise, RandomAccessReader, type ZipFile } from 'yauzl';
import { AppError, expected } from './errors.ts';
import { piecesOf, type Source } from './source.ts';
import { tarFiles } from './tar.ts';

/** A file in an archive that was opened. */
export interface ArchivedFile {
  readonly name: string;
  readonly bytes: number;
  /** All of it. @throws AppError `BadArchive` when it is larger than `most` bytes, or does not unpack. */
  read(most: number): Promise<Buffer>;
  /** The SHA-256 of it, in hexadecimal, a piece in memory at a time. @throws AppError `BadArchive`. */
  digest(): Promise<string>;
}

/** An archive whose names and sizes were checked; any of its files can be read, several times. */
export interface Archive {
  /** By name. */
  readonly files: ReadonlyMap<string, ArchivedFile>;
  close(): Promise<void>;
}

/** Beyond this many times its own size an archive does not unpack to what anybody made; deflate reaches 1032. */
const mostRatio = 200;
/** What any archive may unpack to, bytes: small ones of even text compress well. */
const alwaysAllowed = 64 * 1024 * 1024;
/**
 * Opens a zip or a tar. Nothing is unpacked yet. Closing it closes the source, and so does a failure.
 * @throws AppError `BadArchive`, naming the entry: it leads out of the archive, is no plain file, is there twice, or
 * unpacks to far more than it packs.
 */
export async function openArchive(source: Source): Promise<Archive> {
  try {
    const head = await source.read(0, 512);
    if (head.toString('latin1', 257, 262) === 'ustar') return await openTar(source);
    if (head.toString('latin1', 0, 2) === 'PK') return await openZip(source);
    throw bad('a zip or a tar', 'the archive', 'something else');
  } catch (error) {
    await source.close();
    throw error;
  }
}

const bad = (what: string, name: string, received: unknown): AppError =>
  new AppError('BadArchive', expected(what, name, received));

/** Refuses names that a careless program would write outside its folder, or twice. */
function checkName(name: string, files: ReadonlyMap<string, unknown>): void {
  const parts = name.split('/');
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
  if (/^[A-Za-z]:|\\|[\u0000-\u001f\u007f]/.test(name) || parts.some((part) => ['', '.', '..'].includes(part)))
    throw bad('a path inside the archive', 'the name of an entry', name);
  if (files.has(name)) throw bad('each name once', 'the entries', `${name} twice`);
}

async function openTar(source: Source): Promise<Archive> {
  const files = new Map<string, ArchivedFile>();
  for await (const { name, at, bytes } of tarFiles(source)) {
    checkName(name, files);
    files.set(
      name,
      archived(name, bytes, async () => piecesOf(source, at, at + bytes)),
    );
  }
  return { files, close: () => source.close() };
}

/** What yauzl reads from. */
function readerOf(source: Source): RandomAccessReader {
  const reader: RandomAccessReader = Object.create(RandomAccessReader.prototype);
  Object.assign(reader, { refCount: 0 });
  reader._readStreamForRange = (start, end) => Readable.from(piecesOf(source, start, end), { objectMode: false });
  return reader;
}

async function openZip(source: Source): Promise<Archive> {
  const options = { lazyEntries: true, autoClose: false, strictFileNames: true };
  const zip: ZipFile = await fromRandomAccessReaderPromise(readerOf(source), source.bytes, options).catch(
    (error: unknown) => {
      throw new AppError('BadArchive', expected('a sound zip', 'the archive', (error as Error).message), error);
    },
  );
  try {
    const files = new Map<string, ArchivedFile>();
    let [packed, unpacked] = [0, 0];
    for await (const entry of entriesOf(zip)) {
      const name = entry.fileName;
      if (name.endsWith('/')) {
        checkName(name.slice(0, -1), files);
        continue;
      }
      checkName(name, files);
      // The upper half holds the mode of Unix, whose first four bits tell files (8, or 0: not said) from links.
      const kind = entry.externalFileAttributes >>> 28;
      if (kind !== 8 && kind !== 0) throw bad('a plain file', name, kind === 10 ? 'a link' : `type ${kind}`);
      if (!entry.canDecodeFileData()) throw bad('a file that is stored or deflated', name, 'another form');
      packed += entry.compressedSize;
      unpacked += entry.uncompressedSize;
      if (packed > zip.fileSize) throw bad('entries that lie one behind the other', name, 'one that overlaps');
      if (unpacked > alwaysAllowed + mostRatio * packed)
        throw bad('an archive that unpacks to what it packs', name, `${entry.uncompressedSize} bytes`);
      files.set(
        name,
        archived(name, entry.uncompressedSize, () => zip.openReadStreamPromise(entry)),
      );
    }
    return {
      files,
      async close() {
        zip.close();
        await source.close();
      },
    };
  } catch (error) {
    zip.close();
    throw error;
  }
}

/** The entries, in order; what yauzl finds wrong with one is a bad archive. */
async function* entriesOf(zip: ZipFile): AsyncGenerator<Entry> {
  try {
    for await (const entry of zip.eachEntry()) yield entry;
  } catch (error) {
    if (error instanceof AppError) throw error;
    throw new AppError('BadArchive', expected('sound entries', 'the zip', (error as Error).message), error);
  }
}

function archived(name: string, bytes: number, open: () => Promise<AsyncIterable<Buffer>>): ArchivedFile {
  const pieces = async (take: (piece: Buffer) => void): Promise<void> => {
    try {
      for await (const piece of await open()) take(piece);
    } catch (error) {
      throw new AppError('BadArchive', expected(`${bytes} bytes`, name, (error as Error).message), error);
    }
  };
  return {
    name,
    bytes,
    async read(most) {
      if (bytes > most) throw bad(`at most ${most} bytes`, name, bytes);
      const whole: Buffer[] = [];
      await pieces((piece) => whole.push(piece));
      return Buffer.concat(whole);
    },
    async digest() {
      const hash = createHash('sha256');
      await pieces((piece) => hash.update(piece));
      return hash.digest('hex');
    },
  };
}
