import { type RawBuilder, sql } from 'kysely';
import { type BlobKey, type BlobKind, blobKey } from './blobs.ts';
import { blobCustody, blobIdOf, tableCustody } from './custody.ts';
import type { Queries, Tx } from './database.ts';
import { erasureOrder } from './erase.ts';
import type { KeyScope } from './keys.ts';
import { abandonBlobs } from './loose-blobs.ts';
import type { Tables } from './schema.ts';

/**
 * Moves rows to the trash and back, as the custody table describes them: images and tags stay in their tables with
 * `workspace = 0` and are only marked; what hangs on them, and whole rows of other tables with all that hangs on them,
 * are moved. Each is one statement, however many rows. What the trash keeps for an image or tag is `keeps`.
 */

type Table = keyof Tables;
/** Which rows: SQL over the alias `one`. */
type Where = RawBuilder<unknown>;
/** Tables whose rows are marked rather than moved. */
type Marked = 'images' | 'tags';

const columnsOf = (table: Table): [string, string][] => Object.entries(tableCustody[table].columns);
const hangsOn = (table: Table, parent: Table): boolean =>
  (tableCustody[table].hangsOn as readonly string[]).includes(parent);
const childrenOf = (table: Table): Table[] => erasureOrder.filter((other) => hangsOn(other, table));
/** The column by which rows refer to a row of a table. */
const reference = (parent: Table): string => `${parent.slice(0, -1)}_id`;
const references = ['image_id', 'tag_id', 'iteration_id'] as const;

/** What only ties images, tags and iterations together, among all that hangs on one of them. */
const linksOf = (table: Marked): Table[] =>
  childrenOf(table).filter((child) =>
    (['images', 'tags', 'iterations'] as const).some((other) => other !== table && hangsOn(child, other)),
  );

const keyText = (table: Table): RawBuilder<string> =>
  sql.join(
    tableCustody[table].key.map((column) => sql.ref(`one.${column}`)),
    sql` || '/' || `,
  );

/** A row of `one` as the trash keeps it. */
function packed(table: Table): RawBuilder<string> {
  const parts = columnsOf(table).map(([name, held]) => {
    const value = sql.ref(`one.${name}`);
    return held.startsWith('sealed')
      ? sql`${sql.lit(name)}, case when ${value} is null then null else hex(${value}) end`
      : sql`${sql.lit(name)}, ${value}`;
  });
  return sql`json_object(${sql.join(parts)})`;
}

/** Moves rows that nothing in their tables refers to. */
async function move(tx: Tx, itemId: string, table: Table, where: Where): Promise<void> {
  const names = columnsOf(table).map(([name]) => name);
  const refers = references.map((name) => (names.includes(name) ? sql.ref(`one.${name}`) : sql`null`));
  const keeps = hangsOn(table, 'iterations') && (hangsOn(table, 'images') || hangsOn(table, 'tags')) ? 1 : 0;
  await sql`insert into trash_rows (kind, row_id, item_id, project_id, row, keeps, image_id, tag_id, iteration_id)
    select ${table}, ${keyText(table)}, ${itemId}, one.project_id, ${packed(table)}, ${keeps}, ${sql.join(refers)}
    from ${sql.table(table)} as one where ${where}`.execute(tx);
  await sql`delete from ${sql.table(table)} as one where ${where} and exists (
    select 1 from trash_rows t where t.kind = ${table} and t.row_id = ${keyText(table)})`.execute(tx);
}

/** Marks rows of the workspace as being in the trash; they leave the workspace in {@link leaveWorkspace}. */
async function mark(tx: Tx, itemId: string, table: Marked, where: Where): Promise<void> {
  const refers = references.map((name) => (name === reference(table) ? sql`one.id` : sql`null`));
  await sql`insert into trash_rows (kind, row_id, item_id, project_id, row, keeps, image_id, tag_id, iteration_id)
    select ${table}, one.id, ${itemId}, one.project_id, '{}', 1, ${sql.join(refers)}
    from ${sql.table(table)} as one where one.workspace = 1 and ${where}`.execute(tx);
}

async function leaveWorkspace(tx: Tx, itemId: string, table: Marked): Promise<void> {
  await sql`update ${sql.table(table)} set workspace = 0 where id in (
    select row_id from trash_rows where item_id = ${itemId} and kind = ${table})`.execute(tx);
}

/**
 * Moves images of the workspace to the trash: those of the ids, or all. With `allIterations` every iteration's record of
 * them as well.
 */
export async function trashImages(
  tx: Tx,
  itemId: string,
  { projectId, ids, allIterations }: { projectId: string; ids?: readonly string[] | undefined; allIterations: boolean },
): Promise<void> {
  const some = (column: string): Where =>
    ids === undefined ? sql`true` : sql`${sql.ref(column)} in (${sql.join([...ids])})`;
  await mark(tx, itemId, 'images', sql`one.project_id = ${projectId} and ${some('one.id')}`);
  const links = linksOf('images');
  const learned = links.filter((table) => hangsOn(table, 'iterations'));
  if (allIterations)
    for (const table of learned)
      await move(tx, itemId, table, sql`one.project_id = ${projectId} and ${some('one.image_id')}`);
  const own = sql`(select image_id from trash_rows where item_id = ${itemId} and keeps = 1)`;
  if (allIterations)
    await sql`update trash_rows set item_id = ${itemId}
      where kind in (${sql.join(learned)}) and image_id in ${own}`.execute(tx);
  for (const table of links) if (!learned.includes(table)) await move(tx, itemId, table, sql`one.image_id in ${own}`);
  await leaveWorkspace(tx, itemId, 'images');
}

/** Moves a tag of the workspace to the trash; iterations that learned it keep it. */
export async function trashTag(tx: Tx, itemId: string, tagId: string): Promise<void> {
  await mark(tx, itemId, 'tags', sql`one.id = ${tagId}`);
  for (const table of linksOf('tags'))
    if (!hangsOn(table, 'iterations')) await move(tx, itemId, table, sql`one.tag_id = ${tagId}`);
  await leaveWorkspace(tx, itemId, 'tags');
}

/** Moves rows of these ids to the trash, with all that hangs on them. */
export async function trashWhole(
  tx: Tx,
  itemId: string,
  table: 'iterations' | 'exports' | 'predictions',
  projectId: string,
  ids: readonly string[],
): Promise<void> {
  for (const child of childrenOf(table))
    await move(tx, itemId, child, sql`${sql.ref(`one.${reference(table)}`)} in (${sql.join([...ids])})`);
  await move(tx, itemId, table, sql`one.project_id = ${projectId} and one.id in (${sql.join([...ids])})`);
}

/** How many of each table came back, and how many did not, because what they refer to is gone or taken. */
export interface PutBack {
  readonly restored: Readonly<Record<string, number>>;
  readonly dropped: Readonly<Record<string, number>>;
}

/**
 * Puts what an item holds back in its place, or of images only those of the ids. Images that were uploaded again
 * meanwhile stay in the trash. What refers to something that is in the trash itself waits there for it; what refers to
 * something gone for good is dropped.
 */
export async function putBack(tx: Tx, itemId: string, imageIds?: readonly string[]): Promise<PutBack> {
  const restored: Record<string, number> = {};
  const dropped: Record<string, number> = {};
  const some = imageIds === undefined ? sql`true` : sql`one.image_id in (${sql.join([...imageIds])})`;
  for (const table of ['images', 'tags'] as const) {
    const again =
      table === 'images'
        ? sql`exists (select 1 from images twin where twin.project_id = here.project_id
            and twin.digest = here.digest and twin.workspace = 1)`
        : sql`false`;
    const { numAffectedRows } = await sql`update ${sql.table(table)} as here set workspace = 1
      where here.workspace = 0 and not ${again} and here.id in (select one.row_id from trash_rows one
        where one.item_id = ${itemId} and one.kind = ${table} and ${some})`.execute(tx);
    if (Number(numAffectedRows) > 0) restored[table] = Number(numAffectedRows);
    await sql`delete from trash_rows where item_id = ${itemId} and kind = ${table} and row_id in (
      select id from ${sql.table(table)} where workspace = 1)`.execute(tx);
  }
  const parentsFirst = erasureOrder.toReversed().filter((table) => 'project_id' in tableCustody[table].columns);
  for (const table of parentsFirst) {
    if (table === 'images' || table === 'tags') continue;
    const mine = sql`one.item_id = ${itemId} and one.kind = ${table} and ${some} and not exists (
      select 1 from trash_rows m where m.kind = 'images' and m.row_id = one.image_id and m.item_id = one.item_id)`;
    const gone = await settle(tx, table, mine);
    const back = await insertBack(tx, table, mine);
    const refused = table === 'image_tags' ? await untagConflicts(tx, mine) : 0;
    await sql`delete from trash_rows as one where ${mine}`.execute(tx);
    if (back > refused) restored[table] = back - refused;
    if (gone + refused > 0) dropped[table] = gone + refused;
  }
  return { restored, dropped };
}

/** Moves rows whose parent is in the trash to that item, and removes those whose parent is gone; returns how many. */
async function settle(tx: Tx, table: Table, mine: Where): Promise<number> {
  let gone = 0;
  for (const parent of ['images', 'tags', 'iterations'] as const) {
    if (!hangsOn(table, parent)) continue;
    const id = sql.ref(`one.${reference(parent)}`);
    const inWorkspace = parent === 'iterations' || hangsOn(table, 'iterations') ? sql`true` : sql`p.workspace = 1`;
    const missing = sql`not exists (select 1 from ${sql.table(parent)} p where p.id = ${id} and ${inWorkspace})`;
    const other = sql`select o.item_id from trash_rows o where o.kind = ${parent} and o.row_id = ${id}`;
    await sql`update trash_rows as one set item_id = (${other})
      where ${mine} and ${missing} and exists (${other})`.execute(tx);
    const { numAffectedRows } = await sql`delete from trash_rows as one where ${mine} and ${missing}`.execute(tx);
    gone += Number(numAffectedRows ?? 0);
  }
  return gone;
}

async function insertBack(tx: Tx, table: Table, mine: Where): Promise<number> {
  const { rows } = await sql<{ row: string }>`select one.row from trash_rows one where ${mine} limit 1`.execute(tx);
  if (rows[0] === undefined) return 0;
  // A column that is newer than the row takes its default.
  const known = new Set(Object.keys(JSON.parse(rows[0].row) as object));
  const columns = columnsOf(table).filter(([name]) => known.has(name));
  const values = columns.map(([name, held]) => {
    const value = sql`json_extract(one.row, ${sql.lit(`$.${name}`)})`;
    return held.startsWith('sealed') ? sql`unhex(${value})` : value;
  });
  const { numAffectedRows } =
    await sql`insert into ${sql.table(table)} (${sql.join(columns.map(([name]) => sql.ref(name)))})
    select ${sql.join(values)} from trash_rows one where ${mine}`.execute(tx);
  return Number(numAffectedRows ?? 0);
}

/** Takes off again tags that an image may not carry beside others it got meanwhile; those put on last stay. */
async function untagConflicts(tx: Tx, mine: Where): Promise<number> {
  const isMine = (link: string): RawBuilder<boolean> =>
    sql`exists (select 1 from trash_rows one where ${mine}
      and one.row_id = ${sql.ref(`${link}.image_id`)} || '/' || ${sql.ref(`${link}.tag_id`)})`;
  const { numAffectedRows } = await sql`delete from image_tags as link where ${isMine('link')} and exists (
    select 1 from image_tags other
      join projects on projects.id = other.project_id
      join tags own on own.id = link.tag_id
      join tags its on its.id = other.tag_id
    where other.image_id = link.image_id and other.tag_id <> link.tag_id
      and (projects.classification_type = 'Multiclass' or own.type = 'Negative' or its.type = 'Negative')
      and (not ${isMine('other')} or (other.created, other.tag_id) > (link.created, link.tag_id)))`.execute(tx);
  return Number(numAffectedRows ?? 0);
}

/** Removes rows from the trash for good, giving up their files. Items of which nothing is left are gone, too. */
async function drop(tx: Tx, scope: Required<KeyScope>, where: Where): Promise<void> {
  const kinds = Object.keys(blobCustody) as BlobKind[];
  const moved = kinds.filter((kind) => !('workspace' in tableCustody[blobCustody[kind].hangsOn].columns));
  const tables = sql.join([...new Set(moved.map((kind) => blobCustody[kind].hangsOn))]);
  const { rows } = await sql<{ kind: string; row_id: string; row: string }>`
    select one.kind, one.row_id, one.row from trash_rows one where ${where} and one.kind in (${tables})`.execute(tx);
  const blobs = rows.flatMap((row): BlobKey[] =>
    moved
      .filter((kind) => blobCustody[kind].hangsOn === row.kind)
      .map((kind) =>
        blobKey(scope.accountId, scope.projectId, kind, blobIdOf(kind, JSON.parse(row.row) as Record<string, unknown>)),
      ),
  );
  await abandonBlobs(tx, scope.projectId, blobs);
  await sql`delete from trash_rows as one where ${where}`.execute(tx);
  await sql`delete from trash where project_id = ${scope.projectId} and kind <> 'project' and not exists (
    select 1 from trash_rows t where t.item_id = trash.id)`.execute(tx);
}

/** The trashed iteration that has this model, or whose own id it is. */
export async function trashedByModel(
  db: Queries,
  modelId: string,
): Promise<(Required<KeyScope> & { iterationId: string }) | undefined> {
  return db
    .selectFrom('trash_rows')
    .innerJoin('projects', 'projects.id', 'trash_rows.project_id')
    .select(['projects.id as projectId', 'projects.account_id as accountId', 'trash_rows.row_id as iterationId'])
    .where('trash_rows.kind', '=', 'iterations')
    .where(sql`coalesce(json_extract(trash_rows.row, '$.model_id'), trash_rows.row_id)`, '=', modelId)
    .executeTakeFirst();
}

/** Whether an iteration that is in the trash learned from any of these images. */
export async function isLearnedInTrash(db: Queries, imageIds: readonly string[]): Promise<boolean> {
  const row = await db
    .selectFrom('trash_rows as one')
    .innerJoin('trash_rows as iteration', 'iteration.row_id', 'one.iteration_id')
    .select('one.row_id')
    .where('iteration.kind', '=', 'iterations')
    .where('one.kind', '=', 'iteration_images')
    .where('one.image_id', 'in', [...imageIds])
    .limit(1)
    .executeTakeFirst();
  return row !== undefined;
}

/** Removes all an item holds. */
export const dropItem = (tx: Tx, scope: Required<KeyScope>, itemId: string): Promise<void> =>
  drop(tx, scope, sql`one.item_id = ${itemId}`);

/** Removes what was moved to the trash of an iteration, with all that hangs on it: it is erased itself. */
export const dropOfIteration = (tx: Tx, scope: Required<KeyScope>, iterationId: string): Promise<void> =>
  drop(
    tx,
    scope,
    sql`(one.iteration_id = ${iterationId} or (one.kind = 'iterations' and one.row_id = ${iterationId}))`,
  );

/** Adds to an iteration's item what else of it is in the trash, so that all of it goes at once. */
export async function gatherOfIteration(tx: Tx, itemId: string, iterationId: string): Promise<void> {
  await tx.updateTable('trash_rows').set({ item_id: itemId }).where('iteration_id', '=', iterationId).execute();
}

/** Removes images, of these ids or all, from the records of iterations that are in the trash. Returns how many. */
export async function dropFromRecords(tx: Tx, projectId: string, ids: readonly string[] | undefined): Promise<number> {
  const some = ids === undefined ? sql`true` : sql`image_id in (${sql.join([...ids])})`;
  const tables = linksOf('images').filter((table) => hangsOn(table, 'iterations'));
  const { numAffectedRows } = await sql`delete from trash_rows
    where project_id = ${projectId} and kind in (${sql.join(tables)}) and ${some}`.execute(tx);
  return Number(numAffectedRows ?? 0);
}

/** Removes from the trash what one thing of a note of `erased.ts` was: by its table, and whether it only left the workspace. */
export async function dropNoted(
  tx: Tx,
  scope: Required<KeyScope>,
  table: Table,
  id: string,
  hidden: boolean,
): Promise<void> {
  if (table === 'iterations') return dropOfIteration(tx, scope, id);
  const marker = sql`(one.kind = ${table} and one.row_id = ${id})`;
  if (table !== 'images' && table !== 'tags') return drop(tx, scope, marker);
  const links = sql`(${sql.ref(`one.${reference(table)}`)} = ${id} and ${hidden ? sql`one.keeps = 0` : sql`true`})`;
  return drop(tx, scope, sql`(${marker} or ${links})`);
}

/** Whose trash a row is in; `undefined` when it is in none. */
export async function scopeOfTrashed(db: Queries, table: Table, id: string): Promise<Required<KeyScope> | undefined> {
  return db
    .selectFrom('trash_rows')
    .innerJoin('projects', 'projects.id', 'trash_rows.project_id')
    .select(['projects.id as projectId', 'projects.account_id as accountId'])
    .where('trash_rows.kind', '=', table)
    .where('trash_rows.row_id', '=', id)
    .executeTakeFirst();
}
