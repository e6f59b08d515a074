import { type Kysely, sql } from 'kysely';
import type { Micros } from '../base/clock.ts';
import type { SuggestionQuery } from '../domain/suggestion.ts';
import type { Queries, Tx } from './database.ts';
import type { SuggestionRow } from './schema.ts';
import { keepTriggers } from './triggers.ts';

/** What ends the suggestions for an image, or of an iteration, besides their time: event and which of them. */
const ends = [
  ['tagged', 'insert on image_tags', 'image_id = new.image_id'],
  ['hidden', 'update of workspace on images when new.workspace = 0', 'image_id = new.id'],
  ['iteration', 'delete on iterations', 'iteration_id = old.id'],
  ['model', 'update of model_id on iterations when old.model_id is not new.model_id', 'iteration_id = old.id'],
] as const;

/**
 * Makes the triggers by which suggestions go, in whatever way their reason does: with the first tag of the image, with its
 * leaving the workspace, with the iteration, and with the model of an iteration that is trained anew.
 */
export const endSuggestions = (db: Kysely<unknown>): Promise<void> =>
  keepTriggers(
    db,
    new Map(
      ends.map(([name, event, which]) => [
        `suggestions_${name}`,
        `after ${event} begin delete from suggestions where ${which}; end`,
      ]),
    ),
  );

/** Puts suggestions in the place of those that iteration had for these images. */
export async function replaceSuggestions(tx: Tx, rows: readonly SuggestionRow[]): Promise<void> {
  for (const row of rows)
    await tx
      .insertInto('suggestions')
      .values(row)
      .onConflict((conflict) =>
        conflict
          .columns(['iteration_id', 'image_id'])
          .doUpdateSet({ created: row.created, results: row.results, doubt: row.doubt }),
      )
      .execute();
}

/** An iteration's suggestions for images, the least doubtful first or last, at most `most` from the one after `last` on. */
export async function selectSuggestions(
  db: Queries,
  iterationId: string,
  sortBy: SuggestionQuery['sortBy'],
  last: { readonly rank: number; readonly id: string } | null,
  most: number,
): Promise<SuggestionRow[]> {
  const [way, beyond] = (sortBy === 'UncertaintyAscending' ? ['asc', '>'] : ['desc', '<']).map((word) => sql.raw(word));
  const rest = last === null ? sql`` : sql`and (doubt, image_id) ${beyond} (${last.rank}, ${last.id})`;
  const { rows } = await sql<SuggestionRow>`select * from suggestions where iteration_id = ${iterationId} ${rest}
    order by doubt ${way}, image_id ${way} limit ${most}`.execute(db);
  return rows;
}

/** When the oldest of a project was made; `undefined`: there is none. */
export async function oldestSuggestion(db: Queries, projectId: string): Promise<Micros | undefined> {
  const row = await db
    .selectFrom('suggestions')
    .select('created')
    .where('project_id', '=', projectId)
    .orderBy('created')
    .limit(1)
    .executeTakeFirst();
  return row?.created;
}

/** Removes up to `limit` of a project that are as old as `until` or older; returns how many. */
export async function deleteSuggestionsUntil(
  db: Queries,
  projectId: string,
  until: Micros,
  limit: number,
): Promise<number> {
  const due = sql`select iteration_id, image_id from suggestions
    where project_id = ${projectId} and created <= ${until} limit ${limit}`;
  const result = await sql`delete from suggestions where (iteration_id, image_id) in (${due})`.execute(db);
  return Number(result.numAffectedRows ?? 0);
}
