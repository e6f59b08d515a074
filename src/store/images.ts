import type { Image } from '../domain/image.ts';
import type { Box, Region } from '../domain/region.ts';
import type { Queries } from './database.ts';
import type { KeyScope, Keys } from './keys.ts';
import type { ImageRow, RegionRow } from './schema.ts';
import { openText, openTextOrNull } from './sealed.ts';

/** Which images: of the workspace, or of the iteration named. */
export interface ImageSelection {
  readonly projectId: string;
  readonly iterationId?: string | undefined;
  /** Images that carry any of these; empty = no such bound. */
  readonly tagIds?: readonly string[] | undefined;
  readonly status?: 'All' | 'Tagged' | 'Untagged' | undefined;
  /** Only these. */
  readonly ids?: readonly string[] | undefined;
}

/** One page of a selection. */
export interface Page {
  readonly orderBy: 'Newest' | 'Oldest';
  readonly take: number;
  readonly skip: number;
}

function selected(db: Queries, selection: ImageSelection) {
  let query = db.selectFrom('images').where('images.project_id', '=', selection.projectId);
  const { iterationId, tagIds = [], status = 'All', ids } = selection;
  if (ids) query = query.where('images.id', 'in', [...ids]);
  if (iterationId === undefined) {
    query = query.where('images.workspace', '=', 1);
    const tagged = db
      .selectFrom('image_tags')
      .select('image_tags.image_id')
      .where('image_tags.project_id', '=', selection.projectId)
      .$if(status !== 'Untagged' && tagIds.length > 0, (some) => some.where('image_tags.tag_id', 'in', [...tagIds]));
    if (status === 'Untagged') query = query.where('images.id', 'not in', tagged);
    else if (status === 'Tagged' || tagIds.length > 0) query = query.where('images.id', 'in', tagged);
  } else {
    query = query.where(
      'images.id',
      'in',
      db
        .selectFrom('iteration_images')
        .select('iteration_images.image_id')
        .where('iteration_images.iteration_id', '=', iterationId)
        .$if(status === 'Untagged', (none) => none.where('iteration_images.tag_ids', '=', '[]'))
        .$if(status === 'Tagged', (some) => some.where('iteration_images.tag_ids', '!=', '[]'))
        .$if(tagIds.length > 0, (some) =>
          some.where(({ or, eb }) => or(tagIds.map((id) => eb('iteration_images.tag_ids', 'like', `%"${id}"%`)))),
        ),
    );
  }
  return query;
}

/** A page of the selection. */
export const selectImages = (db: Queries, selection: ImageSelection, page: Page): Promise<ImageRow[]> =>
  selected(db, selection)
    .selectAll('images')
    .orderBy('images.created', page.orderBy === 'Newest' ? 'desc' : 'asc')
    .limit(page.take)
    .offset(page.skip)
    .execute();

/** How many images the selection has. */
export async function countSelected(db: Queries, selection: ImageSelection): Promise<number> {
  const row = await selected(db, selection)
    .select((at) => at.fn.countAll<number>().as('n'))
    .executeTakeFirstOrThrow();
  return Number(row.n);
}

/** The workspace image with this digest. */
export const imageByDigest = (db: Queries, projectId: string, digest: string): Promise<ImageRow | undefined> =>
  db
    .selectFrom('images')
    .selectAll()
    .where('project_id', '=', projectId)
    .where('digest', '=', digest)
    .where('workspace', '=', 1)
    .executeTakeFirst();

/**
 * An image of the project: of the workspace, or kept by an iteration that learned from it. What nothing keeps is gone,
 * whether it is purged yet or not.
 */
export const findImage = (db: Queries, projectId: string, id: string): Promise<ImageRow | undefined> =>
  db
    .selectFrom('images')
    .selectAll()
    .where('project_id', '=', projectId)
    .where('id', '=', id)
    .where((at) =>
      at.or([
        at('workspace', '=', 1),
        at.exists(at.selectFrom('iteration_images').select('image_id').whereRef('image_id', '=', 'images.id')),
      ]),
    )
    .executeTakeFirst();

/** How many images of these ids there are, as {@link findImage} finds them. */
export async function countPresent(db: Queries, projectId: string, ids: readonly string[]): Promise<number> {
  const row = await db
    .selectFrom('images')
    .select((at) => at.fn.countAll<number>().as('n'))
    .where('project_id', '=', projectId)
    .where('id', 'in', [...ids])
    .where((at) =>
      at.or([
        at('workspace', '=', 1),
        at.exists(at.selectFrom('iteration_images').select('image_id').whereRef('image_id', '=', 'images.id')),
      ]),
    )
    .executeTakeFirstOrThrow();
  return Number(row.n);
}

const parseBox = (text: string): Box => {
  const [left, top, width, height] = JSON.parse(text) as [number, number, number, number];
  return { left, top, width, height };
};

/** What a region's box is sealed as. */
export const boxText = (box: Box): string => JSON.stringify([box.left, box.top, box.width, box.height]);

/** The noun of a region's row; `names` gives the tag's name. */
export const regionFromRow = (
  keys: Keys,
  scope: KeyScope,
  row: RegionRow,
  names: ReadonlyMap<string, string>,
): Region => ({
  id: row.id,
  imageId: row.image_id,
  tagId: row.tag_id,
  tagName: names.get(row.tag_id) ?? null,
  box: parseBox(openText(keys, scope, 'regions.box', row.id, row.box)),
  created: row.created,
});

/**
 * The nouns of image rows with their tags, regions and metadata. With `names` absent tag names are null, as in answers
 * to a creation. With `iterationId` the tags are those of that iteration's time.
 */
export async function imagesFromRows(
  db: Queries,
  keys: Keys,
  scope: KeyScope,
  rows: readonly ImageRow[],
  options: { readonly names?: ReadonlyMap<string, string>; readonly iterationId?: string | undefined } = {},
): Promise<Image[]> {
  if (rows.length === 0) return [];
  const ids = rows.map((row) => row.id);
  const names = options.names ?? new Map<string, string>();
  const tags = new Map<string, { tagId: string; tagName: string | null; created: number }[]>();
  const add = (imageId: string, tagId: string, created: number): void => {
    const list = tags.get(imageId) ?? [];
    list.push({ tagId, tagName: names.get(tagId) ?? null, created });
    tags.set(imageId, list);
  };
  if (options.iterationId === undefined) {
    const links = await db
      .selectFrom('image_tags')
      .selectAll()
      .where('image_id', 'in', ids)
      .orderBy('created')
      .execute();
    for (const link of links) add(link.image_id, link.tag_id, link.created);
  } else {
    const created = new Map(rows.map((row) => [row.id, row.created]));
    const links = await db
      .selectFrom('iteration_images')
      .select(['image_id', 'tag_ids'])
      .where('iteration_id', '=', options.iterationId)
      .where('image_id', 'in', ids)
      .execute();
    for (const link of links)
      for (const tagId of JSON.parse(link.tag_ids) as string[])
        add(link.image_id, tagId, created.get(link.image_id) ?? 0);
  }
  const regions = new Map<string, Region[]>();
  for (const row of await db
    .selectFrom('regions')
    .selectAll()
    .where('image_id', 'in', ids)
    .orderBy('created')
    .execute()) {
    const list = regions.get(row.image_id) ?? [];
    list.push(regionFromRow(keys, scope, row, names));
    regions.set(row.image_id, list);
  }
  return rows.map((row) => {
    const metadata = openTextOrNull(keys, scope, 'images.metadata', row.id, row.metadata);
    return {
      id: row.id,
      projectId: row.project_id,
      created: row.created,
      width: row.width,
      height: row.height,
      tags: tags.get(row.id) ?? [],
      regions: regions.get(row.id) ?? [],
      metadata: metadata === null ? null : (JSON.parse(metadata) as Record<string, string>),
    };
  });
}
