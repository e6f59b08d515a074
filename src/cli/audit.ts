import { Command } from 'commander';
import type { AuditEntry, AuditHead } from '../domain/audit.ts';
import { readAudit } from '../services/audit.ts';
import type { App } from '../services/context.ts';
import { accountId } from './which-account.ts';
import { withApp } from './with-app.ts';

/** `ownsight audit`: the log of what was done with an account. As JSON it is what `ownsight verify FILE` checks. */
export function auditCommand(): Command {
  return new Command('audit')
    .description('the log of what was done with an account: keys, publishing, deletions, takeouts')
    .argument('[account]', 'its id or name; may be left out when there is only one')
    .option('--json', 'print JSON, which "ownsight verify FILE" can check anywhere')
    .action((account: string | undefined, options: { json?: boolean }) =>
      withApp(async (app) => {
        const id = await accountId(app, account);
        const log = await wholeLog(app, id);
        if (options.json) process.stdout.write(`${JSON.stringify({ account: id, ...log })}\n`);
        else for (const entry of log.entries) process.stdout.write(`${lineOf(entry)}\n`);
      }),
    );
}

async function wholeLog(
  app: Pick<App, 'db' | 'keys'>,
  accountId: string,
): Promise<{ entries: AuditEntry[]; head: AuditHead }> {
  const { entries, head } = await readAudit(app, accountId);
  while (entries.length < head.entries) {
    const page = (await readAudit(app, accountId, entries.at(-1)?.number)).entries;
    if (page.length === 0) break;
    entries.push(...page);
  }
  return { entries, head };
}

function lineOf({ number, created, action, projectId, subjectId, detail }: AuditEntry): string {
  const facts = Object.entries(detail ?? {}).map(([name, value]) => `${name} ${value}`);
  const about = [projectId && `project ${projectId}`, subjectId, ...facts].filter((part) => part !== null);
  return `${String(number).padStart(5)}  ${new Date(created / 1000).toISOString()}  ${action.padEnd(22)}${about.join('  ')}`;
}
