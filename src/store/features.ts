import type { Queries, Tx } from './database.ts';
import type { ImageFeaturesRow, Sealed } from './schema.ts';

/**
 * The ids of images whose features wait to be computed, oldest first: at most `limit`, and only those among `ids` if
 * given.
 */
export async function imagesWithoutFeatures(
  db: Queries,
  projectId: string,
  { limit, ids }: { readonly limit?: number; readonly ids?: readonly string[] } = {},
): Promise<string[]> {
  let rows = db.selectFrom('images').select('id').where('project_id', '=', projectId).where('features', '=', 0);
  if (ids !== undefined) rows = rows.where('id', 'in', [...ids]);
  if (limit !== undefined) rows = rows.limit(limit);
  return (await rows.orderBy('created').execute()).map((row) => row.id);
}

/** Puts features in the place of older ones. Images that are gone meanwhile are passed over. */
export async function keepFeatures(tx: Tx, projectId: string, rows: readonly ImageFeaturesRow[]): Promise<void> {
  const updated = await tx
    .updateTable('images')
    .set({ features: 1 })
    .where('project_id', '=', projectId)
    .where(
      'id',
      'in',
      rows.map((row) => row.image_id),
    )
    .returning('id')
    .execute();
  const there = new Set(updated.map((image) => image.id));
  const kept = rows.filter((row) => there.has(row.image_id));
  if (kept.length === 0) return;
  await tx
    .insertInto('image_features')
    .values(kept)
    .onConflict((older) =>
      older
        .column('image_id')
        .doUpdateSet((at) => ({ recipe: at.ref('excluded.recipe'), features: at.ref('excluded.features') })),
    )
    .execute();
}

/** The features of these images that were made by `recipe`, by image. */
export async function selectFeatures(
  db: Queries,
  recipe: string,
  imageIds: readonly string[],
): Promise<Map<string, Sealed>> {
  const rows = await db
    .selectFrom('image_features')
    .select(['image_id', 'features'])
    .where('image_id', 'in', [...imageIds])
    .where('recipe', '=', recipe)
    .execute();
  return new Map(rows.map((row) => [row.image_id, row.features]));
}

/** Has the features computed anew that another recipe made. */
export async function outdateFeatures(db: Queries, projectId: string, recipe: string): Promise<void> {
  await db
    .updateTable('images')
    .set({ features: 0 })
    .where('project_id', '=', projectId)
    .where('features', '=', 1)
    .where('id', 'in', (at) =>
      at
        .selectFrom('image_features')
        .select('image_id')
        .where('project_id', '=', projectId)
        .where('recipe', '!=', recipe),
    )
    .execute();
}
