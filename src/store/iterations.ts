import { domainById } from '../domain/domain.ts';
import type { ImportedIteration, Iteration } from '../domain/iteration.ts';
import type { Queries } from './database.ts';
import type { KeyScope, Keys } from './keys.ts';
import type { ExportRow, IterationImageRow, IterationRow, Sealed } from './schema.ts';
import { openText, openTextOrNull } from './sealed.ts';

/** The project's iterations, newest first. */
export const listIterations = (db: Queries, projectId: string): Promise<IterationRow[]> =>
  db.selectFrom('iterations').selectAll().where('project_id', '=', projectId).orderBy('created', 'desc').execute();

/** One of them. */
export const findIteration = (db: Queries, projectId: string, id: string): Promise<IterationRow | undefined> =>
  db.selectFrom('iterations').selectAll().where('project_id', '=', projectId).where('id', '=', id).executeTakeFirst();

/** The iteration published under the name with this lookup. */
export const iterationByPublishName = (
  db: Queries,
  projectId: string,
  lookup: string,
): Promise<IterationRow | undefined> =>
  db
    .selectFrom('iterations')
    .selectAll()
    .where('project_id', '=', projectId)
    .where('publish_lookup', '=', lookup)
    .executeTakeFirst();

/** The iteration that answers when none is named. */
export const findDefaultIteration = (db: Queries, projectId: string): Promise<IterationRow | undefined> =>
  db
    .selectFrom('iterations')
    .selectAll()
    .where('project_id', '=', projectId)
    .where('is_default', '=', 1)
    .executeTakeFirst();

/** The images an iteration learned from, by id: all, or those of these ids. */
export const iterationImages = (
  db: Queries,
  iterationId: string,
  imageIds?: readonly string[],
): Promise<IterationImageRow[]> => {
  let rows = db.selectFrom('iteration_images').selectAll().where('iteration_id', '=', iterationId);
  if (imageIds !== undefined) rows = rows.where('image_id', 'in', [...imageIds]);
  return rows.orderBy('image_id').execute();
};

/** Which of these images, or tags, iterations learned from. */
export async function keptByIterations(
  db: Queries,
  table: 'images' | 'tags',
  ids: readonly string[],
  iterations: ReadonlySet<string>,
): Promise<Set<string>> {
  if (ids.length === 0 || iterations.size === 0) return new Set();
  const by = [...iterations];
  const rows =
    table === 'images'
      ? db.selectFrom('iteration_images').select('image_id as id').where('iteration_id', 'in', by)
      : db.selectFrom('iteration_tags').select('tag_id as id').where('iteration_id', 'in', by);
  const found = await db
    .selectFrom(rows.as('learned'))
    .select('id')
    .distinct()
    .where('id', 'in', [...ids])
    .execute();
  return new Set(found.map((row) => row.id));
}

/** Those an iteration has a held-out result of, by id. */
export const judgedImages = (db: Queries, iterationId: string): Promise<IterationImageRow[]> =>
  db
    .selectFrom('iteration_images')
    .selectAll()
    .where('iteration_id', '=', iterationId)
    .where('scores', 'is not', null)
    .orderBy('image_id')
    .execute();

/** The images an iteration learns from, by id: those of its record that carried a tag and that it is not to forget. */
export const learnedImages = async (db: Queries, iterationId: string): Promise<IterationImageRow[]> =>
  (await iterationImages(db, iterationId)).filter((image) => image.tag_ids !== '[]' && image.forgetting === 0);

/** An iteration's exports, oldest first. */
export const listExports = (db: Queries, projectId: string, iterationId: string): Promise<ExportRow[]> =>
  db
    .selectFrom('exports')
    .selectAll()
    .where('project_id', '=', projectId)
    .where('iteration_id', '=', iterationId)
    .orderBy('created')
    .execute();

/** What is sealed of an image of an iteration is bound to this. */
export const scoresId = (iterationId: string, imageId: string): string => `${iterationId}/${imageId}`;

const scores = 'iteration_images.scores';

/** A held-out result, sealed; `null` where there is none. */
export const sealScores = (
  keys: Keys,
  scope: KeyScope,
  iterationId: string,
  imageId: string,
  result: Uint8Array | null,
): Sealed | null => result && keys.seal({ ...scope, kind: scores, id: scoresId(iterationId, imageId) }, result);

/** The inverse of {@link sealScores}, as the numbers that the column holds. */
export function openScores(keys: Keys, scope: KeyScope, row: IterationImageRow): Float32Array | undefined {
  if (row.scores === null) return undefined;
  const id = scoresId(row.iteration_id, row.image_id);
  return new Float32Array(new Uint8Array(keys.open({ ...scope, kind: scores, id }, row.scores)).buffer);
}

/** The noun of a row, its texts opened. */
export function iterationFromRow(keys: Keys, scope: KeyScope, row: IterationRow): Iteration {
  const domain = domainById(row.domain_id);
  const training = row.status === 'Training';
  const done = row.status === 'Completed' && domain !== undefined;
  return {
    id: row.id,
    projectId: row.project_id,
    name: openText(keys, scope, 'iterations.name', row.id, row.name),
    status: row.status,
    created: row.created,
    lastModified: row.modified,
    trainedAt: row.trained_at,
    domainId: training ? null : row.domain_id,
    classificationType: training ? null : row.classification_type,
    trainingType: row.training_type,
    reservedBudgetInHours: row.reserved_budget_hours,
    backbone: row.backbone,
    trainingTimeInMinutes: row.training_minutes,
    exportable: done && domain.exportable,
    exportableTo: done ? domain.exportablePlatforms : null,
    publishName: openTextOrNull(keys, scope, 'iterations.publish_name', row.id, row.publish_name),
    originalPublishResourceId: openTextOrNull(keys, scope, 'iterations.publish_resource', row.id, row.publish_resource),
    isDefault: row.is_default === 1,
    // That an iteration could not be trained anew does not make it one that failed.
    trainingErrorDetails:
      row.status === 'Failed' ? openTextOrNull(keys, scope, 'iterations.error', row.id, row.error) : null,
    customBaseModel:
      row.base_project_id === null || row.base_iteration_id === null
        ? null
        : { projectId: row.base_project_id, iterationId: row.base_iteration_id },
    imported:
      row.imported === null
        ? null
        : (JSON.parse(openText(keys, scope, 'iterations.imported', row.id, row.imported)) as ImportedIteration),
  };
}
