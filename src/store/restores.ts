import type { Micros } from '../base/clock.ts';
import type { Queries, Tx } from './database.ts';
import type { KeyScope } from './keys.ts';
import type { RestoreRow } from './schema.ts';

const underWay = ['Checking', 'Restoring'] as const;

/** An account's restores, latest first. */
export const listRestoreRows = (db: Queries, accountId: string): Promise<RestoreRow[]> =>
  db.selectFrom('restores').selectAll().where('account_id', '=', accountId).orderBy('created', 'desc').execute();

/** One of them, whoever asks. */
export const findRestore = (db: Queries, id: string): Promise<RestoreRow | undefined> =>
  db.selectFrom('restores').selectAll().where('id', '=', id).executeTakeFirst();

/** Changes what is known of a restore; `false` when it is gone. */
export async function updateRestore(
  db: Queries,
  id: string,
  changes: Partial<Pick<RestoreRow, 'project_id' | 'state' | 'lease' | 'result'>>,
): Promise<boolean> {
  const { numUpdatedRows } = await db.updateTable('restores').set(changes).where('id', '=', id).executeTakeFirst();
  return numUpdatedRows > 0n;
}

/** Restores that are under way, and whose holder lives. */
const alive = (db: Queries, now: Micros) =>
  db.selectFrom('restores').where('state', 'in', underWay).where('lease', '>', now);

/** Until when a project is being put back; `undefined` when it is not. */
export async function beingRestored(db: Queries, projectId: string, now: Micros): Promise<Micros | undefined> {
  const row = await alive(db, now).select('lease').where('project_id', '=', projectId).executeTakeFirst();
  return row?.lease;
}

/** The projects that are being put back. */
export async function projectsBeingRestored(db: Queries, now: Micros): Promise<string[]> {
  const rows = await alive(db, now).select('project_id').execute();
  return rows.flatMap((row) => row.project_id ?? []);
}

/** Whether something is being put back into an account. */
export async function isRestoring(db: Queries, accountId: string, now: Micros): Promise<boolean> {
  const row = await alive(db, now).select('id').where('account_id', '=', accountId).executeTakeFirst();
  return row !== undefined;
}

/** An account's restores that ended, whatever the end: `lease` is when. */
export const endedRestores = (db: Queries, accountId: string): Promise<RestoreRow[]> =>
  db
    .selectFrom('restores')
    .selectAll()
    .where('account_id', '=', accountId)
    .where('state', 'not in', underWay)
    .execute();

/** Takes for ended, or renewed, `now` what is dated later than `latest`. */
export async function redateRestores(tx: Tx, accountId: string, latest: Micros, now: Micros): Promise<void> {
  await tx
    .updateTable('restores')
    .set({ lease: now })
    .where('account_id', '=', accountId)
    .where('lease', '>', latest)
    .execute();
}

/** Removes what is known of restores. */
export async function removeRestores(tx: Tx, ids: readonly string[]): Promise<void> {
  if (ids.length > 0) await tx.deleteFrom('restores').where('id', 'in', ids).execute();
}

/** What dead holders of this kind were putting back has failed. Returns the projects of which something may be there. */
export async function failRestores(tx: Tx, holder: RestoreRow['holder'], now: Micros): Promise<Required<KeyScope>[]> {
  const rows = await tx
    .updateTable('restores')
    .set({ state: 'Failed', lease: now })
    .where('holder', '=', holder)
    .where('state', 'in', underWay)
    .returning(['account_id', 'project_id'])
    .execute();
  return rows.flatMap(({ account_id, project_id }) =>
    project_id === null ? [] : [{ accountId: account_id, projectId: project_id }],
  );
}

/** Writes a restore down. */
export const addRestore = async (tx: Tx, row: RestoreRow): Promise<void> => {
  await tx.insertInto('restores').values(row).execute();
};
