import { type RawBuilder, sql } from 'kysely';
import type { Micros } from '../base/clock.ts';
import { tableCustody } from './custody.ts';
import type { Queries, Tx } from './database.ts';
import type { KeyScope } from './keys.ts';
import type { Tables } from './schema.ts';

/** A row of any table, by its columns. */
export type AnyRow = Readonly<Record<string, unknown>>;

/**
 * Which rows are a project's, or an account's own (not its projects'); those deleted, but not removed yet, are none's.
 */
function ofOwner(table: keyof Tables, { accountId, projectId }: KeyScope): RawBuilder<boolean> {
  if (projectId === undefined) return table === 'accounts' ? sql`id = ${accountId}` : sql`account_id = ${accountId}`;
  if (table === 'projects') return sql`id = ${projectId}`;
  const kept = { images: 'iteration_images', tags: 'iteration_tags' } as const;
  if (table !== 'images' && table !== 'tags') return sql`project_id = ${projectId}`;
  const by = sql.ref(`${kept[table]}.${table.slice(0, -1)}_id`);
  return sql`project_id = ${projectId} and (workspace = 1
    or exists (select 1 from ${sql.table(kept[table])} where ${by} = ${sql.ref(`${table}.id`)}))`;
}

/**
 * The next `limit` rows of a table that are the scope's, by key, after the row `after`; those made after `until` are
 * left out.
 */
export async function pageOfRows(
  db: Queries,
  table: keyof Tables,
  scope: KeyScope,
  { after, until, limit }: { readonly after: AnyRow | undefined; readonly until: Micros; readonly limit: number },
): Promise<AnyRow[]> {
  const key: readonly string[] = tableCustody[table].key;
  const columns = sql.join(key.map((column) => sql.ref(column)));
  const rest = after === undefined ? sql`true` : sql`(${columns}) > (${sql.join(key.map((column) => after[column]))})`;
  const made = 'created' in tableCustody[table].columns ? sql`created <= ${until}` : sql`true`;
  const { rows } = await sql<AnyRow>`select * from ${sql.table(table)}
    where ${ofOwner(table, scope)} and ${made} and ${rest} order by ${columns} limit ${limit}`.execute(db);
  return rows;
}

/** Whether a row of this id is there, whoever's it is. */
export async function idsTaken(db: Queries, table: keyof Tables, ids: readonly string[]): Promise<boolean> {
  if (ids.length === 0) return false;
  const [key] = tableCustody[table].key;
  const { rows } = await sql`select 1 from ${sql.table(table)}
    where ${sql.ref(key)} in (${sql.join([...ids])}) limit 1`.execute(db);
  return rows.length > 0;
}

/** Adds rows to a table. @throws AppError `Conflict` when one is there already or refers to nothing. */
export async function insertRows(tx: Tx, table: keyof Tables, rows: readonly AnyRow[]): Promise<void> {
  if (rows.length === 0) return;
  await tx
    .insertInto(table as 'tags')
    .values(rows as unknown as Tables['tags'][])
    .execute();
}
