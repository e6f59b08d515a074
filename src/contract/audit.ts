import type { AuditEntry as Entry, AuditHead as Head } from '../domain/audit.ts';
import { dateWithZone } from './json.ts';
import { dateTime, facts, id, int53, listOf, model, nullable, text } from './schema.ts';

const AuditEntry = model('AuditEntry', {
  number: int53({ description: '1 for the first of the account, then without a gap.' }),
  id: id(),
  time: dateTime(),
  created: int53({ description: 'The time in microseconds since 1970-01-01 UTC, as the hash covers it.' }),
  action: text(),
  projectId: nullable(id()),
  subjectId: nullable(id({ description: 'What it was done to, where that is one thing.' })),
  detail: nullable(facts({ description: 'Counts and words of a fixed list; nothing anybody typed.' })),
  sealed: nullable(text({ description: 'The detail as it is stored: ciphertext, in base64.' })),
  previous: text({ description: 'The hash of the entry before; 64 zeros for the first.' }),
  hash: text({
    description:
      'SHA-256, in hexadecimal, of the JSON array [previous, number, id, created, action, projectId, subjectId, sealed].',
  }),
});

/** A page of an account's log. */
export const AuditLog = model('AuditLog', {
  entries: listOf(AuditEntry),
  head: model('AuditHead', { entries: int53(), hash: text() }, { description: 'Where the log ends.' }),
});

/** The log as the wire has it: its owner can check it without keys. */
export const fromAudit = ({ entries, head }: { entries: readonly Entry[]; head: Head }) => ({
  entries: entries.map((entry) => ({ ...entry, time: dateWithZone(entry.created) })),
  head,
});
