import { newId } from '../base/id.ts';
import type { CreatedPairs } from '../domain/image.ts';
import { problem } from '../domain/problems.ts';
import type { Box, Region, RegionEntry } from '../domain/region.ts';
import type { Tx } from '../store/database.ts';
import { boxText, regionFromRow } from '../store/images.ts';
import { findProject, touchProject } from '../store/projects.ts';
import type { RegionRow } from '../store/schema.ts';
import { sealText } from '../store/sealed.ts';
import { tagTypes } from '../store/tags.ts';
import type { App, ProjectScope } from './context.ts';
import { requireImages } from './images.ts';
import { requireProject } from './projects.ts';
import { quotasOf } from './tiers.ts';

/** Refuses boxes without an area, or not within their picture. @throws AppError `BadRequestImageRegions`. */
export function checkBoxes(boxes: readonly Box[]): void {
  if (!boxes.every(boxFits))
    throw problem(
      'BadRequestImageRegions',
      'Expected left, top, width and height as parts of the image, 0 to 1, inside it.',
    );
}

/** A rounding error of 1e-4 is forgiven. */
const boxFits = ({ left, top, width, height }: Box): boolean =>
  left >= 0 && top >= 0 && width > 0 && height > 0 && left + width <= 1.0001 && top + height <= 1.0001;

/** A row for a new region. */
export function regionRow(app: Pick<App, 'keys' | 'clock'>, scope: ProjectScope, entry: RegionEntry): RegionRow {
  const id = newId();
  return {
    id,
    project_id: scope.projectId,
    image_id: entry.imageId,
    tag_id: entry.tagId,
    box: sealText(app.keys, scope, 'regions.box', id, boxText(entry.box)),
    created: app.clock.now(),
  };
}

/**
 * Puts regions on images of an object detection project, and their tags with them. An equal region of the same tag is
 * answered as duplicated, more on an image than the account's tier says as exceeded. @throws AppError `NotFoundProject`, `NotFoundImage`,
 * `NotFoundTag`, `BadRequestImageRegions`: then nothing is kept.
 */
export async function createRegions(
  app: Pick<App, 'db' | 'keys' | 'clock'>,
  scope: ProjectScope,
  entries: readonly RegionEntry[],
): Promise<CreatedPairs<RegionEntry, Region>> {
  const { projectId } = scope;
  checkBoxes(entries.map((entry) => entry.box));
  return app.db.transaction(async (tx) => {
    const project = await findProject(tx, scope.accountId, projectId);
    if (project === undefined) throw problem('NotFoundProject');
    if (project.classification_type !== null)
      throw problem(
        'BadRequestImageRegions',
        'Expected an object detection project: classification takes tags without regions.',
      );
    const tags = new Set((await tagTypes(tx, projectId)).map((tag) => tag.id));
    const imageIds = [...new Set(entries.map((entry) => entry.imageId))];
    await requireImages(tx, projectId, imageIds);
    if (entries.some((entry) => !tags.has(entry.tagId)))
      throw problem('NotFoundTag', 'A tag of the batch is not in the project.');
    const result = await addRegions(app, tx, scope, entries);
    await touchProject(tx, projectId, app.clock.now());
    return result;
  });
}

/**
 * {@link createRegions} for images and tags that are known to be there: the regions that an image has not got yet, with
 * their tags.
 */
export async function addRegions(
  app: Pick<App, 'keys' | 'clock'>,
  tx: Tx,
  scope: ProjectScope,
  entries: readonly RegionEntry[],
): Promise<CreatedPairs<RegionEntry, Region>> {
  const { regionsPerImage } = await quotasOf(tx, scope.accountId);
  const imageIds = [...new Set(entries.map((entry) => entry.imageId))];
  const present = (await tx.selectFrom('regions').selectAll().where('image_id', 'in', imageIds).execute()).map((row) =>
    regionFromRow(app.keys, scope, row, new Map()),
  );
  const created: Region[] = [];
  const duplicated: RegionEntry[] = [];
  const exceeded: RegionEntry[] = [];
  const sameAs = (entry: RegionEntry) => (region: Region) =>
    region.imageId === entry.imageId && region.tagId === entry.tagId && boxText(region.box) === boxText(entry.box);
  for (const entry of entries) {
    const all = [...present, ...created];
    if (all.some(sameAs(entry))) duplicated.push(entry);
    else if (all.filter((region) => region.imageId === entry.imageId).length >= regionsPerImage) exceeded.push(entry);
    else {
      await tx
        .insertInto('image_tags')
        .values({ image_id: entry.imageId, tag_id: entry.tagId, project_id: scope.projectId, created: app.clock.now() })
        .onConflict((conflict) => conflict.doNothing())
        .execute();
      const row = regionRow(app, scope, entry);
      await tx.insertInto('regions').values(row).execute();
      created.push(regionFromRow(app.keys, scope, row, new Map()));
    }
  }
  return { created, duplicated, exceeded };
}

/**
 * Removes regions; a tag goes off its image with its last region there.
 * @throws AppError `NotFoundProject`, `BadRequestInvalidIds` when none of them exists.
 */
export async function deleteRegions(
  app: Pick<App, 'db' | 'clock'>,
  scope: ProjectScope,
  regionIds: readonly string[],
): Promise<void> {
  await app.db.transaction(async (tx) => {
    await requireProject(tx, scope);
    const rows = await tx
      .selectFrom('regions')
      .select(['id', 'image_id', 'tag_id'])
      .where('project_id', '=', scope.projectId)
      .where('id', 'in', [...regionIds])
      .execute();
    if (rows.length === 0) throw problem('BadRequestInvalidIds', 'None of these regions is in the project.');
    await tx
      .deleteFrom('regions')
      .where(
        'id',
        'in',
        rows.map((row) => row.id),
      )
      .execute();
    for (const { image_id, tag_id } of rows) {
      const last = await tx
        .selectFrom('regions')
        .select('id')
        .where('image_id', '=', image_id)
        .where('tag_id', '=', tag_id)
        .executeTakeFirst();
      if (last === undefined)
        await tx.deleteFrom('image_tags').where('image_id', '=', image_id).where('tag_id', '=', tag_id).execute();
    }
    await touchProject(tx, scope.projectId, app.clock.now());
  });
}
