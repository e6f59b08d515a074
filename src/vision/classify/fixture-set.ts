import { foldOf } from '../train/split.ts';
import type { ClassifierSet } from './classifier.ts';

/** Numbers of a normal distribution (sum of twelve even ones, less 6), always the same for a seed. For tests. */
export function normal(seed: number): () => number {
  let state = seed;
  const even = (): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
  return () => Array.from({ length: 12 }, even).reduce((sum, value) => sum + value, -6);
}

/**
 * What is to differ from 3 x 20 pictures of 8 features, clouds around (2, 0, ...), (0, 2, ...), (0, 0, 2, ...), 1 wide.
 */
export interface SetOptions {
  readonly kind?: ClassifierSet['kind'];
  readonly perClass?: readonly number[];
  readonly length?: number;
  /** Width of the clouds. */
  readonly width?: number;
  readonly seed?: number;
}

/** A set of pictures for tests: as many per label as said, one label each. */
export function cloudSet({
  kind = 'multiclass',
  perClass = [20, 20, 20],
  length = 8,
  width = 1,
  seed = 1,
}: SetOptions = {}): ClassifierSet {
  const random = normal(seed);
  const labels = perClass.flatMap((count, label) => new Array<number>(count).fill(label));
  const features = new Float32Array(labels.length * length);
  const targets = new Uint8Array(labels.length * perClass.length);
  for (const [row, label] of labels.entries()) {
    targets[row * perClass.length + label] = 1;
    for (let i = 0; i < length; i++) features[row * length + i] = width * random() + (i === label ? 2 : 0);
  }
  const order = labels.map((_, row) => `picture ${row}`);
  return {
    kind,
    classes: perClass.length,
    features,
    targets,
    folds: Uint8Array.from(order, (id) => foldOf(id)),
    order,
  };
}

/**
 * The same set with its pictures in another order: `rows[i]` is the old place of picture i. Fewer rows make a smaller
 * set.
 */
export function pick(set: ClassifierSet, rows: readonly number[]): ClassifierSet {
  const gather = <T extends Float32Array | Uint8Array>(values: T, size: number): T => {
    const out = values.slice(0, rows.length * size) as T;
    for (const [to, from] of rows.entries()) out.set(values.subarray(from * size, (from + 1) * size), to * size);
    return out;
  };
  return {
    ...set,
    features: gather(set.features, set.features.length / set.order.length),
    targets: gather(set.targets, set.classes),
    folds: gather(set.folds, 1),
    order: rows.map((row) => set.order[row]!),
  };
}
