import { sql } from 'kysely';
import type { Tag } from '../domain/tag.ts';
import type { Queries } from './database.ts';
import type { KeyScope, Keys } from './keys.ts';
import type { TagRow } from './schema.ts';
import { openText, openTextOrNull } from './sealed.ts';

/** A tag's row with how many images carry it. */
export type CountedTag = TagRow & { image_count: number };

/** How many images carry each tag of a workspace, or the one named. */
const carried = (projectId: string, id?: string) => {
  const one = id === undefined ? sql`` : sql`and tag.value = ${id} and instr(tag_ids, ${id}) > 0`;
  return sql<{ tag_id: string; images: number }>`(select tag.value as tag_id, sum(images) as images
    from tag_sets, json_each(tag_ids) tag where owner_id = ${projectId} ${one} group by tag.value)`.as<'carried'>(
    'carried',
  );
};

const counted = (db: Queries, projectId: string, id?: string) =>
  db
    .selectFrom('tags')
    .leftJoin(carried(projectId, id), 'carried.tag_id', 'tags.id')
    .selectAll('tags')
    .select((at) => at.fn.coalesce('carried.images', sql<number>`0`).as('image_count'))
    .where('tags.project_id', '=', projectId)
    .where('tags.workspace', '=', 1)
    .$if(id !== undefined, (one) => one.where('tags.id', '=', id!));

const learned = (db: Queries, iterationId: string) =>
  db
    .selectFrom('iteration_tags')
    .innerJoin('tags', 'tags.id', 'iteration_tags.tag_id')
    .selectAll('tags')
    .select('iteration_tags.image_count')
    .where('iteration_tags.iteration_id', '=', iterationId);

/** The workspace's tags with their image counts. */
export const listTags = (db: Queries, projectId: string): Promise<CountedTag[]> =>
  counted(db, projectId).orderBy('tags.created').orderBy('tags.id').execute();

/** One of them. */
export const findTag = (db: Queries, projectId: string, id: string): Promise<CountedTag | undefined> =>
  counted(db, projectId, id).executeTakeFirst();

/** The tags an iteration learned, in the order of its outputs, with the counts of that time. */
export const listIterationTags = (db: Queries, iterationId: string): Promise<CountedTag[]> =>
  learned(db, iterationId).orderBy('iteration_tags.position').execute();

/** One of them. */
export const findIterationTag = (db: Queries, iterationId: string, id: string): Promise<CountedTag | undefined> =>
  learned(db, iterationId).where('tags.id', '=', id).executeTakeFirst();

/** The workspace tag whose name has this lookup. */
export const tagByName = (db: Queries, projectId: string, lookup: string): Promise<{ id: string } | undefined> =>
  db
    .selectFrom('tags')
    .select('id')
    .where('project_id', '=', projectId)
    .where('name_lookup', '=', lookup)
    .where('workspace', '=', 1)
    .executeTakeFirst();

/** Ids and types of the workspace's tags, without opening anything. */
export const tagTypes = (db: Queries, projectId: string): Promise<Pick<TagRow, 'id' | 'type'>[]> =>
  db.selectFrom('tags').select(['id', 'type']).where('project_id', '=', projectId).where('workspace', '=', 1).execute();

/** The noun of a row, its texts opened. */
export function tagFromRow(keys: Keys, scope: KeyScope, row: CountedTag): Tag {
  return {
    id: row.id,
    projectId: row.project_id,
    name: openText(keys, scope, 'tags.name', row.id, row.name),
    description: openTextOrNull(keys, scope, 'tags.description', row.id, row.description),
    type: row.type,
    imageCount: Number(row.image_count),
  };
}
