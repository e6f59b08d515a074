import type { ArchiveEntry } from '../../base/archive-entry.ts';
import { type BlobKind, blobKey } from '../../store/blobs.ts';
import { blobCustody, blobIdOf } from '../../store/custody.ts';
import { hasBlob } from '../../store/custody-takeout.ts';
import type { OpenedBlob } from '../../store/opener.ts';
import type { AnyRow } from '../../store/rows.ts';
import type { Tables } from '../../store/schema.ts';
import { trashedRow } from '../../store/trash-items.ts';
import type { ProjectScope } from '../context.ts';
import { blobFile } from './layout.ts';
import { missing, type Notes, reasonOf, type Taking } from './taking.ts';

/** Whose blobs, of which kind, are taken along with the rows of which table. */
export interface BlobSet {
  readonly scope: ProjectScope;
  readonly table: keyof Tables;
  readonly kind: BlobKind;
  /** The folder in the archive they go to, if not the project's. */
  readonly folder?: string;
}

/** A row, and its blob as a file of the archive where it has one that could be read. */
export interface RowWithBlob {
  readonly row: AnyRow;
  readonly file: ArchiveEntry | undefined;
}

/** Bytes of blobs, and blobs, that are opened together. */
const [bytesAtOnce, blobsAtOnce] = [2 * 1024 * 1024, 64];
/** How many such runs are being opened while one is written. */
const runsAhead = 2;

/** Rows whose blobs are opened together. */
interface Run {
  readonly rows: readonly AnyRow[];
  /** By id. */
  readonly opened: Promise<ReadonlyMap<string, OpenedBlob | undefined>>;
  readonly endsPage: boolean;
}

/**
 * Rows with the blobs that belong to them, opened, in order, some at a time; those whose blob vanished with them are
 * passed over. `endsPage`: the page of rows they are of ends with them.
 */
export async function* withBlobs(
  app: Taking,
  set: BlobSet,
  pages: AsyncIterable<readonly AnyRow[]> | Iterable<readonly AnyRow[]>,
  notes: Notes,
): AsyncGenerator<{ readonly some: RowWithBlob[]; readonly endsPage: boolean }> {
  const begun: Run[] = [];
  for await (const page of pages)
    for (const [rows, endsPage] of runsOf(page, blobCustody[set.kind].size)) {
      begun.push(begin(app, set, rows, endsPage, notes));
      if (begun.length > runsAhead) yield await finish(app, set, begun.shift()!, notes);
    }
  while (begun.length > 0) yield await finish(app, set, begun.shift()!, notes);
}

/** The rows of a page in runs, each with whether it is the last. */
function* runsOf(page: readonly AnyRow[], size: string): Generator<[rows: AnyRow[], last: boolean]> {
  let rows: AnyRow[] = [];
  let bytes = 0;
  for (const [at, row] of page.entries()) {
    rows.push(row);
    bytes += (row[size] as number | null) ?? 0;
    const last = at === page.length - 1;
    if (!last && bytes < bytesAtOnce && rows.length < blobsAtOnce) continue;
    yield [rows, last];
    [rows, bytes] = [[], 0];
  }
}

function begin(app: Taking, set: BlobSet, rows: readonly AnyRow[], endsPage: boolean, notes: Notes): Run {
  notes.signal?.throwIfAborted();
  const { scope, kind } = set;
  const ids = rows
    .filter((row) => hasBlob(kind, row) && knownOf(set, row, notes) === undefined)
    .map((row) => blobIdOf(kind, row));
  const opening = ids.length === 0 ? [] : app.opener.open({ ...scope, kind, ids, crc32: notes.crc32 }, notes.signal);
  const opened = Promise.resolve(opening).then((blobs) => new Map(blobs.map((blob, at) => [ids[at]!, blob])));
  // Waited for in order: what fails further ahead is not unhandled meanwhile.
  opened.catch(() => undefined);
  return { rows, opened, endsPage };
}

async function finish(
  app: Taking,
  set: BlobSet,
  { rows, opened, endsPage }: Run,
  notes: Notes,
): Promise<{ readonly some: RowWithBlob[]; readonly endsPage: boolean }> {
  const blobs = await opened;
  notes.signal?.throwIfAborted();
  const some: RowWithBlob[] = [];
  for (const row of rows) {
    const taken = withOpened(set, row, blobs, notes) ?? (await takeBlob(app, set, row, notes));
    if (taken === undefined) continue;
    notes.done(taken.file?.bytes?.length ?? taken.file?.facts?.bytes ?? 0);
    some.push(taken);
  }
  return { some, endsPage };
}

const nameOf = ({ scope, kind, folder }: BlobSet, row: AnyRow): string =>
  blobFile(scope.projectId, kind, row.id as string, row.format, folder)!;

const knownOf = (set: BlobSet, row: AnyRow, notes: Notes): ReturnType<Notes['known']> =>
  notes.known(nameOf(set, row), row[blobCustody[set.kind].size] as number);

/** A row with its blob if that was opened, or need not be; `undefined`: it must be seen why not. */
function withOpened(
  set: BlobSet,
  row: AnyRow,
  opened: ReadonlyMap<string, OpenedBlob | undefined>,
  notes: Notes,
): RowWithBlob | undefined {
  if (!hasBlob(set.kind, row)) return { row, file: undefined };
  const blob = opened.get(blobIdOf(set.kind, row));
  const name = nameOf(set, row);
  if (blob !== undefined) return { row, file: { name, bytes: blob.bytes, text: false, sums: blob } };
  const known = knownOf(set, row, notes);
  if (typeof known === 'object') return { row, file: { name, bytes: undefined, text: false, facts: known } };
  if (known === undefined) return undefined;
  missing(notes, { file: name, what: blobCustody[set.kind].what, reason: known });
  return { row, file: undefined };
}

/** A row with its blob, read by this thread, which tells what is wrong with it; `undefined` when both vanished. */
async function takeBlob(app: Taking, set: BlobSet, row: AnyRow, notes: Notes): Promise<RowWithBlob | undefined> {
  const { scope, table, kind } = set;
  const id = blobIdOf(kind, row);
  const name = nameOf(set, row);
  const { what } = blobCustody[kind];
  try {
    const sealed = await app.blobs.get(blobKey(scope.accountId, scope.projectId, kind, id));
    if (sealed !== undefined)
      return { row, file: { name, bytes: app.keys.open({ ...scope, kind, id }, sealed), text: false } };
    // Deleted, or replaced, since its row was read?
    const now = await present(app, scope, table, row);
    if (now === undefined) return undefined;
    if (blobIdOf(kind, now) !== id) return await takeBlob(app, set, now, notes);
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
