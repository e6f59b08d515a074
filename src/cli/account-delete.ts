import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { Command } from 'commander';
import type { OpenApp } from '../app.ts';
import { AppError } from '../base/errors.ts';
import type { Receipt } from '../domain/receipt.ts';
import {
  type AccountDeletion,
  deleteNamedAccount,
  eraseAccountNow,
  type PendingAccountDeletion,
} from '../services/account-deletion.ts';
import { listAccounts } from '../services/accounts.ts';
import { accountDeletion } from '../services/deletions.ts';
import { collectReceipt, receiptToken } from '../services/receipts.ts';
import { pendingOf } from './account-undelete.ts';
import { inWords } from './deletion.ts';
import { accountId } from './which-account.ts';
import { withApp } from './with-app.ts';
import { workUnlessServed } from './work-here.ts';

/** How often the receipt is asked for, and how long it may take, ms. */
const askEvery = 200;
const patience = 3600_000;

/**
 * `ownsight account delete <name>`: shows first what goes, asks for the name once more unless `--yes` is given, deletes the
 * account and prints until when that can be undone; with `--now`, or when its trash is kept 0 days, removes it for good and
 * prints the receipt. Works beside a running server too.
 */
export function accountDeleteCommand(): Command {
  return new Command('delete')
    .description('delete an account with everything it has: its keys are dead at once, and it is erased when undo ends')
    .argument('<name>', 'name of the account, typed as it is')
    .option('--account <id>', 'its id, when several accounts have the name')
    .option('--dry-run', 'show what would go, and change nothing')
    .option(
      '--undo-days <days>',
      'how long it can be undone, 0 to 30; otherwise as long as the account keeps its trash',
    )
    .option('--now', 'erase it at once and print the receipt; also what was deleted before and could still be undone')
    .option('--yes', 'do it without showing and asking')
    .action((name: string, options: Options) =>
      withApp(async (app) => {
        const pending = options.now ? await pendingOnly(app, name, options) : undefined;
        const id = pending?.accountId ?? (await accountId(app, options.account ?? name));
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
        const { receiptId, due } = await begin(app, id, name, pending, options);
        if (due === null) {
          const { receipt } = await removed(app, receiptId);
          process.stdout.write(`${JSON.stringify({ receiptId, receipt })}\n`);
        } else {
          const undo = `ownsight account undelete ${id}`;
          process.stdout.write(`${JSON.stringify({ receiptId, due: new Date(due / 1000).toISOString(), undo })}\n`);
        }
      }),
    );
}

/** What is typed in answer; `undefined` when nothing is. */
async function askForName(id: string): Promise<string | undefined> {
  process.stderr.write(`
To take everything with you first: npm run ownsight -- takeout --account ${id} --out FILE
Type the name of the account to delete it: `);
  const lines = createInterface({ input: process.stdin });
  try {
    for await (const line of lines) return line.trim();
  } finally {
    lines.close();
  }
  return undefined;
}

interface Options {
  readonly yes?: boolean;
  readonly dryRun?: boolean;
  readonly account?: string;
  readonly undoDays?: string;
  readonly now?: boolean;
}

/** The deleted account meant, when no living one has the name: its erasure need not wait. */
async function pendingOnly(app: OpenApp, name: string, options: Options): Promise<PendingAccountDeletion | undefined> {
  const living = await listAccounts(app);
  if (living.some((one) => one.userName === name)) return undefined;
  return pendingOf(app, options.account ?? name);
}

async function begin(
  app: OpenApp,
  id: string,
  name: string,
  pending: PendingAccountDeletion | undefined,
  options: Options,
): Promise<AccountDeletion> {
  if (pending !== undefined) {
    await eraseAccountNow(app, pending.id);
    return { receiptId: pending.id, due: null };
  }
  const undoDays = options.now ? 0 : options.undoDays === undefined ? undefined : Number(options.undoDays);
  return deleteNamedAccount(app, id, name, { undoDays, by: 'command' });
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
