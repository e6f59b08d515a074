import { sql } from 'kysely';
import type { BlobKind } from './blobs.ts';
import { blobCustody, type SealedColumn, tableCustody } from './custody.ts';
import type { Queries } from './database.ts';
import type { Tables } from './schema.ts';

/** The rows that must have a blob of this kind, each with that blob's id. */
export async function rowsWithBlob(db: Queries, kind: BlobKind): Promise<{ id: string; projectId: string }[]> {
  const { hangsOn, has, named } = blobCustody[kind] as { hangsOn: 'images'; has: Has; named?: string };
  const id = named === undefined ? sql<string>`id` : sql<string>`coalesce(${sql.ref(named)}, id)`;
  let rows = db.selectFrom(hangsOn).select([id.as('id'), 'project_id as projectId']);
  if (has !== 'always')
    for (const [column, value] of Object.entries(has)) rows = rows.where(sql.ref(column), '=', value);
  return [...(await rows.execute()), ...(await trashedWithBlob(db, kind))];
}

/** Those that were moved to the trash. */
async function trashedWithBlob(db: Queries, kind: BlobKind): Promise<{ id: string; projectId: string }[]> {
  const { hangsOn, has, named } = blobCustody[kind] as { hangsOn: 'images'; has: Has; named?: string };
  const id = named === undefined ? sql`null` : sql`json_extract(row, ${sql.lit(`$.${named}`)})`;
  let rows = db
    .selectFrom('trash_rows')
    .select([sql<string>`coalesce(${id}, row_id)`.as('id'), 'project_id as projectId'])
    .where('kind', '=', hangsOn);
  // Images and tags stay in their tables, and are only marked.
  rows = rows.where('row', '!=', '{}');
  if (has !== 'always')
    for (const [column, value] of Object.entries(has))
      rows = rows.where(sql`json_extract(row, ${sql.lit(`$.${column}`)})`, '=', value);
  return rows.execute();
}

type Has = 'always' | Readonly<Record<string, string | number>>;

/** One sealed value of a row. */
export interface SealedValue {
  /** Id of the account or project whose key seals it. */
  readonly scopeId: string;
  /** `<table>.<column>`, and the row: what the ciphertext is bound to. */
  readonly kind: string;
  readonly id: string;
  readonly bytes: Buffer;
}

/** The sealed values of up to `limit` rows of every table. */
export async function sealedSamples(db: Queries, limit: number): Promise<SealedValue[]> {
  const values: SealedValue[] = [];
  for (const table of Object.keys(tableCustody) as (keyof Tables)[]) {
    const { columns, key } = tableCustody[table];
    const sealed = Object.entries(columns).filter(([, held]) => held.startsWith('sealed')) as [string, SealedColumn][];
    if (sealed.length === 0) continue;
    const { rows } = await sql<Record<string, unknown>>`select * from ${sql.table(table)} limit ${limit}`.execute(db);
    for (const row of rows) {
      const id = key.map((column) => row[column]).join('/');
      for (const [column, held] of sealed) {
        const bytes = row[column] as Buffer | null;
        if (bytes !== null) values.push({ scopeId: scopeId(table, row, held), kind: `${table}.${column}`, id, bytes });
      }
    }
  }
  return values;
}

function scopeId(table: keyof Tables, row: Record<string, unknown>, held: SealedColumn): string {
  if (table === 'accounts' || table === 'projects') return row.id as string;
  return (held === 'sealed by account key' ? row.account_id : row.project_id) as string;
}
