/** A rectangle in a picture: parts of its width and height, 0..1, as Azure's regions. */
export interface Box {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** Something that is marked in a picture: a box and its label, 0..classes-1. */
export interface Marked extends Box {
  readonly label: number;
}

/** Something that was found in a picture. */
export interface Found extends Marked {
  /** 0..1 */
  readonly score: number;
}

/** The area two boxes share as a part of the area they cover together, 0..1. */
export function overlap(a: Box, b: Box): number {
  const width = Math.min(a.left + a.width, b.left + b.width) - Math.max(a.left, b.left);
  const height = Math.min(a.top + a.height, b.top + b.height) - Math.max(a.top, b.top);
  if (width <= 0 || height <= 0) return 0;
  const shared = width * height;
  return shared / (a.width * a.height + b.width * b.height - shared);
}

/** When boxes of one label count as the same thing, and how many of a label are kept. */
export interface Suppression {
  /** Overlap above which the lower score gives way. */
  readonly overlap: number;
  readonly most: number;
}

/** Found in the same place is found once: the best of each heap of overlapping boxes of one label, best first. */
export function suppress(found: readonly Found[], { overlap: limit, most }: Suppression): Found[] {
  const kept: Found[] = [];
  const counts = new Map<number, number>();
  // Equal scores keep the order they came in: sort is stable.
  for (const one of found.toSorted((a, b) => b.score - a.score)) {
    const count = counts.get(one.label) ?? 0;
    if (count >= most || kept.some((other) => other.label === one.label && overlap(other, one) > limit)) continue;
    kept.push(one);
    counts.set(one.label, count + 1);
  }
  return kept;
}
