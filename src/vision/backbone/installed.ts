import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { hasCode } from '../../base/durable.ts';
import { AppError, expected } from '../../base/errors.ts';
import { fingerprintOf } from './load.ts';
import { type BackboneEntry, builtIn, pixelScales, pullable } from './registry.ts';

/** A backbone whose file is there. */
export interface Installed {
  readonly entry: BackboneEntry;
  /** Where its file lies; `undefined`: it came with the program. */
  readonly folder: string | undefined;
}

/** What is said of a backbone by whoever uses it. */
export interface BackboneFacts {
  /** As {@link referenceTo}. */
  readonly reference: string | null;
  /** Names the backbone and its preprocessing: features of different fingerprints must not be mixed. */
  readonly fingerprint: string;
  /** How many numbers describe a picture. */
  readonly featureLength: number;
}

/** On which backbone. */
export interface BackboneChoice {
  /** The name of an installed one, or a reference to it; the built-in one without. */
  readonly backbone?: string | null | undefined;
}

/** What a backbone may be called. */
export const backboneName = /^[a-z0-9][a-z0-9._-]{0,62}$/;

/**
 * The name by which what was learned on a backbone finds that very one again, whatever else may bear its name later:
 * `name@fingerprint`; `null` for the built-in one.
 */
export const referenceTo = (entry: BackboneEntry): string | null =>
  entry === builtIn ? null : `${entry.name}@${fingerprintOf(entry)}`;

/** The name in a reference, or in a name. */
export const nameIn = (reference: string | null): string => reference?.split('@')[0] ?? builtIn.name;

/** What is known of a backbone. */
export const factsOf = (entry: BackboneEntry): BackboneFacts => ({
  reference: referenceTo(entry),
  fingerprint: fingerprintOf(entry),
  featureLength: entry.featureLength,
});

/** The file beside a network of the user's own that tells how it is to be used. */
export const entryFile = (name: string): string => `${name}.json`;

/** The backbones that can be used: the built-in one, then those whose files lie in `folder`, by name. */
export async function installedBackbones(folder: string | undefined): Promise<Installed[]> {
  const own: Installed[] = [{ entry: builtIn, folder: undefined }];
  if (folder === undefined) return own;
  const names = await readdir(folder).catch((error: unknown) => {
    if (hasCode(error, 'ENOENT')) return [];
    throw error;
  });
  const added = names.filter((name) => name.endsWith('.json') && backboneName.test(name));
  const entries = [...pullable, ...(await Promise.all(added.map((name) => readEntry(join(folder, name)))))];
  const there = await Promise.all(entries.map((entry) => isThere(join(folder, entry.file))));
  const found = entries.filter((_, i) => there[i]).sort((a, b) => (a.name < b.name ? -1 : 1));
  return [...own, ...found.map((entry) => ({ entry, folder }))];
}

const isThere = (path: string): Promise<boolean> =>
  stat(path).then(
    (file) => file.isFile(),
    () => false,
  );

/**
 * The installed backbone of a name, or the very one of a reference; the built-in one for none.
 * @throws AppError `BadRequestOperationNotSupported` when it is not here, saying how to get it.
 */
export async function findBackbone(wanted: string | null | undefined, folder: string | undefined): Promise<Installed> {
  if (wanted === undefined || wanted === null || wanted === builtIn.name) return { entry: builtIn, folder: undefined };
  const [name, fingerprint] = wanted.split('@') as [string, string | undefined];
  const found = (await installedBackbones(folder)).find(({ entry }) => entry.name === name);
  if (found !== undefined && (fingerprint === undefined || fingerprintOf(found.entry) === fingerprint)) return found;
  throw new AppError('BadRequestOperationNotSupported', missing(name, fingerprint, found));
}

/** Why a backbone cannot be used, and what to do. */
function missing(name: string, fingerprint: string | undefined, other: Installed | undefined): string {
  const which = fingerprint === undefined ? name : `${name} (SHA-256 ${fingerprint.split('/')[0]}…)`;
  const known = pullable.find(
    (entry) => entry.name === name && (fingerprint === undefined || fingerprintOf(entry) === fingerprint),
  );
  const remedy =
    known === undefined
      ? `add its file with "ownsight models add FILE --name ${name}"`
      : `run "ownsight models pull ${name}"`;
  const there = other === undefined ? 'is not on this server' : 'is another one on this server';
  return `The backbone ${which} ${there}: ${remedy} there.`;
}

/** What the file beside an added network says. @throws AppError `BadBackbone`. */
async function readEntry(path: string): Promise<BackboneEntry> {
  const bad = (received: unknown): AppError =>
    new AppError('BadBackbone', expected('the description of an added network', path, received));
  let entry: BackboneEntry;
  try {
    entry = JSON.parse(await readFile(path, 'utf8')) as BackboneEntry;
  } catch {
    throw bad('something else');
  }
  const texts = [entry?.name, entry?.file, entry?.sha256, entry?.licence];
  const numbers = [entry?.bytes, entry?.size, entry?.featureLength];
  const sound =
    texts.every((text) => typeof text === 'string') &&
    backboneName.test(entry.name) &&
    !/[/\\]/.test(entry.file) &&
    numbers.every((number) => Number.isSafeInteger(number) && number > 0) &&
    Object.hasOwn(pixelScales, entry.pixels) &&
    Array.isArray(entry.outputs);
  if (!sound) throw bad('other values');
  return entry;
}
