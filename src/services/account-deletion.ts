import { timingSafeEqual } from 'node:crypto';
import { day, type Micros } from '../base/clock.ts';
import { newId } from '../base/id.ts';
import { problem } from '../domain/problems.ts';
import type { Trasher } from '../domain/trash.ts';
import { findAccount } from '../store/accounts.ts';
import type { Tx } from '../store/database.ts';
import type { TrashRow } from '../store/schema.ts';
import { openText } from '../store/sealed.ts';
import { deleteTrashItem, findTrashDays, findTrashItem } from '../store/trash-items.ts';
import { record } from './audit.ts';
import type { App } from './context.ts';
import { deleteAccount } from './erasure.ts';
import { scheduleSweep } from './retention.ts';
import { checkTrashDays } from './trash.ts';
import { emptyItem, scheduleTrash } from './trash-empty.ts';
import { resumeWork } from './trash-restore.ts';

/** The deletion of an account. */
export interface AccountDeletion {
  /** Of the receipt there will be. */
  readonly receiptId: string;
  /** Until when it can be undone; `null`: it is being erased. */
  readonly due: Micros | null;
}

/** The deletion of an account that can still be undone. */
export interface PendingAccountDeletion {
  readonly id: string;
  readonly accountId: string;
  readonly userName: string;
  readonly asked: Micros;
  readonly due: Micros;
}

/** How an account is deleted. */
export interface AccountDeleting {
  /** How long it can be undone, 0: not at all; absent: as long as the account keeps its trash. */
  readonly undoDays?: number | undefined;
  readonly by: Trasher;
}

type Deleting = Pick<App, 'db' | 'keys' | 'clock' | 'queue' | 'models'>;

/**
 * Deletes an account whose name was typed as it is: its keys are dead and all of it is invisible when this resolves. It is
 * erased at once, or when the days are over in which that can be undone.
 * @throws AppError `NotFound`, `BadRequest` when the name is another or the days are out of range: nothing was changed.
 */
export async function deleteNamedAccount(
  app: Deleting,
  accountId: string,
  name: string,
  { undoDays, by }: AccountDeleting,
): Promise<AccountDeletion> {
  if (undoDays !== undefined) checkTrashDays('undoDays', undoDays);
  const row = await findAccount(app.db.query, accountId);
  if (row === undefined) throw problem('NotFound', 'There is no such account.');
  if (openText(app.keys, { accountId }, 'accounts.user_name', accountId, row.user_name) !== name.trim())
    throw problem('BadRequest', 'Expected the name of the account, typed as it is, but received another.');
  const projects = await app.db.query.selectFrom('projects').select('id').where('account_id', '=', accountId).execute();
  const days = undoDays ?? (await findTrashDays(app.db.query, accountId));
  const deletion =
    days === 0
      ? { receiptId: await deleteAccount(app, accountId), due: null }
      : await trashAccount(app, accountId, days, by);
  for (const { id } of projects) app.models.forget({ accountId, projectId: id });
  return deletion;
}

async function trashAccount(app: Deleting, accountId: string, days: number, by: Trasher): Promise<AccountDeletion> {
  return app.db.transaction(async (tx) => {
    const trashed = app.clock.now();
    const item: TrashRow = {
      id: newId(),
      account_id: accountId,
      project_id: null,
      kind: 'account',
      trashed_by: by,
      trashed,
      due: trashed + days * day,
    };
    const { numUpdatedRows } = await tx
      .updateTable('accounts')
      .set({ deleted: trashed })
      .where('id', '=', accountId)
      .where('deleted', 'is', null)
      .executeTakeFirst();
    if (numUpdatedRows === 0n) throw problem('NotFound', 'There is no such account.');
    await tx.insertInto('trash').values(item).execute();
    await record(app, tx, 'trashed', { accountId, subjectId: item.id }, { kind: 'account', days });
    await app.queue.cancel(tx, { accountId });
    await scheduleTrash(app, tx, accountId);
    const projects = await tx.selectFrom('projects').select('id').where('account_id', '=', accountId).execute();
    for (const { id } of projects) await scheduleSweep(app, tx, { accountId, projectId: id });
    return { receiptId: item.id, due: item.due };
  });
}

/** What lets whoever has it see and undo the deletion of an account, whose keys are dead. */
export const undoToken = (app: Pick<App, 'keys'>, id: string): string => app.keys.lookup(undefined, 'undo-token', id);

/** A deletion that can still be undone, for whoever has its token. @throws AppError `NotFound`, the same for a wrong token. */
export async function pendingAccountDeletion(
  app: Pick<App, 'db' | 'keys'>,
  id: string,
  token: string,
): Promise<PendingAccountDeletion> {
  const [given, right] = [Buffer.from(token), Buffer.from(undoToken(app, id))];
  const item =
    given.length === right.length && timingSafeEqual(given, right) ? await findTrashItem(app.db.query, id) : undefined;
  if (item?.kind !== 'account') throw problem('NotFound', 'There is no such deletion, or it can no longer be undone.');
  return pendingFromRow(app, item);
}

/** The deletions of accounts that can still be undone. */
export async function pendingAccountDeletions(app: Pick<App, 'db' | 'keys'>): Promise<PendingAccountDeletion[]> {
  const items = await app.db.query.selectFrom('trash').selectAll().where('kind', '=', 'account').execute();
  return Promise.all(items.map((item) => pendingFromRow(app, item)));
}

async function pendingFromRow(app: Pick<App, 'db' | 'keys'>, item: TrashRow): Promise<PendingAccountDeletion> {
  const { id, account_id: accountId, trashed: asked, due } = item;
  const row = await app.db.query
    .selectFrom('accounts')
    .select('user_name')
    .where('id', '=', accountId)
    .executeTakeFirst();
  if (row === undefined) throw problem('NotFound');
  const userName = openText(app.keys, { accountId }, 'accounts.user_name', accountId, row.user_name);
  return { id, accountId, userName, asked, due };
}

/**
 * Undoes the deletion of an account: it is as it was, its keys are alive again, and what was stopped goes on.
 * @throws AppError `NotFound` when it can no longer be undone.
 */
export async function undoAccountDeletion(
  app: Pick<App, 'db' | 'keys' | 'clock' | 'queue'>,
  id: string,
): Promise<void> {
  await app.db.transaction(async (tx) => {
    const item = await findTrashItem(tx, id);
    if (item?.kind !== 'account')
      throw problem('NotFound', 'There is no such deletion, or it can no longer be undone.');
    const { account_id: accountId } = item;
    await tx.updateTable('accounts').set({ deleted: null }).where('id', '=', accountId).execute();
    await deleteTrashItem(tx, id);
    await record(app, tx, 'deletion-cancelled', { accountId, subjectId: id }, { kind: 'account' });
    for (const projectId of await livingProjects(tx, accountId))
      await resumeWork(app, tx, { accountId, projectId }, { iterations: 'all' });
    await scheduleTrash(app, tx, accountId);
  });
}

async function livingProjects(tx: Tx, accountId: string): Promise<string[]> {
  const rows = tx.selectFrom('projects').select('id').where('account_id', '=', accountId);
  return (await rows.where('deleted', 'is', null).execute()).map((row) => row.id);
}

/** Erases a deleted account now, though it could still be undone. @throws AppError `NotFound`. */
export async function eraseAccountNow(app: Pick<App, 'db' | 'keys' | 'clock' | 'queue'>, id: string): Promise<void> {
  await app.db.transaction(async (tx) => {
    const item = await findTrashItem(tx, id);
    if (item?.kind !== 'account')
      throw problem('NotFound', 'There is no such deletion, or it can no longer be undone.');
    await emptyItem(app, tx, item);
  });
}
