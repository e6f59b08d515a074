import { type RawBuilder, sql } from 'kysely';
import type { Micros } from '../base/clock.ts';
import { defaultTrashDays } from '../domain/trash.ts';
import type { Queries, Tx } from './database.ts';
import type { KeyScope } from './keys.ts';
import type { TrashRow } from './schema.ts';

/** How many days an account can bring back what it deleted. */
export async function findTrashDays(db: Queries, accountId: string): Promise<number> {
  const row = await db.selectFrom('trash_days').select('days').where('account_id', '=', accountId).executeTakeFirst();
  return row?.days ?? defaultTrashDays;
}

/** Replaces it. */
export async function saveTrashDays(db: Queries, accountId: string, days: number): Promise<void> {
  await db
    .insertInto('trash_days')
    .values({ account_id: accountId, days })
    .onConflict((conflict) => conflict.column('account_id').doUpdateSet({ days }))
    .execute();
}

/** A page of what an account can bring back, latest first: all of it, or what was deleted before `until`. */
export const listTrash = (
  db: Queries,
  accountId: string,
  page: { readonly take: number; readonly skip: number; readonly until?: Micros },
): Promise<TrashRow[]> =>
  db
    .selectFrom('trash')
    .selectAll()
    .where('account_id', '=', accountId)
    .$if(page.until !== undefined, (some) => some.where('trashed', '<', page.until!))
    .orderBy('trashed', 'desc')
    .orderBy('id')
    .limit(page.take)
    .offset(page.skip)
    .execute();

/** How many there are. */
export async function countTrash(db: Queries, accountId: string): Promise<number> {
  const row = await db
    .selectFrom('trash')
    .select((at) => at.fn.countAll<number>().as('n'))
    .where('account_id', '=', accountId)
    .executeTakeFirstOrThrow();
  return Number(row.n);
}

/** One of them, whoever asks. */
export const findTrashItem = (db: Queries, id: string): Promise<TrashRow | undefined> =>
  db.selectFrom('trash').selectAll().where('id', '=', id).executeTakeFirst();

/** The deletion of an account that can still be undone. */
export const trashOfAccount = (db: Queries, accountId: string): Promise<TrashRow | undefined> =>
  db
    .selectFrom('trash')
    .selectAll()
    .where('account_id', '=', accountId)
    .where('kind', '=', 'account')
    .executeTakeFirst();

/** Whether a deleted project or account, or that account, is only in the trash: then nothing of it may be purged. */
export async function isTrashed(db: Queries, { accountId, projectId }: KeyScope): Promise<boolean> {
  const row = await db
    .selectFrom('trash')
    .select('id')
    .where('account_id', '=', accountId)
    .where('kind', '=', projectId === undefined ? 'account' : 'project')
    .$if(projectId !== undefined, (some) => some.where('project_id', '=', projectId!))
    .executeTakeFirst();
  return row !== undefined;
}

/** Whether a project is there: living, or it or its account only in the trash. */
export async function isThere(db: Queries, { accountId, projectId }: Required<KeyScope>): Promise<boolean> {
  const row = await db
    .selectFrom('projects')
    .innerJoin('accounts', 'accounts.id', 'projects.account_id')
    .select(['projects.deleted as project', 'accounts.deleted as account'])
    .where('projects.id', '=', projectId)
    .executeTakeFirst();
  if (row === undefined) return false;
  if (row.project !== null && !(await isTrashed(db, { accountId, projectId }))) return false;
  return row.account === null || (await isTrashed(db, { accountId }));
}

/** The ids of deleted projects and accounts that are only in the trash. */
export async function trashedScopes(db: Queries): Promise<Set<string>> {
  const rows = await db
    .selectFrom('trash')
    .select(['account_id', 'project_id'])
    .where('kind', 'in', ['account', 'project'])
    .execute();
  return new Set(rows.map((row) => row.project_id ?? row.account_id));
}

/** The account's projects that are in the trash themselves, since `until` or longer. */
export async function trashedProjects(db: Queries, accountId: string, until: Micros): Promise<string[]> {
  const rows = db
    .selectFrom('trash')
    .select('project_id')
    .where('account_id', '=', accountId)
    .where('trashed', '<=', until);
  return (await rows.where('kind', '=', 'project').orderBy('id').execute()).map((row) => row.project_id!);
}

/** Up to `limit` items of an account that are due, the first of them first; a project's or account's own last. */
export const dueTrash = (db: Queries, accountId: string, now: Micros, limit: number): Promise<TrashRow[]> =>
  db
    .selectFrom('trash')
    .selectAll()
    .where('account_id', '=', accountId)
    .where('due', '<=', now)
    .orderBy(sql`case kind when 'account' then 2 when 'project' then 1 else 0 end`)
    .orderBy('due')
    .limit(limit)
    .execute();

/** When the next item of an account is due. */
export async function nextDue(db: Queries, accountId: string): Promise<Micros | undefined> {
  const row = await db
    .selectFrom('trash')
    .select('due')
    .where('account_id', '=', accountId)
    .orderBy('due')
    .limit(1)
    .executeTakeFirst();
  return row?.due;
}

/** The accounts that have anything in the trash. */
export async function accountsWithTrash(db: Queries): Promise<string[]> {
  const rows = await db.selectFrom('trash').select('account_id').distinct().execute();
  return rows.map((row) => row.account_id);
}

/** Lets what was trashed after `latest`, by a clock that was ahead, begin its time at `now`; else it would stay too long. */
export async function redateTrash(db: Queries, accountId: string, latest: Micros, now: Micros): Promise<void> {
  await db
    .updateTable('trash')
    .set((at) => ({ trashed: now, due: sql<number>`${at.ref('due')} - ${at.ref('trashed')} + ${now}` }))
    .where('account_id', '=', accountId)
    .where('trashed', '>', latest)
    .execute();
}

/** Whether what an item was moved for is held in it: rows of its own, as {@link keptInTrash} says. */
export async function hasTrashRows(db: Queries, itemId: string): Promise<boolean> {
  const row = await db
    .selectFrom('trash_rows')
    .select('kind')
    .where('item_id', '=', itemId)
    .limit(1)
    .executeTakeFirst();
  return row !== undefined;
}

/** The ids of what an item is about, at most `limit`: of its images, its tag, iteration, export or predictions. */
export async function subjectsOf(db: Queries, item: Pick<TrashRow, 'id' | 'kind'>, limit: number): Promise<string[]> {
  const rows = db.selectFrom('trash_rows').where('item_id', '=', item.id).limit(limit);
  if (item.kind === 'images') {
    const images = await rows.select('image_id').distinct().where('keeps', '=', 1).orderBy('image_id').execute();
    return images.map((row) => row.image_id!);
  }
  const tables = { tag: 'tags', iteration: 'iterations', export: 'exports', predictions: 'predictions' };
  const table = tables[item.kind as keyof typeof tables];
  if (table === undefined) return [];
  const found = await rows.select('row_id').where('kind', '=', table).orderBy('row_id').execute();
  return found.map((row) => row.row_id);
}

/** How many things an item holds, and its first table's rows by kind, `bytes` as they lie in the trash. */
export async function countTrashRows(
  db: Queries,
  itemId: string,
): Promise<{ kind: string; count: number; bytes: number }[]> {
  const { rows } = await sql<{ kind: string; count: number; bytes: number }>`
    select kind, count(*) as count, sum(octet_length(row)) as bytes from trash_rows
    where item_id = ${itemId} and kind not in ('images', 'tags') group by kind order by kind`.execute(db);
  return rows;
}

/** Whether an image or tag, by an expression of its id, is kept by anything in the trash but the item named. */
export const keptInTrash = (
  column: 'image_id' | 'tag_id',
  id: RawBuilder<unknown>,
  but?: string,
): RawBuilder<boolean> =>
  sql`exists (select 1 from trash_rows t where ${sql.ref(`t.${column}`)} = ${id} and t.keeps = 1
    ${but === undefined ? sql`` : sql`and t.item_id <> ${but}`})`;

/** The project of a row as it was moved to the trash: parsed, its ciphertext as bytes. */
export const trashedRow = (db: Queries, kind: string, id: string): Promise<{ row: string } | undefined> =>
  db.selectFrom('trash_rows').select('row').where('kind', '=', kind).where('row_id', '=', id).executeTakeFirst();

/** Removes an item that holds nothing any more. */
export const deleteTrashItem = async (tx: Tx, id: string): Promise<void> => {
  await tx.deleteFrom('trash').where('id', '=', id).execute();
};
