import { Command } from 'commander';
import { AppError } from '../base/errors.ts';
import {
  type PendingAccountDeletion,
  pendingAccountDeletions,
  undoAccountDeletion,
} from '../services/account-deletion.ts';
import type { App } from '../services/context.ts';
import { withApp } from './with-app.ts';

/** `ownsight account undelete <name>`: undoes the deletion of an account. Works beside a running server, which obeys at once. */
export function accountUndeleteCommand(): Command {
  return new Command('undelete')
    .description('undo the deletion of an account: it is as it was, and its keys are alive again')
    .argument('<name>', 'its name or id')
    .action((name: string) =>
      withApp(async (app) => {
        const pending = await pendingOf(app, name);
        if (pending === undefined)
          throw new AppError(
            'NoAccount',
            `expected the name or id of a deleted account that can be brought back but received ${name}`,
          );
        await undoAccountDeletion(app, pending.id);
        process.stdout.write(`${pending.accountId}  ${pending.userName}\n`);
      }),
    );
}

/**
 * The deletion of the account of this name or id that can still be undone.
 * @throws AppError `NoAccount` when several have the name.
 */
export async function pendingOf(
  app: Pick<App, 'db' | 'keys'>,
  wanted: string,
): Promise<PendingAccountDeletion | undefined> {
  const all = await pendingAccountDeletions(app);
  const found = all.filter((one) => [one.accountId, one.id, one.userName].includes(wanted));
  if (found.length > 1)
    throw new AppError('NoAccount', `several have this name: ${found.map((one) => one.accountId).join(', ')}`);
  return found[0];
}
