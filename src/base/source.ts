import { open } from 'node:fs/promises';

/** Bytes that can be read from any place, several times. */
export interface Source {
  /** How many there are. */
  readonly bytes: number;
  /** `length` bytes from `at` on; fewer only when there are no more. */
  read(at: number, length: number): Promise<Buffer>;
  close(): Promise<void>;
}

/** Read at once, bytes. */
const pieceBytes = 1024 * 1024;

/** A file as a {@link Source}. */
export async function fileSource(path: string): Promise<Source> {
  const file = await open(path);
  const { size } = await file.stat();
  return {
    bytes: size,
    async read(at, length) {
      const bytes = Buffer.allocUnsafe(length);
      const { bytesRead } = await file.read(bytes, 0, length, at);
      return bytes.subarray(0, bytesRead);
    },
    close: () => file.close(),
  };
}

/** The bytes from `from` to the one before `to`. @throws Error when the source became shorter. */
export async function* piecesOf(source: Source, from: number, to: number): AsyncGenerator<Buffer> {
  for (let at = from; at < to; ) {
    const piece = await source.read(at, Math.min(pieceBytes, to - at));
    if (piece.length === 0) throw new Error('the archive became shorter');
    yield piece;
    at += piece.length;
  }
}
