import type { View } from '../image/augment.ts';
import type { Box, Marked } from '../image/box.ts';

/** Less of a box than this in the view, by area, and it is not said what is there. */
const leastPart = 0.35;
/** Narrower or lower than this, in pixels of the view, and it is not said either. */
const leastPixels = 4;

/** What is marked in a view of a picture, and where something is seen that is too little to be said to be there. */
export function seen(
  marked: readonly Marked[],
  view: View,
  size: number,
): { readonly marked: Marked[]; readonly unsure: Box[] } {
  const result = { marked: [] as Marked[], unsure: [] as Box[] };
  for (const box of marked) {
    let left = (box.left - view.left) / view.width;
    const top = (box.top - view.top) / view.height;
    const [width, height] = [box.width / view.width, box.height / view.height];
    if (view.mirrored) left = 1 - left - width;
    const [l, t, r, b] = [Math.max(0, left), Math.max(0, top), Math.min(1, left + width), Math.min(1, top + height)];
    if (r <= l || b <= t) continue;
    const part = { left: l, top: t, width: r - l, height: b - t };
    const enough = part.width * part.height >= leastPart * width * height;
    if (enough && Math.min(part.width, part.height) * size >= leastPixels)
      result.marked.push({ ...part, label: box.label });
    else result.unsure.push(part);
  }
  return result;
}
