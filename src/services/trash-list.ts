import { day, type Micros } from '../base/clock.ts';
import { mediaTypes } from '../domain/image.ts';
import { problem } from '../domain/problems.ts';
import type { ErasureKind } from '../domain/receipt.ts';
import type { Trasher } from '../domain/trash.ts';
import { type Language, wordsOf } from '../store/custody-words.ts';
import type { Queries } from '../store/database.ts';
import { doomedByItem } from '../store/doomed.ts';
import { holdingsOf } from '../store/holdings.ts';
import type { TrashRow } from '../store/schema.ts';
import { openText } from '../store/sealed.ts';
import { countTrash, findTrashItem, listTrash, subjectsOf, trashedRow } from '../store/trash-items.ts';
import type { App } from './context.ts';
import { type Deletion, sumByKind } from './deletions.ts';
import { getSealed } from './pictures.ts';
import { endOfItem } from './trash-ends.ts';

/** Something that was deleted and can be brought back. */
export interface TrashItem extends Pick<Deletion, 'kinds' | 'total'> {
  readonly id: string;
  readonly kind: ErasureKind;
  readonly projectId: string;
  readonly projectName: string;
  /** What was deleted, at most 256 of them: pictures and predictions have no name. */
  readonly subjects: readonly { readonly id: string; readonly name: string | null }[];
  readonly by: Trasher;
  readonly trashed: Micros;
  /** When it goes for good, or the first of it does: what is kept for a time of its own goes when that is over. */
  readonly due: Micros;
  /** Begun days count whole. */
  readonly daysLeft: number;
}

/** What can be brought back, latest first. */
export interface Trash {
  readonly items: TrashItem[];
  /** In all, beside those of this page. */
  readonly total: number;
}

type Looking = Pick<App, 'db' | 'keys' | 'clock'>;

/** Subjects told of an item. */
const subjectsTold = 256;

/** A page of the account's trash. */
export async function readTrash(
  app: Looking,
  accountId: string,
  page: { readonly take: number; readonly skip: number },
  language: Language,
): Promise<Trash> {
  const rows = await listTrash(app.db.query, accountId, page);
  const items: TrashItem[] = [];
  for (const row of rows) if (row.kind !== 'account') items.push(await itemFromRow(app, row, language));
  return { items, total: await countTrash(app.db.query, accountId) };
}

/** One item. @throws AppError `NotFound`. */
export async function readTrashItem(
  app: Looking,
  accountId: string,
  id: string,
  language: Language,
): Promise<TrashItem> {
  return itemFromRow(app, await requireItem(app.db.query, accountId, id), language);
}

async function requireItem(db: Queries, accountId: string, id: string): Promise<TrashRow> {
  const row = await findTrashItem(db, id);
  if (row?.account_id !== accountId || row.kind === 'account')
    throw problem('NotFound', 'There is no such item in the trash.');
  return row;
}

async function itemFromRow(app: Looking, row: TrashRow, language: Language): Promise<TrashItem> {
  const db = app.db.query;
  const { id, kind, account_id: accountId, trashed_by: by, trashed } = row;
  const due = await endOfItem(db, row);
  const projectId = row.project_id!;
  const project = await db.selectFrom('projects').select('name').where('id', '=', projectId).executeTakeFirstOrThrow();
  const projectName = openText(app.keys, { accountId, projectId }, 'projects.name', projectId, project.name);
  const doomed =
    kind === 'project'
      ? sumByKind((await holdingsOf(db, accountId)).filter((one) => one.scope_id === projectId))
      : await doomedByItem(db, id);
  const subjects = kind === 'project' ? [projectId] : await subjectsOf(db, row, subjectsTold);
  const names = await Promise.all(subjects.map((one) => nameOf(app, row, one, projectName)));
  return {
    id,
    kind,
    projectId,
    projectName,
    subjects: subjects.map((one, index) => ({ id: one, name: names[index] ?? null })),
    kinds: doomed.map((one) => ({ ...one, what: wordsOf(one.kind, language).what })),
    total: {
      count: doomed.reduce((all, { count }) => all + count, 0),
      bytes: doomed.reduce((all, { bytes }) => all + bytes, 0),
    },
    by,
    trashed,
    due,
    daysLeft: Math.max(0, Math.ceil((due - app.clock.now()) / day)),
  };
}

async function nameOf(app: Looking, item: TrashRow, id: string, projectName: string): Promise<string | null> {
  const db = app.db.query;
  const scope = { accountId: item.account_id, projectId: item.project_id! };
  switch (item.kind) {
    case 'project':
      return projectName;
    case 'tag': {
      const row = await db.selectFrom('tags').select('name').where('id', '=', id).executeTakeFirst();
      return row === undefined ? null : openText(app.keys, scope, 'tags.name', id, row.name);
    }
    case 'iteration': {
      const row = await rowInTrash<{ name: string }>(db, 'iterations', id);
      return row && openText(app.keys, scope, 'iterations.name', id, Buffer.from(row.name, 'hex'));
    }
    case 'export': {
      const row = await rowInTrash<{ platform: string; flavor: string | null }>(db, 'exports', id);
      return row && [row.platform, row.flavor].filter((part) => part !== null).join(' ');
    }
    default:
      return null;
  }
}

/** A row in the trash; its sealed columns are hexadecimal. */
async function rowInTrash<Row>(db: Queries, table: string, id: string): Promise<Row | null> {
  const found = await trashedRow(db, table, id);
  return found === undefined ? null : (JSON.parse(found.row) as Row);
}

/** The thumbnail of an image or stored prediction of an item. @throws AppError `NotFound`. */
export async function readTrashThumbnail(
  app: Looking & Pick<App, 'blobs'>,
  accountId: string,
  itemId: string,
  id: string,
): Promise<{ bytes: Buffer; mediaType: string }> {
  const item = await requireItem(app.db.query, accountId, itemId);
  const scope = { accountId, projectId: item.project_id! };
  const kind = item.kind === 'predictions' ? 'prediction-thumbnail' : 'image-thumbnail';
  const table = item.kind === 'predictions' ? 'predictions' : 'images';
  const row = await app.db.query
    .selectFrom('trash_rows')
    .select('row_id')
    .where('item_id', '=', itemId)
    .where('kind', '=', table)
    .where('row_id', '=', id)
    .executeTakeFirst();
  const bytes = row && (await getSealed(app, scope, kind, id));
  if (bytes === undefined) throw problem('NotFound', 'There is no such picture in this item of the trash.');
  return { bytes, mediaType: mediaTypes.jpeg };
}
