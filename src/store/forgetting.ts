import { sql } from 'kysely';
import type { ErasureCounts } from '../domain/receipt.ts';
import type { Queries, Tx } from './database.ts';
import type { ErasureRow } from './schema.ts';

/** An iteration that is to be trained anew, and whether it can be. */
export interface Rebuild {
  readonly iterationId: string;
  /** A tag it learned that no image would be left of. */
  readonly emptied: string | null;
}

/** Which of these images there are in a project, in its workspace or kept by an iteration. */
export async function presentImages(db: Queries, projectId: string, ids: readonly string[]): Promise<string[]> {
  const rows = await db
    .selectFrom('images')
    .select('id')
    .where('project_id', '=', projectId)
    .where('id', 'in', [...ids])
    .orderBy('id')
    .execute();
  return rows.map((row) => row.id);
}

/** The trained iterations that learned from any of these images, oldest first. */
export async function rebuildsFor(db: Queries, projectId: string, imageIds: readonly string[]): Promise<Rebuild[]> {
  const out = sql.join([...imageIds]);
  const { rows } = await sql<Rebuild>`
    select i.id as "iterationId", (
      select t.tag_id from iteration_tags t where t.iteration_id = i.id and not exists (
        select 1 from iteration_images l where l.iteration_id = i.id and l.forgetting = 0 and l.image_id not in (${out})
          and l.tag_ids like '%' || t.tag_id || '%') limit 1) as emptied
    from iterations i
    where i.project_id = ${projectId} and i.status = 'Completed' and exists (
      select 1 from iteration_images l where l.iteration_id = i.id and l.image_id in (${out}) and l.tag_ids != '[]')
    order by i.created`.execute(db);
  return rows;
}

/**
 * Has these images leave the record of every iteration: at once where no model knows them, else as soon as it was trained
 * anew. Returns how many left at once.
 */
export async function markForgetting(
  tx: Tx,
  projectId: string,
  imageIds: readonly string[],
  rebuilds: readonly string[],
  remakeExports: boolean,
): Promise<number> {
  const of = tx
    .deleteFrom('iteration_images')
    .where('project_id', '=', projectId)
    .where('image_id', 'in', [...imageIds])
    .where((one) =>
      rebuilds.length === 0
        ? one.lit(true)
        : one.or([one('iteration_id', 'not in', [...rebuilds]), one('tag_ids', '=', '[]')]),
    );
  const { numDeletedRows } = await of.executeTakeFirst();
  if (rebuilds.length === 0) return Number(numDeletedRows);
  await tx
    .updateTable('iteration_images')
    .set({ forgetting: 1 })
    .where('project_id', '=', projectId)
    .where('image_id', 'in', [...imageIds])
    .execute();
  await tx
    .updateTable('iterations')
    .set({ rebuild: 'Waiting', ...(remakeExports ? { remake_exports: 1 as const } : {}) })
    .where('id', 'in', [...rebuilds])
    .execute();
  return Number(numDeletedRows);
}

/** Whether a model still knows images that this erasure had it forget. */
export async function isBeingForgotten(db: Queries, row: Pick<ErasureRow, 'rebuilds' | 'subjects'>): Promise<boolean> {
  return row.rebuilds !== null && (await markedOf(db, JSON.parse(row.subjects) as string[])).length > 0;
}

/** Which of these images which iterations have yet to forget. */
export const markedOf = (
  db: Queries,
  imageIds: readonly string[],
): Promise<{ iteration_id: string; image_id: string }[]> =>
  db
    .selectFrom('iteration_images')
    .select(['iteration_id', 'image_id'])
    .where('forgetting', '=', 1)
    .where('image_id', 'in', [...imageIds])
    .execute();

/** How many of these images an iteration holds in its record. */
export async function heldImages(db: Queries, imageIds: readonly string[]): Promise<number> {
  const row = await db
    .selectFrom('iteration_images')
    .select((at) => at.fn.count<number>('image_id').distinct().as('n'))
    .where('image_id', 'in', [...imageIds])
    .executeTakeFirstOrThrow();
  return Number(row.n);
}

/** A project's erasures of images that iterations were to forget, latest first: all, or those not finished. */
export const forgettings = (db: Queries, projectId: string, open = false): Promise<ErasureRow[]> =>
  db
    .selectFrom('erasures')
    .selectAll()
    .where('project_id', '=', projectId)
    .where('rebuilds', 'is not', null)
    .$if(open, (some) => some.where('finished', 'is', null))
    .orderBy('asked', 'desc')
    .execute();

/** Notes for the receipts of those who asked that an iteration has forgotten these images, and what went with that. */
export async function noteForgotten(
  tx: Tx,
  projectId: string,
  iterationId: string,
  imageIds: readonly string[],
  more: ErasureCounts,
): Promise<void> {
  for (const row of await forgettings(tx, projectId, true)) {
    if (!(JSON.parse(row.rebuilds!) as string[]).includes(iterationId)) continue;
    const subjects = new Set(JSON.parse(row.subjects) as string[]);
    const images = imageIds.filter((id) => subjects.has(id)).length;
    if (images === 0) continue;
    const counts: Record<string, number> = { ...(JSON.parse(row.counts ?? '{}') as ErasureCounts) };
    for (const [kind, n] of Object.entries({ iteration_images: images, ...more }))
      if (n > 0) counts[kind] = (counts[kind] ?? 0) + n;
    const rebuilt = new Set([...(JSON.parse(row.rebuilt) as string[]), iterationId]);
    await tx
      .updateTable('erasures')
      .set({ counts: JSON.stringify(counts), rebuilt: JSON.stringify([...rebuilt]) })
      .where('id', '=', row.id)
      .execute();
  }
}
