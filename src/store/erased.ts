import { type Kysely, sql } from 'kysely';
import type { Micros } from '../base/clock.ts';
import { newId } from '../base/id.ts';
import { type BlobKey, type BlobKind, blobKey } from './blobs.ts';
import { blobCustody, blobIdOf, tableCustody } from './custody.ts';
import type { Queries, Tx } from './database.ts';
import type { KeyScope } from './keys.ts';
import { abandonBlobs } from './loose-blobs.ts';
import type { AnyRow } from './rows.ts';
import type { ErasedRow, Tables } from './schema.ts';
import { dropNoted, dropOfIteration } from './trash-drop.ts';
import { scopeOfTrashed, trashedByModel } from './trash-find.ts';
import { keepTriggers } from './triggers.ts';

/**
 * What was erased is noted by triggers in the very transactions that erase it, so that no way of erasing is forgotten.
 * What goes with a deleted project or account is not noted piece by piece: the project or account is. What only goes to
 * the trash is not noted, but when the trash is emptied of it.
 */

/** Rows that are noted one by one when they go from a living project. */
const noted = ['iterations', 'exports', 'predictions', 'images', 'tags'] as const;
/** Rows that may be deleted from the workspace first, while an iteration keeps them. */
const hideable = ['images', 'tags'] as const;
/** The column by which other tables refer to one of the noted. */
const reference = { images: 'image_id', tags: 'tag_id', iterations: 'iteration_id', exports: '', predictions: '' };

/** Makes the triggers that note what is erased, where they are missing or of another version. */
export async function noteErased(db: Kysely<unknown>): Promise<void> {
  const pending = (table: 'projects' | 'accounts'): string =>
    `(${table}.deleted is null or exists (select 1 from trash where trash.${table.slice(0, -1)}_id = ${table}.id and trash.kind = '${table.slice(0, -1)}'))`;
  const living = `exists (select 1 from projects join accounts on accounts.id = projects.account_id where projects.id = old.project_id and ${pending('projects')} and ${pending('accounts')})`;
  const toTrash = (table: string): string =>
    `exists (select 1 from trash_rows where kind = '${table}' and row_id = old.id)`;
  const isBack = (table: (typeof noted)[number]): string =>
    `exists (select 1 from ${table} where id = old.row_id${table === 'images' || table === 'tags' ? ' and workspace = 1' : ''})`;
  const triggers: [name: string, event: string, kind: string][] = [
    ...(['accounts', 'projects'] as const).map((table): [string, string, string] => [
      table,
      `delete on ${table}`,
      table,
    ]),
    ['named_keys', `delete on named_keys when exists (select 1 from accounts where id = old.account_id)`, 'named_keys'],
    ...noted.map((table): [string, string, string] => [
      table,
      `delete on ${table} when ${living}${table === 'images' || table === 'tags' ? '' : ` and not ${toTrash(table)}`}`,
      table,
    ]),
    ...hideable.map((table): [string, string, string] => [
      `hidden_${table}`,
      `update of workspace on ${table} when old.workspace = 1 and new.workspace = 0 and not ${toTrash(table)}`,
      `hidden ${table}`,
    ]),
    ...noted.map((table): [string, string, string] => [
      `trashed_${table}`,
      `delete on trash_rows when old.kind = '${table}' and ${living} and not ${isBack(table)}`,
      table === 'images' || table === 'tags' ? `hidden ${table}` : table,
    ]),
    ['models', 'update of model_id on iterations when old.model_id is not new.model_id', 'models'],
  ];
  const wanted = triggers.map(([what, event, kind]): [string, string] => {
    const trashed = what.startsWith('trashed_');
    const id = trashed ? 'old.row_id' : kind === 'models' ? 'coalesce(old.model_id, old.id)' : 'old.id';
    return [`erased_${what}`, `after ${event} begin insert into erased (kind, row_id) values ('${kind}', ${id}); end`];
  });
  await keepTriggers(db, new Map(wanted));
}

/** The notes from `after` on, oldest first, at most `limit`. */
export const selectErased = (db: Queries, after: number, limit: number): Promise<ErasedRow[]> =>
  db.selectFrom('erased').selectAll().where('seq', '>', after).orderBy('seq').limit(limit).execute();

/** The first row: which list this database belongs to, and whether the list has begun. */
export const findErasedList = (db: Queries): Promise<ErasedRow> =>
  db.selectFrom('erased').selectAll().where('seq', '=', 1).executeTakeFirstOrThrow();

/** Says in the first row that the list with this id has begun. */
export async function joinErasedList(tx: Tx, id: string): Promise<void> {
  await tx.updateTable('erased').set({ kind: 'listed', row_id: id }).where('seq', '=', 1).execute();
}

/** Drops notes that stand in the list; the last one stays, so that the next has the next number. */
export async function dropListed(db: Queries, last: number): Promise<void> {
  await db.deleteFrom('erased').where('seq', '>', 1).where('seq', '<', last).execute();
}

/** Replaces all notes but the first. */
export async function replaceErased(tx: Tx, rows: readonly ErasedRow[]): Promise<void> {
  await tx.deleteFrom('erased').where('seq', '>', 1).execute();
  for (const row of rows) await tx.insertInto('erased').values(row).execute();
}

/** Takes back the notes of predictions whose time was over: the clock removes them again, too. */
export async function unnotePredictions(tx: Tx, ids: readonly string[]): Promise<void> {
  await tx
    .deleteFrom('erased')
    .where('kind', '=', 'predictions')
    .where('row_id', 'in', [...ids])
    .execute();
}

/** Erases again what a note names, where it is there; returns the living project it was in. Its blobs are given to the sweep. */
export async function eraseAgain(
  tx: Tx,
  { kind, row_id: id }: ErasedRow,
  now: Micros,
): Promise<Required<KeyScope> | undefined> {
  if (kind === 'accounts' || kind === 'projects') {
    await tx.updateTable(kind).set({ deleted: now }).where('id', '=', id).where('deleted', 'is', null).execute();
    const [column, itself] =
      kind === 'accounts' ? (['account_id', 'account'] as const) : (['project_id', 'project'] as const);
    await tx.deleteFrom('trash').where(column, '=', id).where('kind', '=', itself).execute();
    return undefined;
  }
  if (kind === 'named_keys') {
    await tx.deleteFrom('named_keys').where('id', '=', id).execute();
    return undefined;
  }
  const [, hidden, name] = /^(hidden )?(\w+)$/.exec(kind) ?? [];
  const table = noted.find((one) => one === name);
  if (table === undefined) return undefined;
  const scope = (await scopeOf(tx, table, id)) ?? (await scopeOfTrashed(tx, table, id));
  if (scope === undefined) return undefined;
  await dropNoted(tx, scope, table, id, hidden !== undefined);
  if (hidden !== undefined) {
    const column = reference[table] as 'image_id';
    await tx
      .updateTable(table as 'images')
      .set({ workspace: 0 })
      .where('id', '=', id)
      .execute();
    for (const link of ['image_tags', 'regions'] as const) await tx.deleteFrom(link).where(column, '=', id).execute();
    return scope;
  }
  const blobs = await eraseRow(tx, scope, table, id);
  await abandonBlobs(tx, scope.projectId, blobs);
  return scope;
}

/**
 * Takes a model away that an iteration had before it was trained anew: whoever learned it is to be trained from what its
 * record still has. Returns which iteration; `undefined` when none has that model.
 */
export async function unlearnAgain(
  tx: Tx,
  modelId: string,
  now: Micros,
): Promise<(Required<KeyScope> & { iterationId: string }) | undefined> {
  const row = await tx
    .selectFrom('iterations')
    .select(['id', 'project_id', 'status'])
    .where(sql`coalesce(model_id, id)`, '=', modelId)
    .executeTakeFirst();
  if (row === undefined) {
    // In the trash it cannot be trained anew: it goes.
    const trashed = await trashedByModel(tx, modelId);
    if (trashed !== undefined) await dropOfIteration(tx, trashed, trashed.iterationId);
  }
  if (row?.status !== 'Completed') return undefined;
  const scope = await scopeOf(tx, 'iterations', row.id);
  if (scope === undefined) return undefined;
  const blobs = [blobKey(scope.accountId, scope.projectId, 'model', modelId)];
  const exports = await tx.selectFrom('exports').select('id').where('iteration_id', '=', row.id).execute();
  for (const { id } of exports) blobs.push(...(await eraseRow(tx, scope, 'exports', id)));
  await abandonBlobs(tx, scope.projectId, blobs);
  await tx.deleteFrom('iteration_images').where('iteration_id', '=', row.id).where('forgetting', '=', 1).execute();
  await tx
    .updateTable('iterations')
    .set({ status: 'Training', model_id: newId(), model_bytes: 0, modified: now, rebuild: null, remake_exports: 0 })
    .where('id', '=', row.id)
    .execute();
  return { ...scope, iterationId: row.id };
}

const scopeOf = (tx: Tx, table: (typeof noted)[number], id: string): Promise<Required<KeyScope> | undefined> =>
  tx
    .selectFrom('projects')
    .select(['id as projectId', 'account_id as accountId'])
    .where('id', '=', (at) =>
      at
        .selectFrom(table as 'images')
        .select('project_id')
        .where('id', '=', id),
    )
    .executeTakeFirst();

/** Removes a row and all rows that hang on it; returns the blobs that nobody refers to then. */
async function eraseRow(
  tx: Tx,
  scope: Required<KeyScope>,
  table: (typeof noted)[number],
  id: string,
): Promise<BlobKey[]> {
  const column = reference[table];
  const found = await sql<AnyRow>`select * from ${sql.table(table)} where id = ${id}`.execute(tx);
  const blobs = (Object.keys(blobCustody) as BlobKind[])
    .filter((kind) => blobCustody[kind].hangsOn === table)
    .map((kind) => blobKey(scope.accountId, scope.projectId, kind, blobIdOf(kind, found.rows[0] ?? { id })));
  for (const child of Object.keys(tableCustody) as (keyof Tables)[]) {
    if (!(tableCustody[child].hangsOn as readonly string[]).includes(table)) continue;
    const named = noted.find((one) => one === child);
    if (named === undefined) await sql`delete from ${sql.table(child)} where ${sql.ref(column)} = ${id}`.execute(tx);
    else {
      const rows = await sql<{
        id: string;
      }>`select id from ${sql.table(child)} where ${sql.ref(column)} = ${id}`.execute(tx);
      for (const row of rows.rows) blobs.push(...(await eraseRow(tx, scope, named, row.id)));
    }
  }
  await sql`delete from ${sql.table(table)} where id = ${id}`.execute(tx);
  return blobs;
}

/**
 * Which of the ids that the list says were erased are there, and not waiting for their purge. Of what only left the
 * workspace none: it may stay, and come back.
 */
export async function livingOf(db: Queries, kind: string, ids: readonly string[]): Promise<string[]> {
  const table = (['accounts', 'projects', 'named_keys', ...noted] as const).find((one) => one === kind);
  if (table === undefined) return [];
  const living = table === 'accounts' || table === 'projects' ? sql`and deleted is null` : sql``;
  const { rows } = await sql<{
    id: string;
  }>`select id from ${sql.table(table)} where id in (${sql.join([...ids])}) ${living}`.execute(db);
  return rows.map((row) => row.id);
}
