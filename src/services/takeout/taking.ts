import type { EntryFacts } from '../../base/archive-entry.ts';
import type { Micros } from '../../base/clock.ts';
import { AppError } from '../../base/errors.ts';
import type { AuditHead } from '../../domain/audit.ts';
import type { KeyScope } from '../../store/keys.ts';
import { type AnyRow, pageOfRows } from '../../store/rows.ts';
import type { Tables } from '../../store/schema.ts';
import type { App } from '../context.ts';
import { jsonLines, type Lines, rowsFile } from './layout.ts';
import { openRow, rowId } from './open-row.ts';

/** What taking out needs. */
export type Taking = Pick<App, 'db' | 'keys' | 'blobs' | 'opener' | 'vision' | 'models' | 'clock'>;

/** Why something is not in the archive. Names are never reused, the order never changed: ledgers number them. */
export const missingReasons = ['lost', 'damaged', 'its key is lost', 'cannot be made', 'deleted meanwhile'] as const;

/** Something that is not in the archive although it should be. */
export interface MissingItem {
  /** Where it would be, below `data/`. */
  readonly file: string;
  /** What it is, in plain words. */
  readonly what: string;
  readonly reason: (typeof missingReasons)[number];
}

/** What a takeout knows, and notes while it goes on. */
export interface Notes {
  readonly missing: MissingItem[];
  /** Bytes of blobs that were taken so far. */
  done(bytes: number): void;
  readonly signal: AbortSignal | undefined;
  /** What is made after this moment is left to the next takeout. */
  readonly until: Micros;
  /** Where the account's log ends, as far as it is taken. */
  readonly log: AuditHead;
  /**
   * What is known of the file of a blob of so many bytes, which need not be read then: what the archive says of it, or
   * why it is missing.
   */
  known(file: string, bytes: number): EntryFacts | MissingItem['reason'] | undefined;
  /** Whether the CRC-32 of blobs is wanted. */
  readonly crc32: boolean;
  /** Called with each file that is missing. */
  onMissing(item: MissingItem): void;
  /** Called with each row, whose moment it may have to know. */
  onRow(row: AnyRow): void;
}

/** Notes that something is missing. */
export function missing(notes: Notes, item: MissingItem): void {
  notes.missing.push(item);
  notes.onMissing(item);
}

/** Rows read at once. */
const rowsAtOnce = 256;

/** Why a blob or a row does not open. @throws what is no such reason. */
export function reasonOf(error: unknown): MissingItem['reason'] {
  if (error instanceof AppError && error.code === 'Sealed') return 'damaged';
  if (error instanceof AppError && error.code === 'KeyMissing') return 'its key is lost';
  throw error;
}

/** Every row of a table that is the scope's, a page at a time. */
export async function* pagesOf(
  app: Pick<App, 'db'>,
  table: keyof Tables,
  scope: KeyScope,
  { signal, until, log, onRow }: Notes,
): AsyncGenerator<AnyRow[]> {
  for (let after: AnyRow | undefined; ; ) {
    signal?.throwIfAborted();
    const rows = await pageOfRows(app.db.query, table, scope, { after, until, limit: rowsAtOnce });
    // Entries of the log are counted, so that a clock that was set back hides none.
    const own = table === 'audit' ? rows.filter((row) => (row.number as number) <= log.entries) : rows;
    for (const row of own) onRow(row);
    if (own.length > 0) yield own;
    if (rows.length < rowsAtOnce) return;
    after = rows.at(-1);
  }
}

/** The files a table's rows go to. */
export const rowLines = (scope: KeyScope, table: keyof Tables): Lines =>
  jsonLines((part) => rowsFile(scope.projectId, table, part));

/** A row as the archive holds it; `undefined`, and noted as missing from `file`, when it does not open. */
export function takenRow(
  app: Pick<App, 'keys'>,
  scope: KeyScope,
  table: keyof Tables,
  row: AnyRow,
  notes: Notes,
  file = rowsFile(scope.projectId, table, 1),
): Record<string, unknown> | undefined {
  try {
    return openRow(app.keys, scope, table, row);
  } catch (error) {
    missing(notes, {
      file,
      what: `the row ${rowId(table, row)} of ${table}`,
      reason: reasonOf(error),
    });
    return undefined;
  }
}
