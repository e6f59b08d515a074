import type { KeyScope } from '../store/keys.ts';

/** What can be found, what to do about it, and whether data is harmed or at risk. */
export const findingKinds = {
  'database-damaged': [true, 'Stop the server, keep a copy of the data directory, and restore the latest backup.'],
  'key-missing': [
    true,
    'Restore the key store from where it was copied; without its key the data cannot be read again.',
  ],
  'key-unused': [
    false,
    'Nothing is sealed under it here. Left by an interrupted creation, or the key store belongs to other data as well.',
  ],
  'blob-missing': [true, 'Restore the file from a backup, or delete what it belongs to.'],
  'blob-orphaned': [true, 'No row refers to the file: stop the server and remove it.'],
  'blob-damaged': [true, 'Restore the file from a backup, or delete what it belongs to.'],
  'backbone-missing': [
    true,
    'Iterations that learned on it cannot answer until it is here again: "ownsight models pull NAME", or "add FILE" for one of your own.',
  ],
  'backbone-damaged': [true, 'Remove its file from the folder models of the data directory, and pull or add it again.'],
  'row-damaged': [true, 'Restore the database from a backup, or delete what the row belongs to.'],
  miscounted: [true, 'Nothing is lost: only the inventory, and what deletions foretell, is wrong by this. Report it.'],
  mislisted: [true, 'Nothing is lost: only lists of pictures, and how many they have, are wrong by this. Report it.'],
  'receipt-damaged': [
    true,
    'It was changed, or the signing key in the key store is another one: put back the key store, or the database from a backup.',
  ],
  'log-damaged': [
    true,
    'Entries were changed, removed or added: "ownsight verify --audit" says which. Compare with your own copy of the log.',
  ],
  'erased-list-damaged': [
    true,
    'The server will not start: put the newest copy of the list of what was erased into the key store; docs/operations.md says where copies lie.',
  ],
  'erased-there': [
    false,
    'Right if it was put back on purpose. If an older copy of the data was put back, the next start erases it again; else delete it again.',
  ],
  'retention-overdue': [true, 'Start the server: it removes what is past its time before it opens its port.'],
  'backup-overdue': [
    true,
    'Throw it away: "ownsight backup prune FOLDER", or by hand and "ownsight backup forget ID". It may hold what was erased since.',
  ],
  'job-overdue': [
    false,
    'It is done while the server runs; if it runs, start it again. Its log says what is in the way.',
  ],
  'erasure-pending': [false, 'It is removed for good while the server runs.'],
  'erasure-failed': [true, 'Start the server again: it takes up the erasure anew. Its log says what was in the way.'],
} as const satisfies Record<string, readonly [serious: boolean, remedy: string]>;

/** What kind of thing was found. */
export type FindingKind = keyof typeof findingKinds;

/** One thing that is not as it should be. */
export interface Finding {
  readonly kind: FindingKind;
  /** Which: ids, tables and kinds only. */
  readonly what: string;
  readonly remedy: string;
  /** Data is lost, damaged or left behind; else it only deserves to be known. */
  readonly serious: boolean;
}

/** How a finding is reported. */
export type Report = (kind: FindingKind, what: string) => void;

/** A report that adds to a list. */
export function reportTo(findings: Finding[]): Report {
  return (kind, what) => {
    const [serious, remedy] = findingKinds[kind];
    findings.push({ kind, what, remedy, serious });
  };
}

/** An account or project in words. */
export const describeScope = ({ accountId, projectId }: KeyScope): string =>
  projectId === undefined ? `account ${accountId}` : `project ${projectId} of account ${accountId}`;
