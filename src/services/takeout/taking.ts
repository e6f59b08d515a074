import type { ArchiveEntry, EntryFacts } from '../../base/archive-entry.ts';
import type { Micros } from '../../base/clock.ts';
import { AppError } from '../../base/errors.ts';
import type { AuditHead } from '../../domain/audit.ts';
import { type BlobKind, blobKey } from '../../store/blobs.ts';
import { blobCustody, blobIdOf } from '../../store/custody.ts';
import { hasBlob } from '../../store/custody-takeout.ts';
import type { KeyScope } from '../../store/keys.ts';
import { type AnyRow, pageOfRows } from '../../store/rows.ts';
import type { Tables } from '../../store/schema.ts';
import { trashedRow } from '../../store/trash-items.ts';
import type { App, ProjectScope } from '../context.ts';
import { blobFile, jsonLines, type Lines, rowsFile } from './layout.ts';
import { openRow, rowId } from './open-row.ts';

/** What taking out needs. */
export type Taking = Pick<App, 'db' | 'keys' | 'blobs' | 'vision' | 'models' | 'clock'>;

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
/** Blobs read ahead of the one that is being written. */
const blobsAhead = 8;

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

/**
 * A row with the blobs of one kind that belong to it, opened; rows whose blob vanished with them are passed over. Those in
 * the trash lie below its `folder` in the archive.
 */
export async function* withBlobs(
  app: Taking,
  scope: ProjectScope,
  table: keyof Tables,
  kind: BlobKind,
  rows: readonly AnyRow[],
  notes: Notes,
  folder?: string,
): AsyncGenerator<{ row: AnyRow; file: ArchiveEntry | undefined }> {
  const begun: Promise<{ row: AnyRow; file: ArchiveEntry | undefined } | undefined>[] = [];
  const begin = (row: AnyRow): void => {
    const work = takeBlob(app, scope, table, kind, row, notes, folder);
    // Waited for in order: what fails further ahead is not unhandled meanwhile.
    work.catch(() => undefined);
    begun.push(work);
  };
  for (const row of rows.slice(0, blobsAhead)) begin(row);
  for (let next = blobsAhead; begun.length > 0; next++) {
    notes.signal?.throwIfAborted();
    const taken = await begun.shift();
    if (next < rows.length) begin(rows[next]!);
    if (taken === undefined) continue;
    notes.done(taken.file?.bytes?.length ?? taken.file?.facts?.bytes ?? 0);
    yield taken;
  }
}

async function takeBlob(
  app: Taking,
  scope: ProjectScope,
  table: keyof Tables,
  kind: BlobKind,
  row: AnyRow,
  notes: Notes,
  folder: string | undefined,
): Promise<{ row: AnyRow; file: ArchiveEntry | undefined } | undefined> {
  if (!hasBlob(kind, row)) return { row, file: undefined };
  const id = blobIdOf(kind, row);
  const name = blobFile(scope.projectId, kind, row.id as string, row.format, folder)!;
  const { what, size } = blobCustody[kind];
  const known = notes.known(name, row[size] as number);
  if (typeof known === 'object') return { row, file: { name, bytes: undefined, text: false, facts: known } };
  if (known !== undefined) {
    missing(notes, { file: name, what, reason: known });
    return { row, file: undefined };
  }
  try {
    const sealed = await app.blobs.get(blobKey(scope.accountId, scope.projectId, kind, id));
    if (sealed !== undefined)
      return { row, file: { name, bytes: app.keys.open({ ...scope, kind, id }, sealed), text: false } };
    // Deleted, or replaced, since its row was read?
    const now = await present(app, scope, table, row);
    if (now === undefined) return undefined;
    if (blobIdOf(kind, now) !== id) return await takeBlob(app, scope, table, kind, now, notes, folder);
    missing(notes, { file: name, what, reason: 'lost' });
  } catch (error) {
    const reason = reasonOf(error);
    if ((await present(app, scope, table, row)) === undefined) return undefined;
    missing(notes, { file: name, what, reason });
  }
  return { row, file: undefined };
}

/** The row as it is now; `undefined` when it was deleted since it was read. */
async function present(
  app: Taking,
  scope: ProjectScope,
  table: keyof Tables,
  row: AnyRow,
): Promise<AnyRow | undefined> {
  const id = row.id as string;
  const found = await app.db.query
    .selectFrom(table as 'images')
    .selectAll()
    .where('id', '=', id)
    .where('project_id', '=', scope.projectId)
    .executeTakeFirst();
  const trashed = found === undefined ? await trashedRow(app.db.query, table, id) : undefined;
  if (trashed !== undefined) return JSON.parse(trashed.row) as AnyRow;
  // A deleted picture that no iteration keeps is on its way out.
  if (found === undefined || ('workspace' in found && found.workspace !== row.workspace)) return undefined;
  return found as unknown as AnyRow;
}
