import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { constants, gunzipSync, inflateRawSync } from 'node:zlib';
import sharp from 'sharp';
import { type Needle, searcher } from './needles.ts';

/** Where something was found: which file and, in archives, which part of it. */
export interface Hit {
  readonly kind: string;
  readonly encoding: string;
  readonly where: string;
}

/** What a scan looks for. */
export interface Wanted {
  readonly needles: readonly Needle[];
  /** Pictures, by what {@link lookOf} says of them. */
  readonly looks: readonly { readonly kind: string; readonly look: bigint }[];
}

/** Archives within archives are opened this deep. */
const deepest = 4;
/** Two pictures that differ in at most so many of 256 bits look alike; unrelated ones differ in 128, give or take 8 times 4. */
const alike = 40;

/** Looks for everything wanted in some bytes, in what is packed in them, and in pictures that begin anywhere in them. */
export async function scanBytes(wanted: Wanted, name: string, bytes: Buffer): Promise<Hit[]> {
  return scanInto(searcher(wanted.needles), wanted, name, bytes, 0);
}

/** The same for every file below some folders. Files that vanish meanwhile are passed over. */
export async function scanFolders(wanted: Wanted, folders: readonly string[]): Promise<Hit[]> {
  const search = searcher(wanted.needles);
  const hits: Hit[] = [];
  for (const folder of folders)
    for (const path of filesBelow(folder)) {
      const name = join(folder.split('/').at(-1)!, relative(folder, path));
      for (const hit of await scanInto(search, wanted, `the name of ${name}`, Buffer.from(name), deepest))
        hits.push(hit);
      const bytes = readOrNothing(path);
      // One by one: there may be more of them than a call takes arguments.
      if (bytes !== undefined) for (const hit of await scanInto(search, wanted, name, bytes, 0)) hits.push(hit);
    }
  return hits;
}

/** Every file below a folder. */
export const filesBelow = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));

function readOrNothing(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch {
    return undefined;
  }
}

type Search = ReturnType<typeof searcher>;

async function scanInto(search: Search, wanted: Wanted, name: string, bytes: Buffer, depth: number): Promise<Hit[]> {
  const hits: Hit[] = search(bytes).map(({ needle: { kind, encoding } }) => ({ kind, encoding, where: name }));
  if (depth < deepest)
    for (const [part, unpacked] of unpack(bytes))
      for (const hit of await scanInto(search, wanted, `${name} > ${part}`, unpacked, depth + 1)) hits.push(hit);
  for (const at of beginnings(bytes)) {
    const look = await lookOf(bytes.subarray(at)).catch(() => undefined);
    for (const one of look === undefined ? [] : wanted.looks)
      if (distance(one.look, look!) <= alike) hits.push({ kind: one.kind, encoding: 'a picture', where: name });
  }
  return hits;
}

/** What is packed by gzip or zip anywhere in some bytes. */
function* unpack(bytes: Buffer): Generator<[part: string, unpacked: Buffer]> {
  const lenient = { finishFlush: constants.Z_SYNC_FLUSH, maxOutputLength: 256 << 20 };
  for (let at = bytes.indexOf('1f8b08', 0, 'hex'); at >= 0; at = bytes.indexOf('1f8b08', at + 1, 'hex'))
    yield* attempt(`gzip at ${at}`, () => gunzipSync(bytes.subarray(at), lenient));
  for (let at = bytes.indexOf('PK\x03\x04'); at >= 0; at = bytes.indexOf('PK\x03\x04', at + 1)) {
    if (at + 30 > bytes.length || bytes.readUInt16LE(at + 8) !== 8) continue;
    const start = at + 30 + bytes.readUInt16LE(at + 26) + bytes.readUInt16LE(at + 28);
    yield* attempt(`zip at ${at}`, () => inflateRawSync(bytes.subarray(start), lenient));
  }
}

function* attempt(part: string, work: () => Buffer): Generator<[string, Buffer]> {
  try {
    const unpacked = work();
    if (unpacked.length > 0) yield [part, unpacked];
  } catch {
    // It only looked like one.
  }
}

/** Where JPEG, PNG and WebP files may begin. */
function* beginnings(bytes: Buffer): Generator<number> {
  for (const magic of ['ffd8ff', '89504e470d0a1a0a'])
    for (let at = bytes.indexOf(magic, 0, 'hex'); at >= 0; at = bytes.indexOf(magic, at + 1, 'hex')) yield at;
  for (let at = bytes.indexOf('WEBPVP8'); at >= 8; at = bytes.indexOf('WEBPVP8', at + 1)) yield at - 8;
}

/** What a picture looks like, whatever its size and quality: for 16 x 16 places whether it is lighter than its right neighbour. */
export async function lookOf(picture: Buffer): Promise<bigint> {
  const pixels = await sharp(picture, { failOn: 'none' }).greyscale().resize(17, 16, { fit: 'fill' }).raw().toBuffer();
  let look = 0n;
  for (let y = 0; y < 16; y++)
    for (let x = 0; x < 16; x++) look = (look << 1n) | (pixels[y * 17 + x]! > pixels[y * 17 + x + 1]! ? 1n : 0n);
  return look;
}

function distance(a: bigint, b: bigint): number {
  let bits = 0;
  for (let rest = a ^ b; rest > 0n; rest &= rest - 1n) bits++;
  return bits;
}
