import { type RawBuilder, sql } from 'kysely';
import type { Kind } from './custody-words.ts';
import type { Queries } from './database.ts';
import { sharesOf } from './holdings.ts';
import type { Tables } from './schema.ts';
import { keptInTrash } from './trash-items.ts';

/** Rows of a table: those for which `where`, over the alias `one`, holds. */
type Selection = readonly [table: keyof Tables, where: RawBuilder<boolean>];

/** How much of a kind goes. */
export interface Doomed {
  readonly kind: Kind;
  readonly count: number;
  /** As they lie there, ciphertext and all. */
  readonly bytes: number;
}

/** Which images a deletion is about. */
export interface DoomedImages {
  readonly projectId: string;
  /** All of the project when absent. */
  readonly ids?: readonly string[] | undefined;
  /** Out of every iteration's record as well. */
  readonly allIterations: boolean;
}

const picked = ({ projectId, ids }: Pick<DoomedImages, 'projectId' | 'ids'>): RawBuilder<boolean> =>
  ids === undefined
    ? sql`one.project_id = ${projectId}`
    : sql`one.project_id = ${projectId} and one.id in (${sql.join([...ids])})`;

/** What of an image goes with it. */
const ofImages = (images: RawBuilder<boolean>): Selection[] => {
  const ids = sql`select one.id from images one where ${images}`;
  return [
    ['images', images],
    ['image_features', sql`one.image_id in (${ids})`],
  ];
};

/** What is removed for good when images are deleted: all of those no iteration keeps, and tags and regions of the rest. */
export async function doomedByImages(db: Queries, of: DoomedImages): Promise<Doomed[]> {
  const all = picked(of);
  const unkept = sql<boolean>`not exists (select 1 from iteration_images kept where kept.image_id = one.id)
    and not ${keptInTrash('image_id', sql.ref('one.id'))}`;
  const marked = sql`exists (select 1 from trash_rows t where t.kind = 'images' and t.row_id = one.id)`;
  const ids = sql`select one.id from images one where ${all}`;
  const found = await measure(db, [
    ...ofImages(of.allIterations ? sql`${all} and not ${marked}` : sql`${all} and ${unkept}`),
    ['image_tags', sql`one.image_id in (${ids})`],
    ['suggestions', sql`one.image_id in (${ids})`],
    ['regions', sql`one.image_id in (${ids})`],
    ...(of.allIterations ? ([['iteration_images', sql`one.image_id in (${ids})`]] satisfies Selection[]) : []),
  ]);
  return of.allIterations
    ? added(found, await measureTrashed(db, sql`one.kind = 'iteration_images' and one.image_id in (${ids})`))
    : found;
}

/** What is removed for good when a tag is deleted; the tag itself stays while an iteration that learned it does. */
export const doomedByTag = (db: Queries, tagId: string): Promise<Doomed[]> =>
  measure(db, [
    [
      'tags',
      sql`one.id = ${tagId} and not exists (select 1 from iteration_tags kept where kept.tag_id = one.id)
      and not ${keptInTrash('tag_id', sql.ref('one.id'))}`,
    ],
    ['image_tags', sql`one.tag_id = ${tagId}`],
    ['regions', sql`one.tag_id = ${tagId}`],
  ]);

/** What is removed for good when an iteration is deleted, the deleted images and tags included that only it still kept. */
export async function doomedByIteration(db: Queries, iterationId: string): Promise<Doomed[]> {
  const onlyItKeeps = (
    table: 'iteration_images' | 'iteration_tags',
    column: 'image_id' | 'tag_id',
  ): RawBuilder<boolean> => {
    const [kept, name] = [sql.table(table), sql.ref(`kept.${column}`)];
    return sql`one.workspace = 0
      and exists (select 1 from ${kept} kept where kept.iteration_id = ${iterationId} and ${name} = one.id)
      and not exists (select 1 from ${kept} kept where kept.iteration_id != ${iterationId} and ${name} = one.id)
      and not exists (select 1 from trash_rows t where ${sql.ref(`t.${column}`)} = one.id and t.keeps = 1
        and t.iteration_id is distinct from ${iterationId})`;
  };
  const own = sql<boolean>`one.iteration_id = ${iterationId}`;
  const found = await measure(db, [
    ['iterations', sql`one.id = ${iterationId}`],
    ['iteration_tags', own],
    ['iteration_images', own],
    ['suggestions', own],
    ['exports', own],
    ...ofImages(onlyItKeeps('iteration_images', 'image_id')),
    ['tags', onlyItKeeps('iteration_tags', 'tag_id')],
  ]);
  return added(found, await measureTrashed(db, sql`one.iteration_id = ${iterationId}`));
}

/** What is removed for good when an item of the trash is, the images and tags included that nothing else keeps. */
export async function doomedByItem(db: Queries, itemId: string): Promise<Doomed[]> {
  const onlyItKeeps = (table: 'iteration_images' | 'iteration_tags', column: 'image_id' | 'tag_id') =>
    sql<boolean>`one.workspace = 0
      and one.id in (select ${sql.ref(column)} from trash_rows where item_id = ${itemId} and keeps = 1)
      and not exists (select 1 from ${sql.table(table)} kept where ${sql.ref(`kept.${column}`)} = one.id)
      and not ${keptInTrash(column, sql.ref('one.id'), itemId)}`;
  const found = await measure(db, [
    ...ofImages(onlyItKeeps('iteration_images', 'image_id')),
    ['tags', onlyItKeeps('iteration_tags', 'tag_id')],
  ]);
  return added(found, await measureTrashed(db, sql`one.item_id = ${itemId}`));
}

/** How many images and tags of an item stay when it is removed for good, because something else keeps them. */
export async function keptOfItem(db: Queries, itemId: string): Promise<{ images: number; tags: number }> {
  const count = async (table: 'images' | 'tags', kept: string, column: 'image_id' | 'tag_id'): Promise<number> => {
    const { rows } = await sql<{ n: number }>`select count(*) as n from trash_rows one
      where one.item_id = ${itemId} and one.kind = ${table} and (
        exists (select 1 from ${sql.table(kept)} k where ${sql.ref(`k.${column}`)} = one.row_id)
        or ${keptInTrash(column, sql.ref('one.row_id'), itemId)})`.execute(db);
    return Number(rows[0]?.n ?? 0);
  };
  return {
    images: await count('images', 'iteration_images', 'image_id'),
    tags: await count('tags', 'iteration_tags', 'tag_id'),
  };
}

/** What is removed when exports or stored predictions of these ids are deleted. */
export const doomedByIds = (
  db: Queries,
  table: 'exports' | 'predictions',
  projectId: string,
  ids: readonly string[],
): Promise<Doomed[]> => measure(db, [[table, picked({ projectId, ids })]]);

/** How many of each kind are in the trash that belong to an iteration which is not. */
export async function trashedOfIteration(db: Queries, iterationId: string): Promise<Readonly<Record<string, number>>> {
  const found = await measureTrashed(db, sql`one.iteration_id = ${iterationId}`);
  return Object.fromEntries(found.map(({ kind, count }) => [kind, count]));
}

/** Both, kind by kind. */
function added(some: readonly Doomed[], more: readonly Doomed[]): Doomed[] {
  const sums = new Map(some.map((one) => [one.kind, one]));
  for (const one of more) {
    const before = sums.get(one.kind) ?? { kind: one.kind, count: 0, bytes: 0 };
    sums.set(one.kind, { ...before, count: before.count + one.count, bytes: before.bytes + one.bytes });
  }
  return [...sums.values()];
}

/** Rows in the trash by the table they are of, and their blobs. Bytes as they lie in the trash. */
async function measureTrashed(db: Queries, where: RawBuilder<unknown>): Promise<Doomed[]> {
  const moved = await sql<Doomed>`select one.kind, count(*) as count, sum(octet_length(one.row)) as bytes
    from trash_rows one where ${where} and one.kind not in ('images', 'tags')
    group by one.kind order by one.kind`.execute(db);
  const blobs = await measure(db, [['trash_rows', sql`${where}`]]);
  return [...moved.rows, ...blobs.filter(({ kind }) => kind !== 'trash_rows')];
}

/** Rows and blobs of each selection, counted. Kinds of which there is nothing are left out. */
async function measure(db: Queries, selections: readonly Selection[]): Promise<Doomed[]> {
  const found: Doomed[] = [];
  for (const [table, where] of selections)
    for (const share of sharesOf(table)) {
      const [count, bytes] = [sql.raw(share.count('one')), sql.raw(share.bytes('one'))];
      const { rows } = await sql<{ count: number; bytes: number }>`
        select coalesce(sum(${count}), 0) as count, coalesce(sum(${bytes}), 0) as bytes
        from ${sql.table(table)} one where ${where}`.execute(db);
      const [row] = rows;
      if (row !== undefined && row.count > 0) found.push({ kind: share.kind, ...row });
    }
  return found;
}
