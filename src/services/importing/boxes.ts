import type { Box } from '../../domain/region.ts';
import type { Fault } from './report.ts';
import type { SourceBox, SourcePicture } from './source.ts';

/** How far out of its picture a box may stand, as part of the picture; it is cut off there. */
const overhang = 0.02;

/** What a picture is labelled with, its boxes in parts of it. */
export interface Boxed {
  readonly tags: SourcePicture['tags'];
  readonly regions: readonly (SourcePicture['regions'][number] & { readonly fit?: Box })[];
}

/** The picture with those of its boxes that lie in it; of the others nothing comes. */
export function fitting(
  picture: SourcePicture,
  size: { readonly width: number; readonly height: number },
  faults: Fault[],
): Boxed {
  const regions = picture.regions.flatMap((region) => {
    const fit = fittingBox(region.box, size);
    if (fit !== undefined) return { ...region, fit };
    faults.push({
      fault: 'box',
      item: picture.item,
      code: 'BadRequestImageRegions',
      reason: `Expected a box inside the picture but received ${JSON.stringify(region.box)}.`,
    });
    return [];
  });
  return { tags: picture.tags, regions };
}

/** A box in parts of the picture, what stands out a little cut off; `undefined` when it is not in the picture. */
export function fittingBox(box: SourceBox, size: { readonly width: number; readonly height: number }): Box | undefined {
  let { left, top, width, height } = 'pixels' in box ? inParts(box.pixels, box.of ?? size) : box;
  if (![left, top, width, height].every(Number.isFinite) || width <= 0 || height <= 0) return undefined;
  const [right, bottom] = [left + width, top + height];
  if (left < -overhang || top < -overhang || right > 1 + overhang || bottom > 1 + overhang) return undefined;
  if (left < 0 || right > 1.0001) [left, width] = [Math.max(0, left), Math.min(1, right) - Math.max(0, left)];
  if (top < 0 || bottom > 1.0001) [top, height] = [Math.max(0, top), Math.min(1, bottom) - Math.max(0, top)];
  return width > 0 && height > 0 ? { left, top, width, height } : undefined;
}

const inParts = (
  [left, top, width, height]: readonly [number, number, number, number],
  of: { readonly width: number; readonly height: number },
): Box => ({ left: left / of.width, top: top / of.height, width: width / of.width, height: height / of.height });
