import { existsSync, globSync, readFileSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { foldOf } from '../train/split.ts';
import type { Vision } from '../vision.ts';

/** Where data and models too large for the repository lie. */
export const shared = process.env.OWNSIGHT_SHARED ?? fileURLToPath(new URL('../../../../shared', import.meta.url));
const data = `${shared}/data/clothing`;

/** Why tests on photographs of clothing cannot be run, if they cannot. */
export const withoutClothing = existsSync(data) ? false : 'needs the photographs of OWNSIGHT_SHARED/data/clothing';

/** Photographs of one part, with the folder they lie in as label. */
export const photographs = (part: 'train' | 'test') => {
  const files = globSync(`${data}/${part}/*/*`).sort();
  const labels = [...new Set(files.map((file) => basename(dirname(file))))];
  const targets = new Uint8Array(files.length * labels.length);
  for (const [row, file] of files.entries()) targets[row * labels.length + labels.indexOf(basename(dirname(file)))] = 1;
  return {
    ids: files.map((file) => basename(file)),
    bytes: files.map((file) => readFileSync(file)),
    classes: labels.length,
    targets,
  };
};

/** The photographs to learn from as a set, with their features on a backbone. */
export async function clothingSet(vision: Vision, backbone?: string) {
  const { ids, bytes, classes, targets } = photographs('train');
  const features = new Float32Array(ids.length * (await vision.backbone(backbone)).featureLength);
  for (const [row, values] of (await vision.features(bytes, { backbone })).entries())
    features.set(values, row * values.length);
  const folds = Uint8Array.from(ids, (id) => foldOf(id));
  const set = { kind: 'multiclass', classes, targets, folds, order: ids } as const;
  return { set, features, read: async (id: string) => bytes[ids.indexOf(id)]! };
}
