import { setTimeout as pause } from 'node:timers/promises';
import { Command } from 'commander';
import type { OpenApp } from '../app.ts';
import { AppError } from '../base/errors.ts';
import type { Receipt } from '../domain/receipt.ts';
import { deleteNamedAccount } from '../services/account-deletion.ts';
import { collectReceipt, receiptToken } from '../services/receipts.ts';
import { accountId } from './which-account.ts';
import { withApp } from './with-app.ts';
import { workUnlessServed } from './work-here.ts';

/** How often the receipt is asked for, and how long it may take, ms. */
const askEvery = 200;
const patience = 3600_000;

/** `ownsight account delete <name> --yes`: removes an account for good and prints the receipt. Works beside a running server too. */
export function accountDeleteCommand(): Command {
  return new Command('delete')
    .description('delete an account with everything it has, for good, and print the receipt')
    .argument('<name>', 'name of the account, typed as it is')
    .option('--account <id>', 'its id, when several accounts have the name')
    .option('--yes', 'do it: without this nothing is deleted')
    .action((name: string, options: { yes?: boolean; account?: string }) =>
      withApp(async (app) => {
        const id = await accountId(app, options.account ?? name);
        if (options.yes !== true)
          throw new AppError(
            'NotConfirmed',
            'nothing was deleted: add --yes to delete the account for good. "ownsight takeout" takes everything with you first',
          );
        const receiptId = await deleteNamedAccount(app, id, name);
        const { receipt } = await removed(app, receiptId);
        process.stdout.write(`${JSON.stringify({ receiptId, receipt })}\n`);
      }),
    );
}

/** The receipt, once everything is gone: the running server removes it, or this process when there is none. */
async function removed(app: OpenApp, receiptId: string): Promise<Receipt> {
  const stop = workUnlessServed(app, ['purge']);
  try {
    for (const deadline = performance.now() + patience; performance.now() < deadline; await pause(askEvery)) {
      const receipt = await collectReceipt(app, receiptId, receiptToken(app, receiptId));
      if (receipt.state === 'Finished') return receipt;
    }
  } finally {
    await stop();
  }
  throw new AppError('NotRemovedYet', `the account is gone, but its files are not yet: start the server to go on`);
}
