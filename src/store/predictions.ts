import { sql } from 'kysely';
import type { Prediction, PredictionQuery, StoredPrediction } from '../domain/prediction.ts';
import type { Box } from '../domain/region.ts';
import type { TagType } from '../domain/tag.ts';
import type { Queries } from './database.ts';
import type { KeyScope, Keys } from './keys.ts';
import type { PredictionRow } from './schema.ts';
import { openText } from './sealed.ts';

/** What orders stored predictions. */
const ranks = { Newest: ['created', 'desc'], Oldest: ['created', 'asc'], Suggested: ['doubt', 'desc'] } as const;

/** Where a stored prediction stands in an order. */
export const rankOf = (orderBy: PredictionQuery['orderBy'], row: PredictionRow): number => row[ranks[orderBy][0]];

/**
 * The stored predictions that match by iteration and time, at most `most`, in order (`Suggested`: the most doubtful first),
 * from the one after `last` on, which need not be there any more. Reads no more than it gives where only the iteration, or
 * only the time of those ordered by it, is asked for.
 */
export async function selectPredictions(
  db: Queries,
  projectId: string,
  { orderBy, iterationId, startTime, endTime }: PredictionQuery,
  last: { readonly rank: number; readonly id: string } | null,
  most: number,
): Promise<PredictionRow[]> {
  const [rank, way] = [sql.ref(ranks[orderBy][0]), sql.raw(ranks[orderBy][1])];
  // A plus keeps the engine from choosing another index than the one that has the order.
  const plus = sql.raw('+');
  const byTime = orderBy !== 'Suggested';
  const bounds = [
    iterationId === null
      ? sql`project_id = ${projectId}`
      : sql`iteration_id = ${iterationId} and +project_id = ${projectId}`,
  ];
  // The engine takes one bound at each end: the page's own, where there is one, is the closer one.
  if (startTime !== null)
    bounds.push(sql`${byTime && !(orderBy === 'Oldest' && last !== null) ? sql`` : plus}created >= ${startTime}`);
  if (endTime !== null)
    bounds.push(sql`${byTime && !(orderBy === 'Newest' && last !== null) ? sql`` : plus}created <= ${endTime}`);
  if (last !== null)
    bounds.push(sql`(${rank}, id) ${sql.raw(orderBy === 'Oldest' ? '>' : '<')} (${last.rank}, ${last.id})`);
  const { rows } = await sql<PredictionRow>`select * from predictions where ${sql.join(bounds, sql` and `)}
    order by ${rank} ${way}, id ${way} limit ${most}`.execute(db);
  return rows;
}

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
