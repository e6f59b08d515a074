import type { Micros } from '../base/clock.ts';
import { chunks } from '../base/concurrency.ts';
import { problem } from '../domain/problems.ts';
import { type BlobKey, type BlobStore, blobParts } from './blobs.ts';
import type { Database, Queries, Tx } from './database.ts';
import type { KeyScope } from './keys.ts';

/** Rows in one statement: far below what SQLite and PostgreSQL take as parameters. */
const rowsAtOnce = 500;
/**
 * In `sweep_after`: given up by its writer or its row; the next sweep removes it unless it is announced again before.
 */
const abandoned: Micros = 0;
/** In `sweep_after`: the sweep is at it, so that nobody may count on the blob any more. */
const beingSwept: Micros = -1;

/**
 * Says which blobs are about to be written, so that they are found again when the writer dies. Committed before the
 * first of them is put; {@link keepBlobs} follows in the transaction that makes rows refer to them, before
 * `sweepAfter`.
 * @throws AppError `Conflict` when one of them is being removed at this moment; try again.
 */
export async function announceBlobs(
  db: Queries,
  projectId: string,
  keys: readonly BlobKey[],
  sweepAfter: Micros,
): Promise<void> {
  if ((await upsert(db, projectId, keys, sweepAfter)) !== keys.length) throw problem('Conflict');
}

/**
 * Withdraws announcements in the transaction whose rows refer to the blobs from now on.
 * @throws AppError `Conflict` when the sweep was faster: a blob may be gone.
 */
export async function keepBlobs(tx: Tx, keys: readonly BlobKey[]): Promise<void> {
  for (const some of chunks(keys, rowsAtOnce)) {
    const { numDeletedRows } = await tx
      .deleteFrom('loose_blobs')
      .where('key', 'in', some)
      .where('sweep_after', '>', abandoned)
      .executeTakeFirst();
    if (Number(numDeletedRows) !== some.length) throw problem('Conflict', 'Storing took too long: send it again.');
  }
}

/**
 * Gives blobs to the next sweep: those of rows removed in the same transaction, or announced ones that will not be
 * used.
 */
export async function abandonBlobs(db: Queries, projectId: string, keys: readonly BlobKey[]): Promise<void> {
  await upsert(db, projectId, keys, abandoned);
}

async function upsert(db: Queries, projectId: string, keys: readonly BlobKey[], sweepAfter: Micros): Promise<number> {
  let changed = 0;
  for (const some of chunks(keys, rowsAtOnce)) {
    const result = await db
      .insertInto('loose_blobs')
      .values(some.map((key) => ({ key, project_id: projectId, sweep_after: sweepAfter })))
      .onConflict((conflict) =>
        conflict
          .column('key')
          .doUpdateSet({ sweep_after: sweepAfter })
          .where('loose_blobs.sweep_after', '!=', beingSwept),
      )
      .executeTakeFirst();
    changed += Number(result.numInsertedOrUpdatedRows ?? 0);
  }
  return changed;
}

/** What to sweep. */
export interface Sweep {
  /** Only this project's. */
  readonly projectId?: string;
  /** But not those of these projects. */
  readonly except?: readonly string[];
  /** Blobs whose `sweep_after` is before this. */
  readonly before: Micros;
}

/**
 * Removes up to `limit` (500 at most) ripe loose blobs for good, then their rows; returns how many. Interrupted, they
 * are found again.
 */
export async function sweepBlobs(
  db: Database,
  blobs: BlobStore,
  { projectId, except = [], before }: Sweep,
  limit: number,
): Promise<number> {
  const taken = await db.query
    .updateTable('loose_blobs')
    .set({ sweep_after: beingSwept })
    .where('key', 'in', (at) =>
      at
        .selectFrom('loose_blobs')
        .select('key')
        .where('sweep_after', '<', before)
        .$if(projectId !== undefined, (some) => some.where('project_id', '=', projectId!))
        .$if(except.length > 0, (some) => some.where('project_id', 'not in', [...except]))
        .limit(Math.min(limit, rowsAtOnce)),
    )
    .returning('key')
    .execute();
  const keys = taken.map((row) => row.key as BlobKey);
  if (keys.length === 0) return 0;
  await blobs.delete(keys);
  await db.query.deleteFrom('loose_blobs').where('key', 'in', keys).where('sweep_after', '=', beingSwept).execute();
  return keys.length;
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

/** The projects that loose blobs belong to: an account's, or all. They may be gone themselves. */
export async function projectsWithLooseBlobs(db: Queries, accountId?: string): Promise<Required<KeyScope>[]> {
  const rows = await db
    .selectFrom('loose_blobs')
    .select((at) => ['project_id', at.fn.min('key').as('key')])
    .$if(accountId !== undefined, (some) => some.where('key', 'like', `${accountId}/%`))
    .groupBy('project_id')
    .execute();
  return rows.map((row) => ({ accountId: blobParts(row.key as BlobKey).accountId, projectId: row.project_id }));
}
