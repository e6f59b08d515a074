import { second } from '../base/clock.ts';
import { chunks } from '../base/concurrency.ts';
import { listAccounts } from '../store/accounts.ts';
import { findErasedList, livingOf } from '../store/erased.ts';
import { signedErasures } from '../store/erasures.ts';
import { nextExpiry, projectsThatExpire } from '../store/retention.ts';
import { verifyAudit } from './audit.ts';
import { listBackups } from './backups.ts';
import type { App } from './context.ts';
import { describeScope, type Report } from './findings.ts';
import { receiptKey, verifyReceipt } from './receipts.ts';

type Examined = Pick<App, 'db' | 'keys' | 'clock' | 'erased'>;

/** How long something that is due may wait before it is told, as the promise is: an hour. */
const patience = 3600 * second;
/** Ids asked for at a time. */
const idsAtOnce = 500;

/**
 * Looks whether what was promised is kept: receipts verify, logs are whole, nothing that is listed as erased is there, and
 * nothing stays past its time: predictions, exports, backups, jobs.
 */
export async function examinePromises(app: Examined, report: Report): Promise<void> {
  await examineReceipts(app, report);
  await examineLogs(app, report);
  await examineErasedList(app, report);
  await examineEnds(app, report);
}

async function examineReceipts(app: Examined, report: Report): Promise<void> {
  const signed = await signedErasures(app.db.query);
  if (signed.length === 0) return;
  const key = await receiptKey(app);
  for (const { id, receipt } of signed)
    if ((await verifyReceipt(receipt, key))?.jti !== id) report('receipt-damaged', id);
}

async function examineLogs(app: Examined, report: Report): Promise<void> {
  for (const { id } of await listAccounts(app.db.query)) {
    // An account that lacks its key is reported as that.
    if (!app.keys.has({ accountId: id })) continue;
    const faulty = await verifyAudit(app, id).then(
      ({ faults }) => faults.length > 0,
      () => true,
    );
    if (faulty) report('log-damaged', `account ${id}`);
  }
}

async function examineErasedList({ db, erased }: Examined, report: Report): Promise<void> {
  const own = await findErasedList(db.query);
  const lines = erased.read();
  // Before its first start the data belongs to no list yet.
  if (own.kind === 'listed' && lines[0]?.id !== own.row_id) report('erased-list-damaged', erased.path);
  const byKind = new Map<string, string[]>();
  for (const { kind, id } of lines) {
    const ids = byKind.get(kind);
    if (ids === undefined) byKind.set(kind, [id]);
    else ids.push(id);
  }
  for (const [kind, ids] of byKind) {
    const there: string[] = [];
    for (const some of chunks(ids, idsAtOnce)) there.push(...(await livingOf(db.query, kind, some)));
    if (there.length > 0) report('erased-there', `${there.length} in ${kind}, such as ${there.sort()[0]}`);
  }
}

async function examineEnds(app: Examined, report: Report): Promise<void> {
  const { db, clock } = app;
  const late = clock.now() - patience;
  for (const scope of await projectsThatExpire(db.query)) {
    const expiry = await nextExpiry(db.query, scope.projectId);
    if (expiry !== undefined && expiry < late) report('retention-overdue', describeScope(scope));
  }
  for (const { id, until, overdue } of await listBackups(app))
    if (overdue) report('backup-overdue', `backup ${id}, until ${new Date(Math.floor(until / 1000)).toISOString()}`);
  const jobs = await db.query
    .selectFrom('jobs')
    .select(['id', 'name', 'account_id', 'project_id'])
    .where('state', '!=', 'failed')
    .where('run_at', '<', late)
    .where((at) => at.or([at('lease_until', 'is', null), at('lease_until', '<', late)]))
    .execute();
  for (const { id, name, account_id: accountId, project_id: projectId } of jobs)
    report(
      'job-overdue',
      `${name} of ${describeScope(projectId === null ? { accountId } : { accountId, projectId })}, job ${id}`,
    );
}
