import { type RawBuilder, sql } from 'kysely';
import type { Micros } from '../base/clock.ts';
import type { Queries } from './database.ts';

/** Tables whose rows have a time of their own, also in the trash. */
export type Ending = 'predictions' | 'exports';

/** Since when that time counts. */
const sinceColumn = { predictions: 'created', exports: 'modified' } as const;
/** Written as in the indexes of the migration, so that they are used. */
const since = (table: Ending): RawBuilder<number> => sql`json_extract(row, ${sql.lit(`$.${sinceColumn[table]}`)})`;
const ending = (table: Ending): RawBuilder<boolean> =>
  table === 'predictions'
    ? sql`kind = 'predictions'`
    : sql`kind = 'exports' and json_extract(row, '$.status') <> 'Exporting'`;

/** Since when the time of the oldest counts that is in the trash of a project, or in one item of it. */
export async function oldestTrashed(
  db: Queries,
  table: Ending,
  { projectId, itemId }: { readonly projectId: string; readonly itemId?: string },
): Promise<Micros | undefined> {
  const own = itemId === undefined ? sql`true` : sql`item_id = ${itemId}`;
  const { rows } = await sql<{ since: Micros | null }>`select min(${since(table)}) as since from trash_rows
    where project_id = ${projectId} and ${ending(table)} and ${own}`.execute(db);
  return rows[0]?.since ?? undefined;
}

/** What in a project's trash is as old as `until` or older. */
export async function trashedUntil(
  db: Queries,
  table: Ending,
  projectId: string,
  until: Micros,
): Promise<{ readonly row_id: string; readonly item_id: string; readonly status: string | null }[]> {
  const { rows } = await sql<{ row_id: string; item_id: string; status: string | null }>`
    select row_id, item_id, json_extract(row, '$.status') as status from trash_rows
    where project_id = ${projectId} and ${ending(table)} and ${since(table)} <= ${until}`.execute(db);
  return rows;
}

/** How many rows of a table an item holds. */
export async function countInItem(db: Queries, table: Ending, itemId: string): Promise<number> {
  const row = await db
    .selectFrom('trash_rows')
    .select((at) => at.fn.countAll<number>().as('n'))
    .where('item_id', '=', itemId)
    .where('kind', '=', table)
    .executeTakeFirstOrThrow();
  return Number(row.n);
}

/** Lets what is dated after `latest`, by a clock that was ahead, begin its time at `now`. */
export async function redateTrashed(db: Queries, projectId: string, latest: Micros, now: Micros): Promise<void> {
  for (const table of ['predictions', 'exports'] as const)
    await sql`update trash_rows set row = json_set(row, ${sql.lit(`$.${sinceColumn[table]}`)}, ${now})
      where project_id = ${projectId} and ${ending(table)} and ${since(table)} > ${latest}`.execute(db);
}
