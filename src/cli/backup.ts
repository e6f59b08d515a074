import { resolve } from 'node:path';
import { Command, Option } from 'commander';
import type { Micros } from '../base/clock.ts';
import { defaultKeepDays, forgetBackup, listBackups, makeBackup, pruneBackups } from '../services/backups.ts';
import { print } from './print.ts';
import { withApp } from './with-app.ts';

/**
 * `ownsight backup`: data and files, without keys, to a new folder. Works beside a running server. Exit code 2 when files
 * were missing. `list`, `forget` and `prune` keep account of the backups that receipts list.
 */
export function backupCommand(): Command {
  const command = new Command('backup')
    .description('copy data and files, without the keys, to a new folder; keep account of the copies')
    .argument('[folder]', 'a new or empty folder')
    .addOption(
      new Option('--keep-days <days>', 'after how many days it is thrown away')
        .default(defaultKeepDays)
        .argParser(Number),
    )
    .action((folder: string | undefined, options: { keepDays: number }) => {
      if (folder === undefined) return command.help({ error: true });
      return withApp(async (app) => {
        const path = resolve(folder);
        const { id, until, files, bytes, missing } = await makeBackup(app, path, options.keepDays);
        print(
          `${path} holds the database and ${files} files (${bytes} bytes). Copy the keys in ${app.config.keyStore} apart from it.`,
        );
        print(`Throw it away until ${date(until)}: "ownsight backup prune" or "ownsight backup forget ${id}".`);
        for (const key of missing) print(`missing: ${key}`);
        if (missing.length > 0) process.exitCode = 2;
      });
    });
  command
    .command('list')
    .description('the backups that were made and not forgotten, with the date of their end; receipts list them')
    .option('--json', 'print JSON')
    .action((options: { json?: boolean }) =>
      withApp(async (app) => {
        const backups = await listBackups(app);
        if (options.json)
          print(
            JSON.stringify(
              backups.map(({ id, made, until, overdue }) => ({ id, made: date(made), until: date(until), overdue })),
            ),
          );
        else
          for (const { id, made, until, overdue } of backups)
            print(`${id}  made ${date(made)}  until ${date(until)}${overdue ? '  past its date' : ''}`);
      }),
    );
  command
    .command('forget')
    .description('say that a backup was thrown away, with every copy of it: receipts do not list it any more')
    .argument('<id>', 'its id, as "ownsight backup list" shows it')
    .action((id: string) => withApp((app) => forgetBackup(app, id)));
  command
    .command('prune')
    .description('remove the backups of this server that are past their date')
    .argument('<folder>', 'one, or the folder they are in')
    .action((folder: string) =>
      withApp(async (app) => {
        for (const path of await pruneBackups(app, resolve(folder))) print(`removed ${path}`);
      }),
    );
  return command;
}

const date = (moment: Micros): string => new Date(moment / 1000).toISOString();
