import { type RawBuilder, sql } from 'kysely';
import { tableCustody } from './custody.ts';
import type { Tx } from './database.ts';
import {
  childrenOf,
  columnsOf,
  hangsOn,
  linksOf,
  type Marked,
  reference,
  references,
  type Table,
  type Where,
} from './trash-shape.ts';

/**
 * Moves rows to the trash. Each is one statement, however many rows. What the trash keeps for an image or tag is `keeps`.
 */

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
