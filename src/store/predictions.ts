import type { Prediction, PredictionQuery, StoredPrediction } from '../domain/prediction.ts';
import type { Box } from '../domain/region.ts';
import type { TagType } from '../domain/tag.ts';
import type { Queries } from './database.ts';
import type { KeyScope, Keys } from './keys.ts';
import type { PredictionRow } from './schema.ts';
import { openText } from './sealed.ts';

/**
 * The stored predictions that match by iteration and time, at most `most`, in order (`Suggested`: newest first), from
 * the one after `last` on, which need not be there any more.
 */
export const selectPredictions = (
  db: Queries,
  projectId: string,
  query: PredictionQuery,
  last: Pick<PredictionRow, 'created' | 'id'> | null,
  most: number,
): Promise<PredictionRow[]> => {
  const [direction, beyond] = query.orderBy === 'Oldest' ? (['asc', '>'] as const) : (['desc', '<'] as const);
  let rows = db.selectFrom('predictions').selectAll().where('project_id', '=', projectId);
  if (query.iterationId !== null) rows = rows.where('iteration_id', '=', query.iterationId);
  if (query.startTime !== null) rows = rows.where('created', '>=', query.startTime);
  if (query.endTime !== null) rows = rows.where('created', '<=', query.endTime);
  if (last !== null)
    rows = rows.where(({ or, and, eb }) =>
      or([eb('created', beyond, last.created), and([eb('created', '=', last.created), eb('id', beyond, last.id)])]),
    );
  return rows.orderBy('created', direction).orderBy('id', direction).limit(most).execute();
};

/** Removes the rows of these ids and tells which there were. */
export async function deletePredictionRows(db: Queries, projectId: string, ids: readonly string[]): Promise<string[]> {
  const rows = await db
    .deleteFrom('predictions')
    .where('project_id', '=', projectId)
    .where('id', 'in', [...ids])
    .returning('id')
    .execute();
  return rows.map((row) => row.id);
}

/** What a stored prediction keeps of each answer: the tag's name is the tag's own business. */
interface StoredResult {
  readonly tagId: string;
  readonly probability: number;
  /** Of what a detector found. */
  readonly box?: Box;
}

/** Answers as a row keeps them. */
export const resultsText = (predictions: readonly Prediction[]): string =>
  JSON.stringify(
    predictions.map(
      ({ tagId, probability, box }): StoredResult => ({ tagId, probability, ...(box !== null && { box }) }),
    ),
  );

/** The inverse of {@link resultsText}, from where it lies sealed; results for tags that are gone for good are left out. */
export function openResults(
  keys: Keys,
  scope: KeyScope,
  { kind, id, bytes }: { readonly kind: string; readonly id: string; readonly bytes: Uint8Array },
  tags: ReadonlyMap<string, { readonly name: string; readonly type: TagType }>,
): Prediction[] {
  const results = JSON.parse(openText(keys, scope, kind, id, bytes)) as StoredResult[];
  return results.flatMap(({ tagId, probability, box = null }) => {
    const tag = tags.get(tagId);
    return tag === undefined ? [] : [{ tagId, tagName: tag.name, tagType: tag.type, probability, box }];
  });
}

/** The noun of a row. */
export function storedFromRow(
  keys: Keys,
  scope: KeyScope,
  row: PredictionRow,
  domainId: string,
  tags: ReadonlyMap<string, { readonly name: string; readonly type: TagType }>,
): StoredPrediction {
  return {
    id: row.id,
    projectId: row.project_id,
    iterationId: row.iteration_id,
    domainId,
    created: row.created,
    predictions: openResults(keys, scope, { kind: 'predictions.results', id: row.id, bytes: row.results }, tags),
  };
}
