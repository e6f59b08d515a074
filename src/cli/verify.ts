import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { AppError } from '../base/errors.ts';
import { type AuditHead, type AuditLink, chainFaults } from '../domain/audit.ts';
import { listAccounts } from '../services/accounts.ts';
import { verifyAudit } from '../services/audit.ts';
import { accountId } from './account.ts';
import { withApp } from './with-app.ts';

/** `ownsight verify`: whether an audit log is as it was written. Exit code 2 when it is not. */
export function verifyCommand(): Command {
  return new Command('verify')
    .description('check that an audit log is as it was written')
    .argument('[file]', 'what "ownsight audit --json" wrote; "-" reads it from the input')
    .option('--audit [account]', 'the log of an account of this server, by its id or name; alone: of every account')
    .action(async (file: string | undefined, options: { audit?: string | true }) => {
      if ((file === undefined) === (options.audit === undefined))
        throw new AppError('BadCommand', 'expected a file, or --audit, but received neither or both');
      if (file === undefined) await verifyHere(options.audit!);
      else verifyFile(file);
    });
}

async function verifyHere(account: string | true): Promise<void> {
  await withApp(async (app) => {
    const ids = account === true ? (await listAccounts(app)).map(({ id }) => id) : [await accountId(app, account)];
    for (const id of ids) {
      const { entries, faults } = await verifyAudit(app, id);
      report(`account ${id}: ${entries} entries`, faults);
    }
  });
}

function verifyFile(file: string): void {
  const text = readFileSync(file === '-' ? 0 : file, 'utf8').trim();
  const log = readLog(text);
  if (log === undefined) throw new AppError('BadFile', `expected an audit log in ${file} but received something else`);
  report(`${log.entries.length} entries`, chainFaults(log.entries, log.head));
}

function readLog(text: string): { entries: AuditLink[]; head: AuditHead } | undefined {
  try {
    const log = JSON.parse(text) as { entries: AuditLink[]; head: AuditHead };
    return Array.isArray(log.entries) && typeof log.head.hash === 'string' ? log : undefined;
  } catch {
    return undefined;
  }
}

function report(what: string, faults: readonly string[]): void {
  process.stdout.write(
    `${what}: ${faults.length === 0 ? 'as written, none changed, removed or added' : 'NOT as written'}\n`,
  );
  for (const fault of faults) process.stdout.write(`    ${fault}\n`);
  if (faults.length > 0) process.exitCode = 2;
}
