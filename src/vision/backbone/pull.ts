import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { hasCode, makeDirectorySync, syncDirectory } from '../../base/durable.ts';
import { AppError, expected } from '../../base/errors.ts';
import type { BackboneEntry } from './registry.ts';

/** How a file is to be fetched. */
export interface Pulling {
  /** An address (http, https) or the path of a file, instead of the registered address. */
  readonly from?: string | undefined;
  /** Aborting leaves what came already for the next time. */
  readonly signal?: AbortSignal | undefined;
  /** Called with the bytes that are here, of `entry.bytes`. */
  readonly onProgress?: (bytes: number) => void;
  /** Milliseconds without a byte after which the server counts as gone. */
  readonly idleMs?: number;
}

/** What is kept beside a part: where it came from, and what tells that the rest belongs to it (RFC 9110, section 8.8). */
interface PartNote {
  readonly url: string;
  readonly validator: string;
}

const failed = (message: string, cause?: unknown): AppError => new AppError('PullFailed', message, cause);
/** A disk, a quota or a limit on the sizes of files is full. */
const fullCodes = ['ENOSPC', 'EDQUOT', 'EFBIG'];
const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;

/**
 * Fetches a backbone's file into `folder`. It gets its name only when it is, byte for byte, the registered one; other bytes
 * are removed. What came before a connection broke, a disk was full or it was aborted stays as `<file>.part`, and the next
 * call goes on from there if the server still has the same file. `false`: it was here already, and nobody was asked.
 * @throws AppError `PullFailed` saying what happened and what to do; the signal's reason.
 */
export async function pullBackbone(entry: BackboneEntry, folder: string, pulling: Pulling = {}): Promise<boolean> {
  const from = pulling.from ?? entry.url;
  if (from === undefined) throw failed(`expected an address to get ${entry.name} from: name one with --from`);
  makeDirectorySync(folder);
  const target = join(folder, entry.file);
  const [part, note] = [`${target}.part`, `${target}.part.json`];
  if ((await digestOf(target)) === entry.sha256) return false;
  try {
    if (/^https?:\/\//i.test(from)) await download(entry, from, part, note, pulling);
    else await copy(entry, from, part, pulling);
  } catch (error) {
    pulling.signal?.throwIfAborted();
    if (!hasCode(error, ...fullCodes)) throw error;
    throw failed(
      `the disk is full: ${entry.name} takes ${megabytes(entry.bytes)} in ${folder}. Make room and run it again: what came already is kept`,
      error,
    );
  }
  const sha256 = await digestOf(part);
  const { size } = await stat(part);
  if (sha256 !== entry.sha256 || size !== entry.bytes) {
    await rm(part, { force: true });
    await rm(note, { force: true });
    throw failed(
      `expected ${entry.bytes} bytes with SHA-256 ${entry.sha256} for ${entry.name} but received ${size} bytes with ${sha256}: they were removed`,
    );
  }
  await rename(part, target);
  await rm(note, { force: true });
  await syncDirectory(folder);
  return true;
}

/** The SHA-256 of a file; `undefined` when there is none. */
async function digestOf(path: string): Promise<string | undefined> {
  const hash = createHash('sha256');
  try {
    for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined;
    throw error;
  }
  return hash.digest('hex');
}

async function copy(entry: BackboneEntry, from: string, part: string, pulling: Pulling): Promise<void> {
  const source = await open(from).catch((error: unknown) => {
    throw failed(`the file ${from} cannot be read`, error);
  });
  await writePart(part, 0, source.createReadStream(), entry, pulling);
}

async function download(
  entry: BackboneEntry,
  url: string,
  part: string,
  note: string,
  pulling: Pulling,
): Promise<void> {
  const { idleMs = 30_000 } = pulling;
  const idle = new AbortController();
  let timer = setTimeout(() => idle.abort(), idleMs);
  const alive = (): void => {
    clearTimeout(timer);
    timer = setTimeout(() => idle.abort(), idleMs);
  };
  const signal = AbortSignal.any([idle.signal, ...(pulling.signal === undefined ? [] : [pulling.signal])]);
  const silent = (): AppError | undefined =>
    idle.signal.aborted ? failed(`${hostOf(url)} sent nothing for ${idleMs / 1000} s. ${goOn}`) : undefined;
  try {
    const begun = await readNote(note, url);
    let at = begun === undefined ? 0 : await sizeOf(part);
    // Compressed on the way it would have other bytes, and parts of others still.
    const headers = { 'accept-encoding': 'identity', 'user-agent': 'ownsight' };
    const more = begun && at > 0 && at < entry.bytes && { range: `bytes=${at}-`, 'if-range': begun.validator };
    const answer = await fetch(url, { headers: { ...headers, ...more }, signal }).catch((error: unknown) => {
      pulling.signal?.throwIfAborted();
      throw silent() ?? failed(`${hostOf(url)} cannot be reached${reasonOf(error)}. ${goOn}`, error);
    });
    if (answer.status !== 206 || !answer.headers.get('content-range')?.startsWith(`bytes ${at}-`)) at = 0;
    if (answer.status !== 200 && answer.status !== 206)
      throw failed(`expected the file of ${entry.name} at ${url} but the answer was ${answer.status}`);
    const length = Number(answer.headers.get('content-length') ?? entry.bytes - at);
    if (at + length !== entry.bytes)
      throw failed(expected(`${entry.bytes} bytes`, `${entry.name} at ${url}`, at + length));
    const validator = validatorOf(answer.headers);
    if (validator === undefined) await rm(note, { force: true });
    else await writeFile(note, JSON.stringify({ url, validator } satisfies PartNote), { mode: 0o600 });
    const body = (answer.body ?? []) as AsyncIterable<Uint8Array>;
    const broken = await writePart(part, at, body, entry, pulling, alive).then(
      () => undefined,
      (error: unknown) => error as Error,
    );
    pulling.signal?.throwIfAborted();
    if (broken instanceof AppError || hasCode(broken, ...fullCodes)) throw broken;
    const here = await sizeOf(part);
    if (broken !== undefined || here < entry.bytes)
      throw (
        silent() ??
        failed(
          `the connection to ${hostOf(url)} broke off: ${megabytes(here)} of ${megabytes(entry.bytes)} are here. ${goOn}`,
          broken,
        )
      );
  } finally {
    clearTimeout(timer);
  }
}

const goOn = 'Run it again: it goes on from there';
const hostOf = (url: string): string => new URL(url).host;

/** Why the system says that an address cannot be reached. */
function reasonOf(error: unknown): string {
  const code = ((error as Error).cause as { code?: unknown } | undefined)?.code;
  return typeof code === 'string' ? ` (${code})` : '';
}

/** What tells that the bytes are still the same: a strong entity tag, or a date. */
function validatorOf(headers: Headers): string | undefined {
  const tag = headers.get('etag');
  return (tag?.startsWith('"') ? tag : undefined) ?? headers.get('last-modified') ?? undefined;
}

const sizeOf = (path: string): Promise<number> =>
  stat(path).then(
    ({ size }) => size,
    () => 0,
  );

/** What is known of a part that came from this address. */
async function readNote(path: string, url: string): Promise<PartNote | undefined> {
  try {
    const note = JSON.parse(await readFile(path, 'utf8')) as PartNote;
    return note.url === url && typeof note.validator === 'string' ? note : undefined;
  } catch {
    return undefined;
  }
}

/** Writes pieces behind the first `at` bytes of a part, durably in the end; not more than the entry has. */
async function writePart(
  part: string,
  at: number,
  pieces: AsyncIterable<Uint8Array>,
  { name, bytes }: BackboneEntry,
  { signal, onProgress }: Pulling,
  onPiece: () => void = () => undefined,
): Promise<void> {
  const file: FileHandle = await open(part, at === 0 ? 'w' : 'r+', 0o600);
  try {
    await file.truncate(at);
    let end = at;
    for await (const piece of pieces) {
      signal?.throwIfAborted();
      onPiece();
      if (end + piece.length > bytes) throw failed(expected(`${bytes} bytes`, name, 'more'));
      await file.write(piece, 0, piece.length, end);
      end += piece.length;
      onProgress?.(end);
    }
    await file.sync();
  } finally {
    await file.close();
  }
}
