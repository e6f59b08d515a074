import { sql } from 'kysely';
import type { Micros } from '../base/clock.ts';
import type { ErasureCounts } from '../domain/receipt.ts';
import { type BlobStore, blobParts } from './blobs.ts';
import { tableCustody } from './custody.ts';
import type { Queries } from './database.ts';
import { countRows } from './erase.ts';
import type { KeyScope } from './keys.ts';
import type { ErasureRow, Tables } from './schema.ts';
import { keptInTrash } from './trash-items.ts';

/** The erasures of a project, or of an account with all its projects, that are not finished. */
export async function openErasures(db: Queries, { accountId, projectId }: KeyScope): Promise<ErasureRow[]> {
  let rows = db.selectFrom('erasures').selectAll().where('account_id', '=', accountId).where('finished', 'is', null);
  // A project may be the last thing that keeps its account's erasure from being finished.
  if (projectId !== undefined)
    rows = rows.where((of) => of.or([of('project_id', '=', projectId), of('kind', '=', 'account')]));
  return rows.orderBy('asked').execute();
}

/** Where erasures are not finished. */
export async function unfinishedScopes(db: Queries): Promise<KeyScope[]> {
  const rows = await db
    .selectFrom('erasures')
    .select(['account_id', 'project_id'])
    .where('finished', 'is', null)
    .groupBy(['account_id', 'project_id'])
    .execute();
  return rows.map((row) => ({
    accountId: row.account_id,
    ...(row.project_id === null ? {} : { projectId: row.project_id }),
  }));
}

/** An account's erasures, latest first. */
export const listErasures = (db: Queries, accountId: string): Promise<ErasureRow[]> =>
  db.selectFrom('erasures').selectAll().where('account_id', '=', accountId).orderBy('asked', 'desc').execute();

/** One of them, whoever asks. */
export const findErasure = (db: Queries, id: string): Promise<ErasureRow | undefined> =>
  db.selectFrom('erasures').selectAll().where('id', '=', id).executeTakeFirst();

/** Whether nothing is left of what an account's or project's erasure removes: neither its row nor a file that waits for the sweep. */
export async function isErased(db: Queries, { accountId, projectId }: KeyScope): Promise<boolean> {
  const table = projectId === undefined ? 'accounts' : 'projects';
  const row = await db
    .selectFrom(table)
    .select('id')
    .where('id', '=', projectId ?? accountId)
    .executeTakeFirst();
  if (row !== undefined) return false;
  const loose = await db
    .selectFrom('loose_blobs')
    .select('key')
    .where('key', 'like', projectId === undefined ? `${accountId}/%` : `${accountId}/${projectId}/%`)
    .limit(1)
    .executeTakeFirst();
  return loose === undefined;
}

/** Everything that erasing a scope will remove: rows by table, files by kind, `bytes` of ciphertext. What there is none of is left out. */
export async function countScope(db: Queries, blobs: BlobStore, scope: KeyScope): Promise<ErasureCounts> {
  const counts: Record<string, number> = {};
  for (const [table, n] of Object.entries(await countRows(db, scope)))
    if (n > 0 && tableCustody[table as keyof Tables].owner !== 'server') counts[table] = n;
  const prefix = scope.projectId === undefined ? `${scope.accountId}/` : `${scope.accountId}/${scope.projectId}/`;
  for await (const { key, bytes } of blobs.list(prefix)) {
    const { kind } = blobParts(key);
    counts[kind] = (counts[kind] ?? 0) + 1;
    counts.bytes = (counts.bytes ?? 0) + bytes;
  }
  return counts;
}

/** What deleting images will remove for good and what stays: those of these ids, or all of the project's. Asked before they are. */
export async function countImages(
  db: Queries,
  projectId: string,
  ids: readonly string[] | undefined,
  allIterations: boolean,
): Promise<{ erased: number; kept: number }> {
  const some = ids === undefined ? sql`` : sql`and i.id in (${sql.join(ids)})`;
  const held = sql`exists (select 1 from iteration_images l where l.image_id = i.id)`;
  const trashed = sql`exists (select 1 from trash_rows t where t.kind = 'images' and t.row_id = i.id)`;
  const heldInTrash = keptInTrash('image_id', sql.ref('i.id'));
  const { rows } = await sql<{ held: number; n: number }>`
    select (${held} or ${heldInTrash}) as held, count(*) as n from images i
    where i.project_id = ${projectId} ${some} and not ${trashed}
      and (i.workspace = 1 or (${allIterations ? 1 : 0} = 1 and (${held} or ${heldInTrash})))
    group by 1`.execute(db);
  const of = (value: boolean): number => Number(rows.find((row) => Boolean(Number(row.held)) === value)?.n ?? 0);
  return allIterations ? { erased: of(true) + of(false), kept: 0 } : { erased: of(false), kept: of(true) };
}

/** How many images and tags that are gone from the workspace only this iteration keeps. */
export async function onlyKeptBy(db: Queries, iterationId: string): Promise<{ images: number; tags: number }> {
  const count = async (table: 'images' | 'tags', links: string, column: string): Promise<number> => {
    const { rows } = await sql<{ n: number }>`
      select count(*) as n from ${sql.table(links)} mine join ${sql.table(table)} it on it.id = mine.${sql.ref(column)}
      where mine.iteration_id = ${iterationId} and it.workspace = 0 and not exists (
        select 1 from ${sql.table(links)} other
        where other.${sql.ref(column)} = it.id and other.iteration_id <> ${iterationId})
      and not exists (
        select 1 from trash_rows t
        where t.${sql.ref(column)} = it.id and t.keeps = 1 and t.iteration_id is distinct from ${iterationId})`.execute(
      db,
    );
    return Number(rows[0]?.n ?? 0);
  };
  return {
    images: await count('images', 'iteration_images', 'image_id'),
    tags: await count('tags', 'iteration_tags', 'tag_id'),
  };
}

/** Whether an iteration learned this tag, and so keeps it. */
export async function isLearned(db: Queries, tagId: string): Promise<boolean> {
  const row = await db
    .selectFrom('iteration_tags')
    .select('tag_id')
    .where('tag_id', '=', tagId)
    .limit(1)
    .executeTakeFirst();
  if (row !== undefined) return true;
  const { rows } = await sql<{ kept: number }>`select ${keptInTrash('tag_id', sql`${tagId}`)} as kept`.execute(db);
  return Boolean(rows[0]?.kept);
}

/** Forgets an erased account's erasures but its own, and the receipts of accounts that were erased before `until`. */
export async function forgetErasures(db: Queries, accountId: string | undefined, until: Micros): Promise<void> {
  if (accountId !== undefined)
    await db.deleteFrom('erasures').where('account_id', '=', accountId).where('kind', '!=', 'account').execute();
  await db.deleteFrom('erasures').where('kind', '=', 'account').where('finished', '<', until).execute();
}

/** A project's erasure of what expired, while its sweep goes on. */
export const findOpenExpired = (db: Queries, projectId: string): Promise<ErasureRow | undefined> =>
  db
    .selectFrom('erasures')
    .selectAll()
    .where('project_id', '=', projectId)
    .where('kind', '=', 'expired')
    .where('finished', 'is', null)
    .limit(1)
    .executeTakeFirst();

/** Forgets an account's receipts of what expired before `until`. */
export async function forgetExpired(db: Queries, accountId: string, until: Micros): Promise<void> {
  await db
    .deleteFrom('erasures')
    .where('account_id', '=', accountId)
    .where('kind', '=', 'expired')
    .where('finished', '<', until)
    .execute();
}

/** Every receipt there is. */
export async function signedErasures(db: Queries): Promise<{ id: string; receipt: string }[]> {
  const rows = await db.selectFrom('erasures').select(['id', 'receipt']).where('receipt', 'is not', null).execute();
  return rows.map(({ id, receipt }) => ({ id, receipt: receipt! }));
}
