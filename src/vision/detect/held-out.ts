import { foldOf } from '../train/split.ts';
import type { MarkedPicture } from './detector.ts';

/** So many pictures judge as well as more would, and each is looked at several times. */
const most = 400;
/** Fewer pictures with a label say nothing of how well it is found. */
const leastEach = 2;

/**
 * Which pictures, in order of their keys, are held out: a fifth, by a hash of each one's own key, so that adding or
 * removing others moves few; the first 400 of them; and for a label that is in fewer than two of these, the first others
 * that it is in, as long as twice as many are left to learn from.
 */
export function holdOut<T extends MarkedPicture>(
  pictures: readonly T[],
  classes: number,
): { readonly heldOut: T[]; readonly learned: T[] } {
  const sorted = pictures.toSorted((a, b) => (a.key < b.key ? -1 : 1));
  const chosen = new Set(sorted.filter(({ key }) => foldOf(key) === 0).slice(0, most));
  for (let label = 0; label < classes; label++) {
    const withLabel = sorted.filter(({ marked }) => marked.some((one) => one.label === label));
    const wanted = Math.min(leastEach, Math.floor(withLabel.length / 3));
    let lacking = wanted - withLabel.filter((one) => chosen.has(one)).length;
    for (const one of withLabel) {
      if (lacking <= 0) break;
      if (chosen.has(one)) continue;
      chosen.add(one);
      lacking--;
    }
  }
  return { heldOut: sorted.filter((one) => chosen.has(one)), learned: sorted.filter((one) => !chosen.has(one)) };
}
