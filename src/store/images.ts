import { type RawBuilder, sql } from 'kysely';
import type { Image, ImageTag } from '../domain/image.ts';
import type { Box, Region } from '../domain/region.ts';
import type { Queries } from './database.ts';
import { iterationImages } from './iterations.ts';
import type { KeyScope, Keys } from './keys.ts';
import { learnedRegions } from './learned-regions.ts';
import { blockSize } from './lists.ts';
import { openMetadata } from './metadata.ts';
import type { ImageRow, RegionRow } from './schema.ts';
import { openText } from './sealed.ts';
import { listIterationTags } from './tags.ts';

/** Which images: of the workspace, or of the iteration named. */
export interface ImageSelection {
  readonly projectId: string;
  readonly iterationId?: string | undefined;
  /** Images that carry any of these; empty = no such bound. Of no meaning for those without tags. */
  readonly tagIds?: readonly string[] | undefined;
  readonly status?: 'All' | 'Tagged' | 'Untagged' | undefined;
  /** Only those the iteration has a held-out result of. */
  readonly judged?: boolean;
  /** Only those whose metadata is like this: see `matches` of `metadata.ts`. */
  readonly metadata?: RawBuilder<boolean> | undefined;
}

/** One page of a selection. */
export interface Page {
  readonly orderBy: 'Newest' | 'Oldest';
  readonly take: number;
  readonly skip: number;
}

/** The lists of `lists.ts` that hold a selection between them. */
function listsOf({ projectId, iterationId, tagIds = [], status = 'All' }: ImageSelection): string[] {
  const owner = iterationId ?? projectId;
  if (status === 'Untagged') return [`${owner}/untagged`];
  if (tagIds.length > 0) return [...new Set(tagIds)].map((id) => `${owner}/${id}`);
  if (status === 'Tagged') return [`${owner}/tagged`];
  return iterationId === undefined ? [`${owner}/all`] : [`${owner}/tagged`, `${owner}/untagged`];
}

/** The entries of a list that are in the selection. */
function entriesOf(list: string, { iterationId, judged = false, metadata }: ImageSelection): RawBuilder<unknown> {
  const hasResult = sql`and exists (select 1 from iteration_images learned where learned.iteration_id = ${iterationId}
    and learned.image_id = image_lists.image_id and learned.scores is not null)`;
  const isLike = sql`and exists (select 1 from images where images.id = image_lists.image_id and ${metadata})`;
  return sql`select created, image_id from image_lists where list = ${list}
    ${judged ? hasResult : sql``} ${metadata === undefined ? sql`` : isLike}`;
}

/**
 * A page of the selection by date, images of one date by their ids, so that no image is on two pages. However far down it
 * is, a page of one list costs the same. Of several lists together, or with a condition beside, all that is skipped is
 * walked over.
 */
export async function selectImages(db: Queries, selection: ImageSelection, page: Page): Promise<ImageRow[]> {
  const lists = listsOf(selection);
  const { take, skip } = page;
  const direction = sql.raw(page.orderBy === 'Newest' ? 'desc' : 'asc');
  const order = sql`order by created ${direction}, image_id ${direction}`;
  const one = (list: string): RawBuilder<unknown> => entriesOf(list, selection);
  const far = lists.length === 1 && !selection.judged && !selection.metadata && skip > blockSize;
  const found = far
    ? sql`${one(lists[0]!)} and ${fromBlock(page)} ${order} limit ${take} offset
        coalesce((select ${skip} - passed from block), 0)`
    : sql`${sql.join(lists.map(one), sql` union `)} ${order} limit ${take} offset ${skip}`;
  const { rows } = await sql<ImageRow>`with ${far ? sql`${blockAt(lists[0]!, page)},` : sql``} page as (${found})
    select images.* from page cross join images on images.id = page.image_id
    order by page.created ${direction}, page.image_id ${direction}`.execute(db);
  return rows;
}

/** The block of a list that the page begins in, where its neighbour on the way there begins, and how many images come before it. */
function blockAt(list: string, { orderBy, skip }: Page): RawBuilder<unknown> {
  const direction = sql.raw(orderBy === 'Newest' ? 'desc' : 'asc');
  return sql`block as (select start, before, upto - count as passed from (
      select start, count, lag(start) over way as before, sum(count) over way as upto
      from image_list_blocks where list = ${list} window way as (order by start ${direction}))
    where upto > ${skip} order by upto limit 1)`;
}

const fromBlock = ({ orderBy }: Page): RawBuilder<unknown> =>
  orderBy === 'Oldest'
    ? sql`created >= (select start from block)`
    : sql`created < (select coalesce(before, ${Number.MAX_SAFE_INTEGER}) from block)`;

/** How many images the selection has. */
export async function countSelected(db: Queries, selection: ImageSelection): Promise<number> {
  const { projectId, iterationId, tagIds = [], status = 'All', judged = false, metadata } = selection;
  if (metadata !== undefined) {
    const entries = listsOf(selection).map((list) => entriesOf(list, selection));
    const { rows } = await sql<{ n: number }>`select count(*) as n from (${sql.join(entries, sql` union `)})`.execute(
      db,
    );
    return rows[0]!.n;
  }
  let sets = db.selectFrom('tag_sets').where('owner_id', '=', iterationId ?? projectId);
  if (status === 'Untagged') sets = sets.where('tag_ids', '=', '[]');
  else if (tagIds.length > 0)
    sets = sets.where(({ or }) => or(tagIds.map((id) => sql<boolean>`instr(tag_ids, ${`"${id}"`}) > 0`)));
  else if (status === 'Tagged') sets = sets.where('tag_ids', '!=', '[]');
  const row = await sets
    .select((at) => at.fn.sum<number | null>(judged ? 'judged' : 'images').as('n'))
    .executeTakeFirstOrThrow();
  return Number(row.n ?? 0);
}

/** Those of these ids that the workspace has, or, where one is named, that the iteration learned from; in no order. */
export async function imagesByIds(
  db: Queries,
  { projectId, iterationId }: Pick<ImageSelection, 'projectId' | 'iterationId'>,
  ids: readonly string[],
): Promise<ImageRow[]> {
  if (ids.length === 0) return [];
  const there =
    iterationId === undefined
      ? sql`+workspace = 1`
      : sql`exists (select 1 from iteration_images where iteration_id = ${iterationId} and image_id = images.id)`;
  const { rows } = await sql<ImageRow>`select * from images
    where id in (${sql.join([...ids])}) and +project_id = ${projectId} and ${there}`.execute(db);
  return rows;
}

/** Which of these images of a workspace carry a tag. */
export async function taggedAmong(db: Queries, ids: readonly string[]): Promise<Set<string>> {
  const rows = await db
    .selectFrom('image_tags')
    .select('image_id')
    .distinct()
    .where('image_id', 'in', [...ids])
    .execute();
  return new Set(rows.map((row) => row.image_id));
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
