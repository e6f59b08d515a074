import { type RawBuilder, sql } from 'kysely';
import { tableCustody } from './custody.ts';
import type { Queries } from './database.ts';
import type { KeyScope } from './keys.ts';
import type { Tables } from './schema.ts';

/**
 * The tables that are erased with a project or account, children before parents: each comes after all that hang on it.
 */
export const erasureOrder: readonly (keyof Tables)[] = childrenFirst();

function childrenFirst(): (keyof Tables)[] {
  const order: (keyof Tables)[] = [];
  const left = new Set(
    (Object.keys(tableCustody) as (keyof Tables)[]).filter((table) => tableCustody[table].owner !== 'server'),
  );
  while (left.size > 0) {
    const free = [...left].filter((table) => ![...left].some((other) => hangsOn(other, table)));
    if (free.length === 0) throw new Error('expected tables to hang on each other without a circle but received one');
    for (const table of free) left.delete(table);
    order.push(...free);
  }
  return order;
}

function hangsOn(table: keyof Tables, parent: keyof Tables): boolean {
  return (tableCustody[table].hangsOn as readonly string[]).includes(parent);
}

/** Which rows of a table are a scope's; `undefined`: none can be. */
export function ofScope(table: keyof Tables, { accountId, projectId }: KeyScope): RawBuilder<boolean> | undefined {
  const columns: object = tableCustody[table].columns;
  if (projectId !== undefined) {
    // What belongs to the account may name a project without being the project's.
    if (tableCustody[table].owner === 'account') return undefined;
    if (table === 'projects') return sql`id = ${projectId}`;
    return 'project_id' in columns ? sql`project_id = ${projectId}` : undefined;
  }
  if (table === 'accounts') return sql`id = ${accountId}`;
  if (table === 'loose_blobs') return sql`key like ${`${accountId}/%`}`;
  if ('account_id' in columns) return sql`account_id = ${accountId}`;
  if (!('project_id' in columns)) return undefined;
  return sql`project_id in (select id from projects where account_id = ${accountId})`;
}

/** Removes up to `limit` rows of one table that are the scope's; returns how many. What hangs on them must be gone. */
export async function eraseRows(db: Queries, table: keyof Tables, scope: KeyScope, limit: number): Promise<number> {
  const where = ofScope(table, scope);
  if (where === undefined) return 0;
  const key = sql.join(tableCustody[table].key.map((column) => sql.ref(column)));
  const rows = sql`select ${key} from ${sql.table(table)} where ${where} limit ${limit}`;
  const result = await sql`delete from ${sql.table(table)} where (${key}) in (${rows})`.execute(db);
  return Number(result.numAffectedRows ?? 0);
}

/** How many rows of each table are the scope's, deleted ones that wait for their purge included. */
export async function countRows(db: Queries, scope: KeyScope): Promise<Record<keyof Tables, number>> {
  const counts: [string, number][] = [];
  for (const table of Object.keys(tableCustody) as (keyof Tables)[]) {
    const where = ofScope(table, scope);
    const result =
      where && (await sql<{ n: number }>`select count(*) as n from ${sql.table(table)} where ${where}`.execute(db));
    counts.push([table, Number(result?.rows[0]?.n ?? 0)]);
  }
  return Object.fromEntries(counts) as Record<keyof Tables, number>;
}
