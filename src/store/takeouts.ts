import type { Micros } from '../base/clock.ts';
import type { Queries, Tx } from './database.ts';
import type { Keys } from './keys.ts';
import type { TakeoutRow } from './schema.ts';

/** An account's takeouts, latest first. */
export const listTakeoutRows = (db: Queries, accountId: string): Promise<TakeoutRow[]> =>
  db.selectFrom('takeouts').selectAll().where('account_id', '=', accountId).orderBy('created', 'desc').execute();

/** One of a living account's, whoever asks: its link carries no key. */
export const findTakeout = (db: Queries, id: string): Promise<TakeoutRow | undefined> =>
  db
    .selectFrom('takeouts')
    .innerJoin('accounts', 'accounts.id', 'takeouts.account_id')
    .selectAll('takeouts')
    .where('takeouts.id', '=', id)
    .where('accounts.deleted', 'is', null)
    .executeTakeFirst();

/** Changes what is known of a takeout; does nothing when it is gone. */
export async function updateTakeout(
  db: Queries,
  id: string,
  changes: Partial<Pick<TakeoutRow, 'used' | 'sent' | 'missing' | 'state'>>,
): Promise<void> {
  await db.updateTable('takeouts').set(changes).where('id', '=', id).execute();
}

/** What was written down of a takeout's entries, in order, opened. */
export async function takeoutEntries(db: Queries, keys: Keys, { id, account_id }: TakeoutRow): Promise<Buffer[]> {
  const rows = await db
    .selectFrom('takeout_entries')
    .select(['number', 'entries'])
    .where('takeout_id', '=', id)
    .orderBy('number')
    .execute();
  return rows.map((row) => keys.open(ofEntries(account_id, id, row.number), row.entries));
}

/** Writes down the entries numbered `number`. @throws AppError `Conflict` when the takeout is gone, or they are there. */
export async function addTakeoutEntries(
  tx: Tx,
  keys: Keys,
  { id, account_id }: TakeoutRow,
  number: number,
  entries: Uint8Array,
): Promise<void> {
  const sealed = keys.seal(ofEntries(account_id, id, number), entries);
  await tx.insertInto('takeout_entries').values({ takeout_id: id, number, account_id, entries: sealed }).execute();
}

const ofEntries = (accountId: string, id: string, number: number) => ({
  accountId,
  kind: 'takeout_entries.entries',
  id: `${id}/${number}`,
});

/** Removes takeouts with what was written down of them; returns how many there were. */
export async function removeTakeouts(tx: Tx, ids: readonly string[]): Promise<number> {
  if (ids.length === 0) return 0;
  await tx.deleteFrom('takeout_entries').where('takeout_id', 'in', ids).execute();
  const { numDeletedRows } = await tx.deleteFrom('takeouts').where('id', 'in', ids).executeTakeFirst();
  return Number(numDeletedRows);
}

/** The ids of a project's takeouts. */
export async function takeoutsOfProject(db: Queries, projectId: string): Promise<string[]> {
  const rows = await db.selectFrom('takeouts').select('id').where('project_id', '=', projectId).execute();
  return rows.map((row) => row.id);
}

/** Takes for used `now` what is dated later than `latest`. */
export async function redateTakeouts(tx: Tx, accountId: string, latest: Micros, now: Micros): Promise<void> {
  await tx
    .updateTable('takeouts')
    .set({ used: now })
    .where('account_id', '=', accountId)
    .where('used', '>', latest)
    .execute();
}

/** The ids of an account's takeouts that nobody has used since. */
export async function unusedTakeouts(db: Queries, accountId: string, since: Micros): Promise<string[]> {
  const rows = await db
    .selectFrom('takeouts')
    .select('id')
    .where('account_id', '=', accountId)
    .where('used', '<=', since)
    .execute();
  return rows.map((row) => row.id);
}
