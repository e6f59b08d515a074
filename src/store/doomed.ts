import { type RawBuilder, sql } from 'kysely';
import type { Kind } from './custody-words.ts';
import type { Queries } from './database.ts';
import { sharesOf } from './holdings.ts';
import type { Tables } from './schema.ts';

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
export function doomedByImages(db: Queries, of: DoomedImages): Promise<Doomed[]> {
  const all = picked(of);
  const unkept = sql<boolean>`not exists (select 1 from iteration_images kept where kept.image_id = one.id)`;
  const ids = sql`select one.id from images one where ${all}`;
  return measure(db, [
    ...ofImages(of.allIterations ? all : sql`${all} and ${unkept}`),
    ['image_tags', sql`one.image_id in (${ids})`],
    ['regions', sql`one.image_id in (${ids})`],
    ...(of.allIterations ? ([['iteration_images', sql`one.image_id in (${ids})`]] satisfies Selection[]) : []),
  ]);
}

/** What is removed for good when a tag is deleted; the tag itself stays while an iteration that learned it does. */
export const doomedByTag = (db: Queries, tagId: string): Promise<Doomed[]> =>
  measure(db, [
    ['tags', sql`one.id = ${tagId} and not exists (select 1 from iteration_tags kept where kept.tag_id = one.id)`],
    ['image_tags', sql`one.tag_id = ${tagId}`],
    ['regions', sql`one.tag_id = ${tagId}`],
  ]);

/** What is removed for good when an iteration is deleted, the deleted images and tags included that only it still kept. */
export function doomedByIteration(db: Queries, iterationId: string): Promise<Doomed[]> {
  const onlyItKeeps = (table: 'iteration_images' | 'iteration_tags', column: string): RawBuilder<boolean> => {
    const [kept, name] = [sql.table(table), sql.ref(`kept.${column}`)];
    return sql`one.workspace = 0
      and exists (select 1 from ${kept} kept where kept.iteration_id = ${iterationId} and ${name} = one.id)
      and not exists (select 1 from ${kept} kept where kept.iteration_id != ${iterationId} and ${name} = one.id)`;
  };
  const own = sql<boolean>`one.iteration_id = ${iterationId}`;
  return measure(db, [
    ['iterations', sql`one.id = ${iterationId}`],
    ['iteration_tags', own],
    ['iteration_images', own],
    ['exports', own],
    ...ofImages(onlyItKeeps('iteration_images', 'image_id')),
    ['tags', onlyItKeeps('iteration_tags', 'tag_id')],
  ]);
}

/** What is removed when exports or stored predictions of these ids are deleted. */
export const doomedByIds = (
  db: Queries,
  table: 'exports' | 'predictions',
  projectId: string,
  ids: readonly string[],
): Promise<Doomed[]> => measure(db, [[table, picked({ projectId, ids })]]);

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
