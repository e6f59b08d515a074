import type { ArchiveEntry } from '../../base/archive-entry.ts';
import { type BlobKind, blobKinds } from '../../store/blobs.ts';
import { blobCustody, tableCustody } from '../../store/custody.ts';
import { blobTakeout, takeoutOrder } from '../../store/custody-takeout.ts';
import type { AnyRow } from '../../store/rows.ts';
import type { Tables } from '../../store/schema.ts';
import { pageOfTrashed, type TrashedText } from '../../store/trash-find.ts';
import type { ProjectScope } from '../context.ts';
import { readTrash } from '../trash-list.ts';
import { jsonFile, jsonLines, type Lines, trashFolder } from './layout.ts';
import { withBlobs } from './taken-blobs.ts';
import { type Notes, pagesOf, type Taking, takenRow } from './taking.ts';

/** Items told at once. */
const itemsAtOnce = 100;
/** Rows read at once. */
const rowsAtOnce = 256;

/**
 * The list of what is in the account's trash, or of one project in it, when there is anything: `trash/trash.json`. What
 * went there after the takeout began is left out.
 */
export async function* takeTrashList(
  app: Taking,
  accountId: string,
  projectId: string | undefined,
  notes: Notes,
): AsyncGenerator<ArchiveEntry> {
  const items: unknown[] = [];
  for (let skip = 0; ; skip += itemsAtOnce) {
    const page = await readTrash(app, accountId, { take: itemsAtOnce, skip }, 'en');
    for (const { daysLeft: _changesByItself, ...item } of page.items) {
      if (item.trashed > notes.until || (projectId ?? item.projectId) !== item.projectId) continue;
      notes.onRow({ created: item.trashed });
      items.push(item);
    }
    if (skip + itemsAtOnce >= page.total) break;
  }
  if (items.length > 0) yield jsonFile('trash/trash.json', items);
}

/**
 * What is in the trash of a project, in `trash/<project>/`: rows opened, pictures, models and exports. It is not put back
 * with the archive. `whole`: the project itself is in the trash, and so all of it is.
 */
export async function* takeTrash(
  app: Taking,
  scope: ProjectScope,
  whole: boolean,
  notes: Notes,
): AsyncGenerator<ArchiveEntry> {
  for (const table of takeoutOrder('project')) {
    const name = (part: number): string =>
      `${trashFolder(scope.projectId)}/rows/${table}-${String(part).padStart(5, '0')}.jsonl`;
    const lines = jsonLines(name);
    const taken = new Set<unknown>();
    for await (const rows of trashPages(app, scope, table, notes)) {
      if (table === 'images' || table === 'tags') for (const row of rows) taken.add(row.id);
      yield* takeRows(app, scope, table, rows, lines, notes);
    }
    if (whole)
      for await (const rows of pagesOf(app, table, scope, notes)) {
        // An image or tag of the trash that an iteration keeps is there as well.
        const others = rows.filter((row) => row.id === undefined || !taken.has(row.id));
        yield* takeRows(app, scope, table, others, lines, notes);
      }
    yield* lines.end();
  }
}

/** A table's rows that are in the trash, as they were in it, a page at a time. */
async function* trashPages(
  app: Taking,
  { projectId }: ProjectScope,
  table: keyof Tables,
  { signal, until }: Notes,
): AsyncGenerator<AnyRow[]> {
  for (let after = ''; ; ) {
    signal?.throwIfAborted();
    const rows = await pageOfTrashed(app.db.query, { projectId, table, after, until, limit: rowsAtOnce });
    if (rows.length > 0) yield await unpacked(app, table, rows);
    if (rows.length < rowsAtOnce) return;
    after = rows.at(-1)!.row_id;
  }
}
/** Rows of the trash as they are in their tables. */
async function unpacked(app: Taking, table: keyof Tables, rows: readonly TrashedText[]): Promise<AnyRow[]> {
  if (table === 'images' || table === 'tags')
    return app.db.query
      .selectFrom(table as 'images')
      .selectAll()
      .where(
        'id',
        'in',
        rows.map((row) => row.row_id),
      )
      .orderBy('id')
      .execute() as unknown as Promise<AnyRow[]>;
  return rows.map(({ row }) => {
    const open = JSON.parse(row) as Record<string, unknown>;
    for (const [name, held] of Object.entries(tableCustody[table].columns))
      if (held.startsWith('sealed') && typeof open[name] === 'string') open[name] = Buffer.from(open[name], 'hex');
    return open;
  });
}

async function* takeRows(
  app: Taking,
  scope: ProjectScope,
  table: keyof Tables,
  rows: readonly AnyRow[],
  lines: Lines,
  notes: Notes,
): AsyncGenerator<ArchiveEntry> {
  const folder = trashFolder(scope.projectId);
  for (const row of rows) {
    const open = takenRow(app, scope, table, row, notes, `${folder}/rows/${table}`);
    if (open !== undefined) yield* lines.add(open);
  }
  for (const kind of blobKinds.filter((one) => isTaken(one, table)))
    for await (const { some } of withBlobs(app, { scope, table, kind, folder }, [rows], notes))
      for (const { file } of some) if (file !== undefined) yield file;
}

const isTaken = (kind: BlobKind, table: keyof Tables): boolean =>
  blobCustody[kind].hangsOn === table && 'takenAs' in blobTakeout[kind];
