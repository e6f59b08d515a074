import { Command } from 'commander';
import type { OpenApp } from '../app.ts';
import { AppError } from '../base/errors.ts';
import { fileSource } from '../base/source.ts';
import { purge } from '../jobs/purge.ts';
import { listAccounts } from '../services/accounts.ts';
import { missingBackbones } from '../services/backbones.ts';
import { eraseWhatWasErased } from '../services/erased.ts';
import { putBack } from '../services/restore/restore.ts';
import { iterationsOnBackbones } from '../store/backbones.ts';
import { progressLine } from './progress-line.ts';
import { lockRestores } from './restore-lock.ts';
import { things } from './size.ts';
import { incomplete } from './takeout.ts';
import { accountId } from './which-account.ts';
import { withApp } from './with-app.ts';

/** `ownsight restore`: puts back what `ownsight takeout` took out. Works beside a running server. */
export function restoreCommand(): Command {
  return new Command('restore')
    .description('put an archive of "ownsight takeout" back; changes nothing that is there')
    .argument('<file>', 'the archive, zip or tar')
    .option('--account <account>', 'id or name of the account to put it into; default: its own, made if need be')
    .action((path: string, options: { account?: string }) =>
      withApp(async (app) => {
        const lock = await lockRestores(app);
        if (lock === undefined)
          throw new AppError('Conflict', 'Another command is putting something back: wait until it ends.');
        try {
          for (const scope of lock.left) await purge(app, scope, { signal: new AbortController().signal });
          await restore(app, path, options);
        } finally {
          lock.unlock();
        }
      }),
    );
}

async function restore(app: OpenApp, path: string, options: { account?: string }): Promise<void> {
  // New data beside keys of older data joins their list of what was erased now, while nothing is there that a later
  // start would take for something that came back by mistake.
  if ((await listAccounts(app)).length === 0) await eraseWhatWasErased(app);
  const line = progressLine();
  const wanted = options.account === undefined ? undefined : await accountId(app, options.account);
  const restored = await putBack(app, {
    source: await fileSource(path),
    accountId: wanted,
    tier: app.config.tier,
    onProgress: ({ step, doneBytes, totalBytes }) =>
      line.show(() => `${step}: ${totalBytes === 0 ? 100 : Math.floor((100 * doneBytes) / totalBytes)} %`),
  });
  line.end();
  line.say(`account ${restored.accountId}${restored.accountMade ? ' made, with new keys' : ''}`);
  for (const { id, from, outcome, leftOut } of restored.projects) {
    const was = id === from ? '' : ` (${from} in the archive)`;
    const rest = leftOut === 0 ? '' : `; ${leftOut} rows left out, whose files the archive lacks`;
    line.say(`project ${id}${was}: ${outcome === 'present' ? 'there already, left as it is' : `restored${rest}`}`);
  }
  const learnedOn = await iterationsOnBackbones(app.db.query, { accountId: restored.accountId });
  for (const { message, iterationIds } of await missingBackbones(app, learnedOn))
    line.say(`${things(iterationIds.length, 'iteration')} cannot answer as yet. ${message}`);
  if (restored.missing.length === 0) return;
  process.exitCode = incomplete;
  line.say(`The archive was INCOMPLETE when it was made: it lacks ${restored.missing.length} files.`);
}
