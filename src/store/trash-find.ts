import { sql } from 'kysely';
import type { Micros } from '../base/clock.ts';
import type { Queries } from './database.ts';
import type { KeyScope } from './keys.ts';
import type { Table } from './trash-shape.ts';

/** The trashed iteration that has this model, or whose own id it is. */
export async function trashedByModel(
  db: Queries,
  modelId: string,
): Promise<(Required<KeyScope> & { iterationId: string }) | undefined> {
  return db
    .selectFrom('trash_rows')
    .innerJoin('projects', 'projects.id', 'trash_rows.project_id')
    .select(['projects.id as projectId', 'projects.account_id as accountId', 'trash_rows.row_id as iterationId'])
    .where('trash_rows.kind', '=', 'iterations')
    .where(sql`coalesce(json_extract(trash_rows.row, '$.model_id'), trash_rows.row_id)`, '=', modelId)
    .executeTakeFirst();
}

/** Whether an iteration that is in the trash learned from any of these images. */
export async function isLearnedInTrash(db: Queries, imageIds: readonly string[]): Promise<boolean> {
  const row = await db
    .selectFrom('trash_rows as one')
    .innerJoin('trash_rows as iteration', 'iteration.row_id', 'one.iteration_id')
    .select('one.row_id')
    .where('iteration.kind', '=', 'iterations')
    .where('one.kind', '=', 'iteration_images')
    .where('one.image_id', 'in', [...imageIds])
    .limit(1)
    .executeTakeFirst();
  return row !== undefined;
}

/** Whose trash a row is in; `undefined` when it is in none. */
export async function scopeOfTrashed(db: Queries, table: Table, id: string): Promise<Required<KeyScope> | undefined> {
  return db
    .selectFrom('trash_rows')
    .innerJoin('projects', 'projects.id', 'trash_rows.project_id')
    .select(['projects.id as projectId', 'projects.account_id as accountId'])
    .where('trash_rows.kind', '=', table)
    .where('trash_rows.row_id', '=', id)
    .executeTakeFirst();
}

/** A row of the trash: its key in its table, and itself as `TrashedRow` has it. */
export interface TrashedText {
  readonly row_id: string;
  readonly row: string;
}

/** The next rows of a table that are in a project's trash since `until` or longer, by key, after the key `after`. */
export const pageOfTrashed = (
  db: Queries,
  of: {
    readonly projectId: string;
    readonly table: Table;
    readonly after: string;
    readonly until: Micros;
    readonly limit: number;
  },
): Promise<TrashedText[]> =>
  db
    .selectFrom('trash_rows')
    .innerJoin('trash', 'trash.id', 'trash_rows.item_id')
    .select(['trash_rows.row_id', 'trash_rows.row'])
    .where('trash_rows.kind', '=', of.table)
    .where('trash_rows.row_id', '>', of.after)
    .where('trash_rows.project_id', '=', of.projectId)
    .where('trash.trashed', '<=', of.until)
    .orderBy('trash_rows.row_id')
    .limit(of.limit)
    .execute();
