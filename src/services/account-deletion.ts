import { problem } from '../domain/problems.ts';
import { findAccount } from '../store/accounts.ts';
import { openText } from '../store/sealed.ts';
import type { App } from './context.ts';
import { deleteAccount } from './erasure.ts';

/**
 * Deletes an account whose name was typed as it is: its keys are dead and all of it is invisible when this resolves, and
 * the purge removes it for good. Returns the id of the receipt.
 * @throws AppError `NotFound`, `BadRequest` when the name is another: nothing was changed.
 */
export async function deleteNamedAccount(
  app: Pick<App, 'db' | 'keys' | 'clock' | 'queue' | 'models'>,
  accountId: string,
  name: string,
): Promise<string> {
  const row = await findAccount(app.db.query, accountId);
  if (row === undefined) throw problem('NotFound', 'There is no such account.');
  if (openText(app.keys, { accountId }, 'accounts.user_name', accountId, row.user_name) !== name.trim())
    throw problem('BadRequest', 'Expected the name of the account, typed as it is, but received another.');
  const projects = await app.db.query.selectFrom('projects').select('id').where('account_id', '=', accountId).execute();
  const receiptId = await deleteAccount(app, accountId);
  for (const { id } of projects) app.models.forget({ accountId, projectId: id });
  return receiptId;
}
