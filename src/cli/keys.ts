import { join } from 'node:path';
import { Command } from 'commander';
import { AppError } from '../base/errors.ts';
import { lockFile } from '../store/database-sqlite.ts';
import { withApp } from './with-app.ts';

/** `ownsight keys rotate-master`: a new master key. Not beside a running server, which does it at each erasure of an account itself. */
export function keysCommand(): Command {
  const command = new Command('keys').description('the key store');
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
