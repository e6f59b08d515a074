import { newId } from '../base/id.ts';
import {
  type AuditAction,
  type AuditDetail,
  type AuditEntry,
  type AuditHead,
  chainFaults,
  emptyHead,
} from '../domain/audit.ts';
import { appendAudit, auditHead, auditRows, entryFromRow } from '../store/audit.ts';
import type { Tx } from '../store/database.ts';
import type { App } from './context.ts';

/** What an entry is about. */
export interface AuditSubject {
  readonly accountId: string;
  readonly projectId?: string;
  readonly subjectId?: string;
}

/** Entries at a time: a page, and what verification holds in memory. */
const entriesAtOnce = 1000;

/**
 * Writes down in the account's log, within the transaction that does it, what is done, and with which key. `detail` says
 * nothing a user typed.
 */
export const record = (
  app: Pick<App, 'keys' | 'clock' | 'by'>,
  tx: Tx,
  action: AuditAction,
  { accountId, projectId, subjectId }: AuditSubject,
  detail: AuditDetail | null = null,
): Promise<void> =>
  appendAudit(tx, app.keys, {
    id: newId(),
    account_id: accountId,
    created: app.clock.now(),
    action,
    project_id: projectId ?? null,
    subject_id: subjectId ?? null,
    detail: app.by === undefined ? detail : { ...detail, key: app.by },
  });

/** Up to 1000 entries of the account's log after the one numbered `after`, oldest first, and where the log ends. */
export async function readAudit(
  app: Pick<App, 'db' | 'keys'>,
  accountId: string,
  after = 0,
): Promise<{ entries: AuditEntry[]; head: AuditHead }> {
  const head = await auditHead(app.db.query, app.keys, accountId);
  const rows = await auditRows(app.db.query, accountId, after, entriesAtOnce);
  return { entries: rows.map((row) => entryFromRow(app.keys, row)), head };
}

/**
 * How many entries the account's log has, and what is wrong with it; no faults = nothing was changed, removed or added
 * since it was written.
 */
export async function verifyAudit(
  app: Pick<App, 'db' | 'keys'>,
  accountId: string,
): Promise<{ entries: number; faults: string[] }> {
  const faults: string[] = [];
  const end = await auditHead(app.db.query, app.keys, accountId);
  let at = emptyHead;
  for (;;) {
    // What is written meanwhile is left to the next time.
    const entries = (await auditRows(app.db.query, accountId, at.entries, entriesAtOnce))
      .filter((row) => row.number <= end.entries)
      .map((row) => entryFromRow(app.keys, row));
    const last = entries.length < entriesAtOnce;
    faults.push(...chainFaults(entries, last ? end : undefined, at));
    for (const entry of entries)
      if (entry.sealed !== null && entry.detail === null)
        faults.push(`the detail of entry ${entry.number} does not open`);
    const final = entries.at(-1);
    if (final !== undefined) at = { entries: final.number, hash: final.hash };
    if (last) return { entries: end.entries, faults };
  }
}
