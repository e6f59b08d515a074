import type { RawBuilder } from 'kysely';
import type { Image, ImageTag } from '../domain/image.ts';
import type { Box, Region } from '../domain/region.ts';
import type { Queries } from './database.ts';
import { iterationImages } from './iterations.ts';
import type { KeyScope, Keys } from './keys.ts';
import { learnedRegions } from './learned-regions.ts';
import { openMetadata } from './metadata.ts';
import type { ImageRow, RegionRow } from './schema.ts';
import { openText } from './sealed.ts';
import { listIterationTags } from './tags.ts';

/** Which images: of the workspace, or of the iteration named. */
export interface ImageSelection {
  readonly projectId: string;
  readonly iterationId?: string | undefined;
  /** Images that carry any of these; empty = no such bound. */
  readonly tagIds?: readonly string[] | undefined;
  readonly status?: 'All' | 'Tagged' | 'Untagged' | undefined;
  /** Only those the iteration has a held-out result of. */
  readonly judged?: boolean;
  /** Only those whose metadata is like this: see `matches` of `metadata.ts`. */
  readonly metadata?: RawBuilder<boolean> | undefined;
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
  const { iterationId, tagIds = [], status = 'All', judged = false, ids, metadata } = selection;
  if (metadata) query = query.where(metadata);
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
        .$if(judged, (some) => some.where('iteration_images.scores', 'is not', null))
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

/** What images are labelled with, by image. */
interface Labels {
  readonly tags: Map<string, ImageTag[]>;
  readonly regions: Map<string, Region[]>;
}

/**
 * The nouns of image rows with their tags, regions and metadata. With `names` absent tag names are null, as in answers
 * to a creation. With `iterationId` the tags and regions are those of that iteration's time.
 */
export async function imagesFromRows(
  db: Queries,
  keys: Keys,
  scope: KeyScope,
  rows: readonly ImageRow[],
  options: { readonly names?: ReadonlyMap<string, string>; readonly iterationId?: string | undefined } = {},
): Promise<Image[]> {
  if (rows.length === 0) return [];
  const names = options.names ?? new Map<string, string>();
  const labels: Labels = { tags: new Map(), regions: new Map() };
  if (options.iterationId === undefined) await addLabels(labels, db, keys, scope, rows, names);
  else await addLearned(labels, db, keys, scope, rows, names, options.iterationId);
  return rows.map((row) => {
    return {
      id: row.id,
      projectId: row.project_id,
      created: row.created,
      width: row.width,
      height: row.height,
      tags: labels.tags.get(row.id) ?? [],
      regions: labels.regions.get(row.id) ?? [],
      metadata: openMetadata(keys, scope, row),
    };
  });
}

const addTo = <T>(lists: Map<string, T[]>, imageId: string, one: T): void => {
  const list = lists.get(imageId);
  if (list === undefined) lists.set(imageId, [one]);
  else list.push(one);
};

/** What images of the workspace are labelled with now. */
async function addLabels(
  { tags, regions }: Labels,
  db: Queries,
  keys: Keys,
  scope: KeyScope,
  images: readonly ImageRow[],
  names: ReadonlyMap<string, string>,
): Promise<void> {
  const ids = images.map((row) => row.id);
  const of = <T extends 'image_tags' | 'regions'>(table: T) =>
    db
      .selectFrom(table as 'regions')
      .selectAll()
      .where('image_id', 'in', ids)
      .orderBy('created')
      .execute();
  for (const { image_id, tag_id, created } of await of('image_tags'))
    addTo(tags, image_id, { tagId: tag_id, tagName: names.get(tag_id) ?? null, created });
  for (const row of await of('regions')) addTo(regions, row.image_id, regionFromRow(keys, scope, row, names));
}

/** What an iteration learned of images. */
async function addLearned(
  { tags, regions }: Labels,
  db: Queries,
  keys: Keys,
  scope: KeyScope,
  images: readonly ImageRow[],
  names: ReadonlyMap<string, string>,
  iterationId: string,
): Promise<void> {
  const createdOf = new Map(images.map((row) => [row.id, row.created]));
  const learned = await listIterationTags(db, iterationId);
  for (const row of await iterationImages(db, iterationId, [...createdOf.keys()])) {
    const created = createdOf.get(row.image_id) ?? 0;
    const label = (tagId: string) => ({ tagId, tagName: names.get(tagId) ?? null, created });
    for (const tagId of JSON.parse(row.tag_ids) as string[]) addTo(tags, row.image_id, label(tagId));
    for (const { id, position, box } of learnedRegions(keys, scope, row))
      addTo(regions, row.image_id, { id, imageId: row.image_id, ...label(learned[position]!.id), box });
  }
}
