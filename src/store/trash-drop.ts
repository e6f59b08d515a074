import { sql } from 'kysely';
import { type BlobKey, type BlobKind, blobKey } from './blobs.ts';
import { blobCustody, blobIdOf, tableCustody } from './custody.ts';
import type { Tx } from './database.ts';
import type { KeyScope } from './keys.ts';
import { abandonBlobs } from './loose-blobs.ts';
import { hangsOn, linksOf, reference, type Table, type Where } from './trash-shape.ts';

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

/** Removes all an item holds. */
export const dropItem = (tx: Tx, scope: Required<KeyScope>, itemId: string): Promise<void> =>
  drop(tx, scope, sql`one.item_id = ${itemId}`);

/** Removes rows of these keys in their table, and leaves the rest of their items. */
export const dropRows = (tx: Tx, scope: Required<KeyScope>, table: Table, ids: readonly string[]): Promise<void> =>
  drop(tx, scope, sql`(one.kind = ${table} and one.row_id in (${sql.join([...ids])}))`);

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
