import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { Command } from 'commander';
import type { OpenApp } from '../app.ts';
import { AppError } from '../base/errors.ts';
import type { Receipt } from '../domain/receipt.ts';
import { deleteNamedAccount } from '../services/account-deletion.ts';
import { accountDeletion } from '../services/deletions.ts';
import { collectReceipt, receiptToken } from '../services/receipts.ts';
import { inWords } from './deletion.ts';
import { accountId } from './which-account.ts';
import { withApp } from './with-app.ts';
import { workUnlessServed } from './work-here.ts';

/** How often the receipt is asked for, and how long it may take, ms. */
const askEvery = 200;
const patience = 3600_000;

/**
 * `ownsight account delete <name>`: removes an account for good and prints the receipt; shows first what goes, and asks for
 * the name once more unless `--yes` is given. Works beside a running server too.
 */
export function accountDeleteCommand(): Command {
  return new Command('delete')
    .description('delete an account with everything it has, for good, and print the receipt')
    .argument('<name>', 'name of the account, typed as it is')
    .option('--account <id>', 'its id, when several accounts have the name')
    .option('--dry-run', 'show what would go, and change nothing')
    .option('--yes', 'do it without showing and asking')
    .action((name: string, options: { yes?: boolean; dryRun?: boolean; account?: string }) =>
      withApp(async (app) => {
        const id = await accountId(app, options.account ?? name);
        if (options.dryRun || !options.yes) {
          const told = inWords(await accountDeletion(app, id, 'en'));
          (options.dryRun ? process.stdout : process.stderr).write(told);
          if (options.dryRun) return;
          if ((await askForName(id)) !== name)
            throw new AppError(
              'NotConfirmed',
              'nothing was deleted: type the name of the account when asked, or add --yes',
            );
        }
        const receiptId = await deleteNamedAccount(app, id, name);
        const { receipt } = await removed(app, receiptId);
        process.stdout.write(`${JSON.stringify({ receiptId, receipt })}\n`);
      }),
    );
}

/** What is typed in answer; `undefined` when nothing is. */
async function askForName(id: string): Promise<string | undefined> {
  process.stderr.write(`
To take everything with you first: npm run ownsight -- takeout --account ${id} --out FILE
Type the name of the account to delete it for good: `);
  const lines = createInterface({ input: process.stdin });
  try {
    for await (const line of lines) return line.trim();
  } finally {
    lines.close();
  }
  return undefined;
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
