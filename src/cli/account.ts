import { Command, Option } from 'commander';
import { fromQuotas } from '../contract/quotas.ts';
import type { AccountKeys, KeyPurpose, KeySlot, Quota } from '../domain/account.ts';
import { type Tier, tierNames } from '../domain/tier.ts';
import { accountKeys, createAccount, listAccounts, rotateKey, viewKeys } from '../services/accounts.ts';
import { setTier, usageOf } from '../services/tiers.ts';
import { accountDeleteCommand } from './account-delete.ts';
import { accountUndeleteCommand } from './account-undelete.ts';
import { print } from './print.ts';
import { accountId } from './which-account.ts';
import { withApp } from './with-app.ts';

const json = () => new Option('--json', 'print JSON');

/**
 * `ownsight account create|list|keys|rotate|tier`: accounts and their keys. Works beside a running server, which obeys at
 * once.
 */
export function accountCommand(): Command {
  const command = new Command('account').description('accounts and their keys');
  command
    .command('create')
    .description('make an account with its four keys')
    .argument('<name>', 'name of the account')
    .option('--email <address>', 'address of its owner')
    .addOption(json())
    .action((name: string, options: { email?: string; json?: boolean }) =>
      withApp(async (app) => {
        const account = await createAccount(app, {
          userName: name,
          tier: app.config.tier,
          ...(options.email === undefined ? {} : { email: options.email }),
        });
        printKeys(account.id, await accountKeys(app, account.id), options.json);
      }),
    );
  command
    .command('list')
    .description('the accounts of this server')
    .addOption(json())
    .action((options: { json?: boolean }) =>
      withApp(async (app) => {
        const accounts = await listAccounts(app);
        if (options.json) print(JSON.stringify(accounts.map(({ id, userName, email }) => ({ id, userName, email }))));
        else
          for (const account of accounts)
            print(`${account.id}  ${account.userName}${account.email ? `  <${account.email}>` : ''}`);
      }),
    );
  command
    .command('keys')
    .description('the keys of an account')
    .argument('[account]', 'its id or name; may be left out when there is only one')
    .addOption(json())
    .action((account: string | undefined, options: { json?: boolean }) =>
      withApp(async (app) => {
        const id = await accountId(app, account);
        printKeys(id, await viewKeys(app, id, 'command'), options.json);
      }),
    );
  command
    .command('rotate')
    .description('replace one key; the old one is refused at once')
    .argument('[account]', 'its id or name; may be left out when there is only one')
    .addOption(
      new Option('--purpose <purpose>', 'which pair').choices(['training', 'prediction']).makeOptionMandatory(),
    )
    .addOption(new Option('--slot <slot>', 'which of the two').choices(['primary', 'secondary']).makeOptionMandatory())
    .addOption(json())
    .action((account: string | undefined, options: { purpose: KeyPurpose; slot: KeySlot; json?: boolean }) =>
      withApp(async (app) => {
        const id = await accountId(app, account);
        printKeys(id, await rotateKey(app, id, options.purpose, options.slot), options.json);
      }),
    );
  command
    .command('tier')
    .description("the limits of Azure's pricing tiers that an account is held to: shows them, or sets others")
    .argument('[account]', 'its id or name; may be left out when there is only one')
    .addOption(new Option('--set <tier>', 'hold it to these').choices(tierNames))
    .addOption(json())
    .action((account: string | undefined, options: { set?: Tier; json?: boolean }) =>
      withApp(async (app) => {
        const id = await accountId(app, account);
        const usage = options.set === undefined ? await usageOf(app, id) : await setTier(app, id, options.set);
        if (options.json) return print(JSON.stringify(fromQuotas(usage)));
        const line = (what: string, { total, used }: Quota): void =>
          print(`${what.padEnd(26)}${used}${total === Number.POSITIVE_INFINITY ? '' : ` of ${total}`}`);
        print(`${'tier'.padEnd(26)}${usage.tier}`);
        line('projects', usage.projects);
        line(
          usage.predictions.untilReset === null ? 'stored predictions' : 'predictions this month',
          usage.predictions,
        );
        for (const { projectId, ...each } of usage.perProject) {
          print(`project ${projectId}`);
          for (const [what, quota] of Object.entries(each)) line(`  ${what}`, quota);
        }
      }),
    );
  command.addCommand(accountDeleteCommand());
  command.addCommand(accountUndeleteCommand());
  return command;
}

function printKeys(id: string, keys: AccountKeys, asJson = false): void {
  if (asJson) {
    print(JSON.stringify({ account: id, keys }));
    return;
  }
  print(`${'account'.padEnd(26)}${id}`);
  for (const purpose of ['training', 'prediction'] as const)
    for (const slot of ['primary', 'secondary'] as const)
      print(`${`${purpose} key (${slot})`.padEnd(26)}${keys[purpose][slot]}`);
}
