import { resolve } from 'node:path';
import { Command } from 'commander';
import { backUp } from '../store/backup.ts';
import { withApp } from './with-app.ts';

/** `ownsight backup`: data and files, without keys, to a new folder. Works beside a running server. Exit code 2 when files were missing. */
export function backupCommand(): Command {
  return new Command('backup')
    .description('copy data and files, without the keys, to a new folder')
    .argument('<folder>', 'a new or empty folder')
    .action((folder: string) =>
      withApp(async (app) => {
        const { files, bytes, missing } = await backUp(app, resolve(folder));
        process.stdout.write(
          `${resolve(folder)} holds the database and ${files} files (${bytes} bytes). Copy the keys in ${app.config.keyStore} apart from it.\n`,
        );
        for (const key of missing) process.stdout.write(`missing: ${key}\n`);
        if (missing.length > 0) process.exitCode = 2;
      }),
    );
}
