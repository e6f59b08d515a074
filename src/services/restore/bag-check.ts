import { createHash } from 'node:crypto';
import type { Archive, ArchivedFile } from '../../base/archive.ts';
import { AppError, expected } from '../../base/errors.ts';
import { layoutVersion } from '../takeout/layout.ts';

/** A file of a bag's payload whose bytes are those the manifest promises. */
export interface PayloadFile extends ArchivedFile {
  /** SHA-256 in hexadecimal. */
  readonly sha256: string;
}

/** A bag that was read to the end and found whole. */
export interface CheckedBag {
  /** By path below `data/`. */
  readonly payload: ReadonlyMap<string, PayloadFile>;
  /** What the archive itself says it lacks, by path below `data/`. */
  readonly missing: ReadonlySet<string>;
}

/** Bytes a manifest may have: three million files. */
export const mostText = 512 * 1024 * 1024;

/** What is wrong with an archive, naming the entry. */
export const badArchive = (what: string, entry: string, received: unknown): AppError =>
  new AppError('BadArchive', expected(what, entry, received));

/**
 * Reads a whole BagIt bag (RFC 8493) and holds each file against its manifest; what is there and what is listed must be
 * the same. Nothing is kept in memory but names and hashes.
 * @throws AppError `BadArchive`, naming the first entry that is wrong.
 */
export async function checkBag(
  { files }: Archive,
  { signal, onFile }: { readonly signal?: AbortSignal | undefined; readonly onFile?: (bytes: number) => void } = {},
): Promise<CheckedBag> {
  const folder = [...files.keys()].find((name) => /^[^/]+\/bagit\.txt$/.test(name))?.split('/')[0];
  if (folder === undefined) throw badArchive('bagit.txt in one folder', 'the archive', 'none');
  const manifest = await manifestOf(files, `${folder}/manifest-sha256.txt`);
  const tags = await manifestOf(files, `${folder}/tagmanifest-sha256.txt`);
  for (const name of ['bagit.txt', 'bag-info.txt', 'manifest-sha256.txt'])
    if (!tags.has(name)) throw badArchive(`${name} in the list`, `${folder}/tagmanifest-sha256.txt`, 'none');
  const wanted = new Map([...manifest, ...tags].map(([name, sha256]) => [`${folder}/${name}`, sha256]));
  for (const name of wanted.keys()) if (!files.has(name)) throw badArchive('a file that is listed', name, 'none');
  const payload = new Map<string, PayloadFile>();
  for (const [name, file] of files) {
    signal?.throwIfAborted();
    if (name === `${folder}/tagmanifest-sha256.txt`) continue;
    const sha256 = wanted.get(name);
    if (sha256 === undefined) throw badArchive('only files that are listed', name, 'one that is not');
    if ((await file.digest()) !== sha256) throw badArchive('the bytes that were put in', name, 'other ones');
    const below = name.slice(folder.length + 1);
    if (below.startsWith('data/')) payload.set(below.slice(5), { ...file, sha256 });
    onFile?.(file.bytes);
  }
  await checkInfo(files.get(`${folder}/bag-info.txt`)!, payload);
  return { payload, missing: await missingOf(payload) };
}

async function manifestOf(files: Archive['files'], name: string): Promise<Map<string, string>> {
  const file = files.get(name);
  if (file === undefined) throw badArchive('a list of files', name, 'none');
  const entries = new Map<string, string>();
  for (const line of (await file.read(mostText)).toString('utf8').split('\n')) {
    if (line === '') continue;
    const [, sha256, path] = /^([0-9a-f]{64}) [ *](.+)$/.exec(line) ?? [];
    if (sha256 === undefined || path === undefined || entries.has(path))
      throw badArchive('a SHA-256 and a path a line, each path once', name, line);
    entries.set(path, sha256);
  }
  return entries;
}

async function checkInfo(file: ArchivedFile, payload: ReadonlyMap<string, ArchivedFile>): Promise<void> {
  const text = (await file.read(1024 * 1024)).toString('utf8');
  const version = /^Ownsight-Layout: (.*)$/m.exec(text)?.[1];
  if (version !== layoutVersion) throw badArchive(`Ownsight-Layout ${layoutVersion}`, file.name, version ?? 'none');
  const octets = [...payload.values()].reduce((sum, one) => sum + one.bytes, 0);
  const oxum = /^Payload-Oxum: (.*)$/m.exec(text)?.[1];
  if (oxum !== undefined && oxum !== `${octets}.${payload.size}`)
    throw badArchive(`Payload-Oxum ${octets}.${payload.size}`, file.name, oxum);
}

async function missingOf(payload: ReadonlyMap<string, ArchivedFile>): Promise<Set<string>> {
  const file = payload.get('MISSING.json');
  if (file === undefined) return new Set();
  const list = parseJson((await file.read(mostText)).toString('utf8'), file.name);
  if (!Array.isArray(list)) throw badArchive('a list', file.name, list);
  return new Set(list.map((one: { readonly file?: unknown }) => String(one?.file)));
}

/** The JSON in a text. @throws AppError `BadArchive` naming where it stands. */
export function parseJson(text: string, where: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw badArchive('JSON', where, 'something else');
  }
}

/**
 * SHA-256 of what was read a second time: an archive may have been changed since it was checked. @throws AppError
 * `BadArchive`.
 */
export function assertSame(file: PayloadFile, bytes: Uint8Array): void {
  if (createHash('sha256').update(bytes).digest('hex') !== file.sha256)
    throw badArchive('the bytes that were checked', file.name, 'other ones');
}
