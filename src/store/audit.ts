import { type AuditDetail, type AuditEntry, type AuditHead, emptyHead, hashOf } from '../domain/audit.ts';
import type { Queries, Tx } from './database.ts';
import type { Keys } from './keys.ts';
import type { AuditRow } from './schema.ts';
import { openText, openTextOrNull, sealText } from './sealed.ts';

/** What is new in an entry; its place in the chain follows from the log. */
export type NewEntry = Pick<AuditRow, 'id' | 'account_id' | 'created' | 'action' | 'project_id' | 'subject_id'> & {
  readonly detail: AuditDetail | null;
};

/** Adds an entry to the end of its account's log, in the transaction of what it tells of. */
export async function appendAudit(tx: Tx, keys: Keys, entry: NewEntry): Promise<void> {
  const { id, account_id: accountId, detail } = entry;
  const { entries, hash: previous } = await auditHead(tx, keys, accountId);
  const sealed = detail === null ? null : sealText(keys, { accountId }, 'audit.detail', id, JSON.stringify(detail));
  const row: Omit<AuditRow, 'hash'> = { ...entry, number: entries + 1, detail: sealed, previous };
  const hash = hashOf(linkOf({ ...row, hash: '' }));
  await tx
    .insertInto('audit')
    .values({ ...row, hash })
    .execute();
  const text = JSON.stringify({ entries: row.number, hash } satisfies AuditHead);
  const head = sealText(keys, { accountId }, 'audit_heads.head', accountId, text);
  await tx
    .insertInto('audit_heads')
    .values({ account_id: accountId, head })
    .onConflict((conflict) => conflict.column('account_id').doUpdateSet({ head }))
    .execute();
}

/**
 * Where an account's log ends, as it was sealed with the last entry: whoever lacks the key cannot make it say
 * otherwise.
 */
export async function auditHead(db: Queries, keys: Keys, accountId: string): Promise<AuditHead> {
  const row = await db.selectFrom('audit_heads').select('head').where('account_id', '=', accountId).executeTakeFirst();
  if (row === undefined) return emptyHead;
  return JSON.parse(openText(keys, { accountId }, 'audit_heads.head', accountId, row.head)) as AuditHead;
}

/** Up to `limit` entries after the one numbered `after`, oldest first. */
export const auditRows = (db: Queries, accountId: string, after: number, limit: number): Promise<AuditRow[]> =>
  db
    .selectFrom('audit')
    .selectAll()
    .where('account_id', '=', accountId)
    .where('number', '>', after)
    .orderBy('number')
    .limit(limit)
    .execute();

const linkOf = (row: AuditRow) => ({
  id: row.id,
  number: row.number,
  created: row.created,
  action: row.action,
  projectId: row.project_id,
  subjectId: row.subject_id,
  sealed: row.detail === null ? null : row.detail.toString('base64'),
  previous: row.previous,
  hash: row.hash,
});

/** The noun of a row. A detail that does not open, because it was changed, is `null`: the hash tells. */
export function entryFromRow(keys: Keys, row: AuditRow): AuditEntry {
  let detail: AuditDetail | null = null;
  try {
    const text = openTextOrNull(keys, { accountId: row.account_id }, 'audit.detail', row.id, row.detail);
    detail = text === null ? null : (JSON.parse(text) as AuditDetail);
  } catch {
    // The log is to be readable all the same.
  }
  return { ...linkOf(row), detail };
}
