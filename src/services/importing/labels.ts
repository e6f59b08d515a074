import { newId } from '../../base/id.ts';
import type { Tx } from '../../store/database.ts';
import { boxText, regionFromRow } from '../../store/images.ts';
import type { ImageRow, RegionRow } from '../../store/schema.ts';
import { sealText } from '../../store/sealed.ts';
import { mostTags, tagConflict } from '../image-tags.ts';
import type { Ready } from './ready.ts';
import type { Fault } from './report.ts';
import { type Importing, placeIds, type Target } from './target.ts';

/** Adds those labels of a picture that its row lacks, as far as they go together with its own. */
export async function addLabels(
  app: Importing,
  tx: Tx,
  target: Target,
  row: ImageRow,
  ready: Ready,
): Promise<Fault | undefined> {
  const { scope, classificationType, quotas } = target;
  const { projectId } = scope;
  const carried = await tx
    .selectFrom('image_tags')
    .innerJoin('tags', 'tags.id', 'image_tags.tag_id')
    .select(['tags.id', 'tags.type'])
    .where('image_id', '=', row.id)
    .execute();
  const added = ready.tags.filter(({ tag }) => !carried.some((one) => one.id === tag.id));
  const all = [...carried, ...added.map(({ tag }) => tag)];
  const types = new Map(all.map((one) => [one.id, one.type]));
  if (added.length > 0 && tagConflict([...types.keys()], types, mostTags(classificationType, quotas)) !== undefined)
    return {
      fault: 'labels',
      item: ready.picture.item,
      code: 'ErrorTagLimitExceed',
      reason: 'The same picture is there with other tags, which do not go together with these.',
    };
  if (added.length > 0)
    await tx
      .insertInto('image_tags')
      .values(
        added.map(({ tag, created }) => ({
          image_id: row.id,
          tag_id: tag.id,
          project_id: projectId,
          created: created ?? app.clock.now(),
        })),
      )
      .execute();
  if (ready.regions.length === 0) return undefined;
  const there = (await tx.selectFrom('regions').selectAll().where('image_id', '=', row.id).execute()).map((one) =>
    regionFromRow(app.keys, scope, one, new Map()),
  );
  const free = await freeRegionIds(app, tx, target, ready.regions);
  for (const region of ready.regions) {
    const { box } = regionFromRow(app.keys, scope, region, new Map());
    const isThere = there.some((one) => one.tagId === region.tag_id && boxText(one.box) === boxText(box));
    if (isThere || there.length >= quotas.regionsPerImage) continue;
    const id = free.get(region.id)!;
    const fresh = {
      ...region,
      id,
      image_id: row.id,
      box: sealText(app.keys, scope, 'regions.box', id, boxText(box)),
      created: region.created || app.clock.now(),
    };
    await tx.insertInto('regions').values(fresh).execute();
    there.push(regionFromRow(app.keys, scope, fresh, new Map()));
  }
  return undefined;
}

async function freeRegionIds(
  app: Importing,
  tx: Tx,
  { scope }: Target,
  regions: readonly RegionRow[],
): Promise<Map<string, string>> {
  const placed = await placeIds(
    app,
    tx,
    scope,
    'regions',
    regions.map((one) => one.id),
  );
  return new Map([...placed].map(([id, one]) => [id, one.present ? newId() : one.id]));
}
