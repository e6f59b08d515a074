import { type RawBuilder, sql } from 'kysely';
import { tableCustody } from './custody.ts';
import type { Tx } from './database.ts';
import { erasureOrder } from './erase.ts';
import { columnsOf, hangsOn, reference, type Table, type Where } from './trash-shape.ts';

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
    if (table === 'iterations') await yieldDefault(tx, mine);
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

/** An iteration that was the default one comes back without that where another has become it. */
async function yieldDefault(tx: Tx, mine: Where): Promise<void> {
  await sql`update trash_rows as one set row = json_set(one.row, '$.is_default', 0) where ${mine} and exists (
    select 1 from iterations where iterations.project_id = one.project_id and iterations.is_default = 1)`.execute(tx);
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
