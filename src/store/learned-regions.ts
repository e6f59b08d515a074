import type { Box } from '../domain/region.ts';
import { scoresId } from './iterations.ts';
import type { KeyScope, Keys } from './keys.ts';
import type { IterationImageRow, Sealed } from './schema.ts';
import { openText, sealText } from './sealed.ts';

/** A region as an iteration learns it. */
export interface LearnedRegion {
  readonly id: string;
  /** Its tag's place among those the iteration learns: 0, 1, 2 … */
  readonly position: number;
  readonly box: Box;
}

type Entry = readonly [position: number, left: number, top: number, width: number, height: number, id: string];

const kind = 'iteration_images.regions';

/** In an order that depends on nothing but what is marked. */
export const regionsInOrder = (regions: readonly LearnedRegion[]): LearnedRegion[] =>
  regions.toSorted(
    (a, b) =>
      a.position - b.position ||
      a.box.left - b.box.left ||
      a.box.top - b.box.top ||
      a.box.width - b.box.width ||
      a.box.height - b.box.height,
  );

/** What is recorded of the regions of an image that an iteration learns from; `null` without any. */
export function sealRegions(
  keys: Keys,
  scope: KeyScope,
  iterationId: string,
  imageId: string,
  regions: readonly LearnedRegion[],
): Sealed | null {
  if (regions.length === 0) return null;
  const entries = regions.map(
    ({ id, position, box }): Entry => [position, box.left, box.top, box.width, box.height, id],
  );
  return sealText(keys, scope, kind, scoresId(iterationId, imageId), JSON.stringify(entries));
}

/** The inverse of {@link sealRegions}. */
export function learnedRegions(
  keys: Keys,
  scope: KeyScope,
  row: Pick<IterationImageRow, 'iteration_id' | 'image_id' | 'regions'>,
): LearnedRegion[] {
  if (row.regions === null) return [];
  const entries = JSON.parse(
    openText(keys, scope, kind, scoresId(row.iteration_id, row.image_id), row.regions),
  ) as Entry[];
  return entries.map(([position, left, top, width, height, id]) => ({
    id,
    position,
    box: { left, top, width, height },
  }));
}
