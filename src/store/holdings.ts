import { type Kysely, sql } from 'kysely';
import type { BlobKind } from './blobs.ts';
import { blobCustody, tableCustody } from './custody.ts';
import type { Queries } from './database.ts';
import { ofScope } from './erase.ts';
import { type KeyScope, sealOverhead } from './keys.ts';
import type { HoldingRow, Tables } from './schema.ts';

/**
 * How much there is of each kind, without counting: a row of `holdings` per project (or account) and kind, kept by
 * triggers inside the very transactions that change what is counted. The triggers are made from the custody tables, so
 * no table and no kind of blob can be forgotten.
 */

/** What is counted: every table that is somebody's, and every kind of blob. What the server keeps for itself is small. */
export const counted = (Object.keys(tableCustody) as (keyof Tables)[]).filter(
  (table) => tableCustody[table].owner !== 'server',
);

/** What one row of a table adds to one kind: SQL over `row`, `new` or `old`. */
interface Share {
  readonly kind: keyof Tables | BlobKind;
  readonly count: (row: string) => string;
  readonly bytes: (row: string) => string;
  readonly deleted: (row: string) => string;
}

const columnsOf = (table: keyof Tables): [string, string][] => Object.entries(tableCustody[table].columns);
/** Columns whose length differs from row to row. */
const isText = (held: string): boolean =>
  held.startsWith('sealed') || ['id', 'ids', 'word', 'lookup', 'row'].includes(held);
const blobKindsOf = (table: keyof Tables): BlobKind[] =>
  (Object.keys(blobCustody) as BlobKind[]).filter((kind) => blobCustody[kind].hangsOn === table);

/** What the rows of a table count to: the table itself, and the kinds of blob that hang on it. */
export function sharesOf(table: keyof Tables): Share[] {
  const columns = columnsOf(table);
  const names = columns.map(([name]) => name);
  const deleted = (row: string): string =>
    names.includes('workspace')
      ? `(1 - ${row}.workspace)`
      : names.includes('deleted')
        ? `(${row}.deleted is not null)`
        : '0';
  const lengths = (row: string): string =>
    columns.map(([name, held]) => (isText(held) ? `coalesce(octet_length(${row}.${name}), 0)` : '8')).join(' + ');
  const rows: Share = { kind: table, count: () => '1', bytes: (row) => `(${lengths(row)})`, deleted };
  const blobs =
    table === 'trash_rows'
      ? trashedBlobs()
      : blobKindsOf(table).map((kind): Share => {
          const { has, size } = blobCustody[kind];
          const conditions = conditionsOf(has);
          const there = (row: string): string =>
            conditions.length === 0
              ? '1'
              : `(${conditions.map(([name, value]) => `${row}.${name} = '${value}'`).join(' and ')})`;
          return {
            kind,
            count: there,
            bytes: (row) => `(${there(row)} * (${row}.${size} + ${sealOverhead}))`,
            deleted: (row) => `(${there(row)} * ${deleted(row)})`,
          };
        });
  return [rows, ...blobs];
}

/** The blobs of rows that were moved to the trash: their sizes are in the row as it was. */
function trashedBlobs(): Share[] {
  const moved = (Object.keys(blobCustody) as BlobKind[]).filter(
    (kind) => !('workspace' in tableCustody[blobCustody[kind].hangsOn].columns),
  );
  return moved.map((kind) => {
    const { hangsOn, has, size } = blobCustody[kind];
    const value = (row: string, column: string): string => `json_extract(${row}.row, '$.${column}')`;
    const there = (row: string): string =>
      [
        `${row}.kind = '${hangsOn}'`,
        ...conditionsOf(has).map(([name, wanted]) => `${value(row, name)} = '${wanted}'`),
      ].join(' and ');
    const count = (row: string): string => `(case when ${there(row)} then 1 else 0 end)`;
    return {
      kind,
      count,
      bytes: (row) => `(case when ${there(row)} then ${value(row, size)} + ${sealOverhead} else 0 end)`,
      deleted: count,
    };
  });
}

const conditionsOf = (has: 'always' | Readonly<Record<string, string | number>>): [string, string | number][] =>
  has === 'always' ? [] : Object.entries(has);

/** Whose holdings a row counts to: its project's, or its account's. */
function scopeOf(table: keyof Tables): { readonly owners: 'accounts' | 'projects'; readonly column: string } {
  if (table === 'projects') return { owners: 'projects', column: 'id' };
  if (table === 'accounts') return { owners: 'accounts', column: 'id' };
  return tableCustody[table].owner === 'account'
    ? { owners: 'accounts', column: 'account_id' }
    : { owners: 'projects', column: 'project_id' };
}

const kindsOf = (owners: 'accounts' | 'projects'): Share['kind'][] => [
  ...new Set(
    counted
      .filter((table) => scopeOf(table).owners === owners)
      .flatMap((table) => sharesOf(table).map(({ kind }) => kind)),
  ),
];

/** The three triggers of a table, by name. */
function triggersOf(table: keyof Tables): Map<string, string> {
  const { column } = scopeOf(table);
  const shares = sharesOf(table);
  const add = (row: 'new' | 'old', sign: '+' | '-'): string =>
    shares
      .map(
        ({ kind, count, bytes, deleted }) =>
          `update holdings set count = count ${sign} ${count(row)}, bytes = bytes ${sign} ${bytes(row)}, deleted = deleted ${sign} ${deleted(row)} where scope_id = ${row}.${column} and kind = '${kind}';`,
      )
      .join(' ');
  const changing = columnsOf(table)
    .filter(([name, held]) => isText(held) || isCondition(table, name))
    .map(([name]) => name);
  const born =
    table === 'accounts' || table === 'projects'
      ? kindsOf(table)
          .map(
            (kind) =>
              `insert into holdings values (new.id, new.${table === 'accounts' ? 'id' : 'account_id'}, '${kind}', 0, 0, 0);`,
          )
          .join(' ')
      : '';
  const gone =
    table === 'projects'
      ? 'delete from holdings where scope_id = old.id;'
      : table === 'accounts'
        ? 'delete from holdings where account_id = old.id;'
        : '';
  const trigger = (when: 'insert' | 'update' | 'delete', of: string, body: string): [string, string] => {
    const name = `holdings_${table}_${when}`;
    return [name, `create trigger ${name} after ${when}${of} on ${table} begin ${body} end`];
  };
  return new Map([
    trigger('insert', '', `${born} ${add('new', '+')}`),
    trigger('update', ` of ${changing.join(', ')}`, `${add('old', '-')} ${add('new', '+')}`),
    trigger('delete', '', `${add('old', '-')} ${gone}`),
  ]);
}

/** Whether a change of this column changes what is there, how large it is, or whether it is deleted. */
function isCondition(table: keyof Tables, name: string): boolean {
  if (name === 'workspace' || name === 'deleted') return true;
  return blobKindsOf(table).some(
    (kind) => blobCustody[kind].size === name || (blobCustody[kind].has !== 'always' && name in blobCustody[kind].has),
  );
}

/** What the holdings must be, counted row by row: for making them, and for proving them. A kind may be in several tables. */
const recount = (): string =>
  `select scope_id, account_id, kind, sum(count) as count, sum(bytes) as bytes, sum(deleted) as deleted from (${counted.map(countTable).join(' union all ')}) group by scope_id, account_id, kind`;

function countTable(table: keyof Tables): string {
  const { owners, column } = scopeOf(table);
  const present = `one.${tableCustody[table].key[0]} is not null`;
  const sum = (value: string): string => `coalesce(sum(case when ${present} then ${value} else 0 end), 0)`;
  return sharesOf(table)
    .map(
      ({ kind, count, bytes, deleted }) =>
        `select owner.id as scope_id, owner.${owners === 'accounts' ? 'id' : 'account_id'} as account_id, '${kind}' as kind, ${sum(count('one'))} as count, ${sum(bytes('one'))} as bytes, ${sum(deleted('one'))} as deleted from ${owners} owner left join ${table} one on one.${column} = owner.id group by owner.id`,
    )
    .join(' union all ');
}

/**
 * Makes the triggers that are missing or were made by another version of the custody tables, and counts anew what they
 * keep; does nothing when all is as it should be. For the start, after the migrations.
 */
export async function keepHoldings(database: Kysely<Tables>): Promise<void> {
  const wanted = new Map(counted.map((table) => [table, triggersOf(table)]));
  const outdated = async (db: Queries): Promise<(keyof Tables)[]> => {
    const { rows } = await sql<{ name: string; sql: string }>`
      select name, sql from sqlite_master where type = 'trigger' and name like 'holdings_%'`.execute(db);
    const found = new Map(rows.map((row) => [row.name, row.sql.toLowerCase()]));
    return counted.filter((table) =>
      [...wanted.get(table)!].some(([name, text]) => found.get(name) !== text.toLowerCase()),
    );
  };
  if ((await outdated(database)).length === 0) return;
  await database.transaction().execute(async (tx) => {
    for (const table of await outdated(tx)) {
      for (const [name, text] of wanted.get(table)!) {
        await sql.raw(`drop trigger if exists ${name}`).execute(tx);
        await sql.raw(text).execute(tx);
      }
    }
    await sql
      .raw(
        `insert into holdings (scope_id, account_id, kind, count, bytes, deleted) select * from (${recount()}) where true on conflict (scope_id, kind) do update set count = excluded.count, bytes = excluded.bytes, deleted = excluded.deleted`,
      )
      .execute(tx);
  });
}

/** An account's holdings, its projects' included; those of projects that wait for their purge too. */
export const holdingsOf = (db: Queries, accountId: string): Promise<HoldingRow[]> =>
  db.selectFrom('holdings').selectAll().where('account_id', '=', accountId).execute();

/** What the server keeps for itself of an account or project, counted: rows and bytes of each such table. */
export async function countOwn(
  db: Queries,
  scope: KeyScope,
): Promise<Pick<HoldingRow, 'kind' | 'count' | 'bytes' | 'deleted'>[]> {
  const found = [];
  for (const table of Object.keys(tableCustody) as (keyof Tables)[]) {
    const where = tableCustody[table].owner === 'server' ? ofScope(table, scope) : undefined;
    if (where === undefined) continue;
    const bytes = sql.raw(sharesOf(table)[0]!.bytes(table));
    const { rows } = await sql<{ count: number; bytes: number }>`
      select count(*) as count, coalesce(sum(${bytes}), 0) as bytes from ${sql.table(table)} where ${where}`.execute(
      db,
    );
    found.push({ kind: table, deleted: 0, ...rows[0]! });
  }
  return found;
}

/** All holdings, counted row by row. Reads everything: to prove what the triggers keep. */
export async function countHoldings(db: Queries): Promise<HoldingRow[]> {
  return (await sql.raw<HoldingRow>(recount()).execute(db)).rows;
}
