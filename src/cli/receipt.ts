import { Command } from 'commander';
import { listReceipts, receiptKey } from '../services/receipts.ts';
import { print } from './print.ts';
import { accountId } from './which-account.ts';
import { withApp } from './with-app.ts';

/** `ownsight receipt-key`: the public key that verifies this server's receipts. */
export function receiptKeyCommand(): Command {
  return new Command('receipt-key')
    .description('the public key that verifies receipts of this server, as a JWK')
    .action(() => withApp(async (app) => print(JSON.stringify(await receiptKey(app)))));
}

/** `ownsight receipts`: what was deleted, and the receipts. */
export function receiptsCommand(): Command {
  return new Command('receipts')
    .description('what was deleted, with a signed receipt for each that is gone for good')
    .argument('[account]', 'its id or name; may be left out when there is only one')
    .option('--json', 'print JSON; each entry is what "ownsight verify FILE" checks')
    .action((account: string | undefined, options: { json?: boolean }) =>
      withApp(async (app) => {
        const receipts = await listReceipts(app, await accountId(app, account));
        if (options.json) print(JSON.stringify(receipts));
        else
          for (const { id, kind, projectId, state, asked } of receipts)
            print(
              `${id}  ${new Date(asked / 1000).toISOString()}  ${kind.padEnd(12)}${state.padEnd(10)}${projectId === null ? '' : `project ${projectId}`}`,
            );
      }),
    );
}
