import type { Micros } from '../base/clock.ts';
import { problem } from '../domain/problems.ts';
import { type BlobKey, type BlobStore, blobParts } from './blobs.ts';
import type { Database, Queries, Tx } from './database.ts';

/** Rows in one statement: far below what SQLite and PostgreSQL take as parameters. */
const rowsAtOnce = 500;
/** A moment before all others: the sweep may have begun to remove the blob, so no row may refer to it any more. */
const given: Micros = 0;

/**
 * Says which blobs are about to be written, so that they are found again when the writer dies. Committed before the
 * first of them is put; {@link keepBlobs} follows in the transaction that makes rows refer to them, before `sweepAfter`.
 */
export async function announceBlobs(
  db: Queries,
  projectId: string,
  keys: readonly BlobKey[],
  sweepAfter: Micros,
): Promise<void> {
  for (const some of chunks(keys))
    await db
      .insertInto('loose_blobs')
      .values(some.map((key) => ({ key, project_id: projectId, sweep_after: sweepAfter })))
      .onConflict((conflict) => conflict.column('key').doUpdateSet({ sweep_after: sweepAfter }))
      .execute();
}

/**
 * Withdraws announcements in the transaction whose rows refer to the blobs from now on.
 * @throws AppError `Conflict` when the sweep was faster: a blob may be gone.
 */
export async function keepBlobs(tx: Tx, keys: readonly BlobKey[]): Promise<void> {
  for (const some of chunks(keys)) {
    const { numDeletedRows } = await tx
      .deleteFrom('loose_blobs')
      .where('key', 'in', some)
      .where('sweep_after', '>', given)
      .executeTakeFirst();
    if (Number(numDeletedRows) !== some.length)
      throw problem('Conflict', 'The pictures took too long to arrive: send them again.');
  }
}

/** Gives blobs to the next sweep: those of rows removed in the same transaction, or announced ones that will not be used. */
export async function abandonBlobs(tx: Queries, projectId: string, keys: readonly BlobKey[]): Promise<void> {
  await announceBlobs(tx, projectId, keys, given);
}

/** What to sweep. */
export interface Sweep {
  /** Only this project's. */
  readonly projectId?: string;
  /** Blobs whose `sweep_after` is before this. */
  readonly before: Micros;
}

/**
 * Removes up to `limit` ripe loose blobs for good, then their rows; returns how many. Interrupted, they are found again.
 */
export async function sweepBlobs(
  db: Database,
  blobs: BlobStore,
  { projectId, before }: Sweep,
  limit: number,
): Promise<number> {
  const rows = await db.query
    .selectFrom('loose_blobs')
    .select(['key', 'sweep_after'])
    .where('sweep_after', '<', before)
    .$if(projectId !== undefined, (some) => some.where('project_id', '=', projectId!))
    .orderBy('sweep_after')
    .limit(Math.min(limit, rowsAtOnce))
    .execute();
  let keys = rows.map((row) => row.key as BlobKey);
  if (rows.some((row) => row.sweep_after > given)) {
    // A writer that is only late may still want its blobs: take them from it first, or leave those it just took.
    await db.query.updateTable('loose_blobs').set({ sweep_after: given }).where('key', 'in', keys).execute();
    const taken = await db.query.selectFrom('loose_blobs').select('key').where('key', 'in', keys).execute();
    keys = taken.map((row) => row.key as BlobKey);
  }
  if (keys.length === 0) return rows.length;
  await blobs.delete(keys);
  await db.query.deleteFrom('loose_blobs').where('key', 'in', keys).where('sweep_after', '=', given).execute();
  return rows.length;
}

/** When the next loose blob of a project becomes ripe; `undefined` when it has none. */
export async function nextSweep(db: Queries, projectId: string): Promise<Micros | undefined> {
  const row = await db
    .selectFrom('loose_blobs')
    .select('sweep_after')
    .where('project_id', '=', projectId)
    .orderBy('sweep_after')
    .limit(1)
    .executeTakeFirst();
  return row?.sweep_after;
}

/** The projects that loose blobs belong to, each with its account. */
export async function projectsWithLooseBlobs(db: Queries): Promise<{ accountId: string; projectId: string }[]> {
  const rows = await db
    .selectFrom('loose_blobs')
    .select((at) => ['project_id', at.fn.min('key').as('key')])
    .groupBy('project_id')
    .execute();
  return rows.map((row) => ({ accountId: blobParts(row.key as BlobKey).accountId, projectId: row.project_id }));
}

function* chunks(keys: readonly BlobKey[]): Generator<BlobKey[]> {
  for (let at = 0; at < keys.length; at += rowsAtOnce) yield keys.slice(at, at + rowsAtOnce);
}
