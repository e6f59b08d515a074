import { join } from 'node:path';
import { Command, Option } from 'commander';
import { AppError, expected } from '../base/errors.ts';
import { parseDate } from '../contract/json.ts';
import { fromNamedKey } from '../contract/named-keys.ts';
import type { NamedKey } from '../domain/account.ts';
import { type Role, roles } from '../domain/role.ts';
import { addNamedKey, namedKeys, revokeNamedKey } from '../services/named-keys.ts';
import { lockFile } from '../store/database-sqlite.ts';
import { print } from './print.ts';
import { accountId } from './which-account.ts';
import { withApp } from './with-app.ts';

interface Options {
  readonly account?: string;
  readonly json?: boolean;
}

const whose = () =>
  new Option('--account <account>', 'id or name of the account; may be left out when there is only one');
const json = () => new Option('--json', 'print JSON');

/**
 * `ownsight keys add|list|revoke`: keys with a role, beside the four of an account. Works beside a running server, which obeys
 * at once. `ownsight keys rotate-master`: a new master key. Not beside a running server, which does it at each erasure of an
 * account itself.
 */
export function keysCommand(): Command {
  const command = new Command('keys').description('keys with a role; the key store');
  command
    .command('add')
    .description('make a key that may do a part of what there is to do, and print it')
    .argument('<name>', 'what to call it')
    .addOption(new Option('--role <role>', 'what it may do').choices(roles).makeOptionMandatory())
    .option('--expires <date>', 'from when on it opens nothing, as 2027-01-31 or 2027-01-31T12:00:00Z')
    .addOption(whose())
    .addOption(json())
    .action((name: string, options: Options & { readonly role: Role; readonly expires?: string }) =>
      withApp(async (app) => {
        const expires = options.expires === undefined ? undefined : parseDate(options.expires);
        if (options.expires !== undefined && expires === undefined)
          throw new AppError('BadRequest', expected('a date of ISO 8601', '--expires', options.expires));
        const id = await accountId(app, options.account);
        printKeys([await addNamedKey(app, id, { name, role: options.role, expires })], options.json);
      }),
    );
  command
    .command('list')
    .description('the keys with a role')
    .option('--secrets', 'the keys themselves as well; the log of the account tells of it')
    .addOption(whose())
    .addOption(json())
    .action((options: Options & { readonly secrets?: boolean }) =>
      withApp(async (app) => {
        const id = await accountId(app, options.account);
        printKeys(await namedKeys(app, id, options.secrets ? 'command' : undefined), options.json);
      }),
    );
  command
    .command('revoke')
    .description('take a key with a role away; it is refused at once')
    .argument('<key>', 'its id or name')
    .addOption(whose())
    .action((key: string, options: Options) =>
      withApp(async (app) => {
        const id = await accountId(app, options.account);
        const found = (await namedKeys(app, id, undefined)).find(
          (one) => one.id === key.toLowerCase() || one.name.toLowerCase() === key.trim().toLowerCase(),
        );
        await revokeNamedKey(app, id, found?.id ?? key);
        print(`The key ${found?.name} opens nothing any more.`);
      }),
    );
  command
    .command('rotate-master')
    .description('make a new master key and wrap the key of every account anew; the server must be stopped')
    .action(() =>
      withApp(async ({ config, keys }) => {
        const unlock = lockFile(join(config.home, 'server.lock'));
        try {
          if (!keys.master.rotate())
            throw new AppError(
              'MasterKey',
              `the master key ${config.masterKeyFile} lies outside the key store ${config.keyStore} and was left as it is: keep it at master.key there to have it replaced`,
            );
        } finally {
          unlock();
        }
        process.stdout.write(
          `The master key ${config.masterKeyFile} is a new one. Older copies of it open nothing that is there now: copy the key store again.\n`,
        );
      }),
    );
  return command;
}

function printKeys(keys: readonly NamedKey[], asJson = false): void {
  const shown = keys.map(fromNamedKey);
  if (asJson) {
    print(JSON.stringify(shown));
    return;
  }
  for (const { id, name, role, expires, secret } of shown)
    print(
      `${id}  ${role.padEnd(10)}  ${name}${expires === null ? '' : `, until ${expires}`}${secret ? `  ${secret}` : ''}`,
    );
}
