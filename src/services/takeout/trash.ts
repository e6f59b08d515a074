import type { ArchiveEntry } from '../../base/archive-entry.ts';
import { type BlobKind, blobKinds } from '../../store/blobs.ts';
import { blobCustody, tableCustody } from '../../store/custody.ts';
import { blobTakeout, takeoutOrder } from '../../store/custody-takeout.ts';
import type { AnyRow } from '../../store/rows.ts';
import type { Tables } from '../../store/schema.ts';
import type { ProjectScope } from '../context.ts';
import { readTrash } from '../trash-list.ts';
import { blobFile, jsonFile, jsonLines } from './layout.ts';
import { type Notes, pagesOf, type Taking, takenRow, withBlobs } from './taking.ts';

/** Items told at once. */
const itemsAtOnce = 100;

/** The list of what is in the account's trash, when there is anything: `trash/trash.json`. */
export async function* takeTrashList(app: Taking, accountId: string): AsyncGenerator<ArchiveEntry> {
  const items: unknown[] = [];
  for (;;) {
    const page = await readTrash(app, accountId, { take: itemsAtOnce, skip: items.length }, 'en');
    items.push(...page.items);
    if (page.items.length < itemsAtOnce) break;
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
  for await (const page of pagesOf(app, 'trash_rows', scope, notes)) {
    const byTable = Map.groupBy(page, (row) => row.kind as keyof Tables);
    for (const [table, rows] of byTable) yield* takeRows(app, scope, table, await unpacked(app, table, rows), notes);
  }
  if (!whole) return;
  for (const table of takeoutOrder('project'))
    for await (const page of pagesOf(app, table, scope, notes)) yield* takeRows(app, scope, table, page, notes);
}

/** Rows of the trash as they are in their tables. */
async function unpacked(app: Taking, table: keyof Tables, rows: readonly AnyRow[]): Promise<AnyRow[]> {
  if (table === 'images' || table === 'tags')
    return app.db.query
      .selectFrom(table as 'images')
      .selectAll()
      .where(
        'id',
        'in',
        rows.map((row) => row.row_id as string),
      )
      .execute() as unknown as Promise<AnyRow[]>;
  return rows.map(({ row }) => {
    const open = JSON.parse(row as string) as Record<string, unknown>;
    for (const [name, held] of Object.entries(tableCustody[table].columns))
      if (held.startsWith('sealed') && typeof open[name] === 'string') open[name] = Buffer.from(open[name], 'hex');
    return open;
  });
}

/** Rows are named by the first of a part, so that parts of several pages do not meet. */
async function* takeRows(
  app: Taking,
  scope: ProjectScope,
  table: keyof Tables,
  rows: readonly AnyRow[],
  notes: Notes,
): AsyncGenerator<ArchiveEntry> {
  const [first] = rows;
  if (first === undefined) return;
  const folder = `trash/${scope.projectId}`;
  const name = tableCustody[table].key.map((column) => first[column]).join('-');
  const lines = jsonLines((part) => `${folder}/rows/${table}/${name}-${part}.jsonl`);
  for (const row of rows) {
    const open = takenRow(app, scope, table, row, notes);
    if (open !== undefined) yield* lines.add(open);
  }
  yield* lines.end();
  for (const kind of blobKinds.filter((one) => isTaken(one, table)))
    for await (const { row, file } of withBlobs(app, scope, table, kind, rows, notes)) {
      if (file === undefined) continue;
      const path = blobFile(scope.projectId, kind, row.id as string, row.format)!;
      yield { ...file, name: path.replace(`projects/${scope.projectId}`, folder) };
    }
}

const isTaken = (kind: BlobKind, table: keyof Tables): boolean =>
  blobCustody[kind].hangsOn === table && 'takenAs' in blobTakeout[kind];
