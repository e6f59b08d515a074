import { day, type Micros } from '../base/clock.ts';
import { defaultRetention, type Retention } from '../domain/retention.ts';
import { suggestionDays } from '../domain/suggestion.ts';
import type { Queries } from './database.ts';
import type { KeyScope } from './keys.ts';
import type { ExportRow } from './schema.ts';
import { oldestSuggestion } from './suggestions.ts';
import { oldestTrashed, redateTrashed } from './trash-ends.ts';
import { isThere } from './trash-items.ts';

/** How long a project keeps its predictions and exports. */
export async function findRetention(db: Queries, projectId: string): Promise<Retention> {
  const row = await db.selectFrom('retention').selectAll().where('project_id', '=', projectId).executeTakeFirst();
  return row === undefined
    ? defaultRetention
    : { predictionsDays: row.predictions_days, exportsDays: row.exports_days };
}

/** Replaces it. */
export async function saveRetention(db: Queries, projectId: string, retention: Retention): Promise<void> {
  const values = { predictions_days: retention.predictionsDays, exports_days: retention.exportsDays };
  await db
    .insertInto('retention')
    .values({ project_id: projectId, ...values })
    .onConflict((conflict) => conflict.column('project_id').doUpdateSet(values))
    .execute();
}

/**
 * When the time of the next prediction, suggestion or finished export of a project is over, those in the trash included; `undefined`
 * when none has an end.
 */
export async function nextExpiry(db: Queries, projectId: string): Promise<Micros | undefined> {
  const { predictionsDays, exportsDays } = await findRetention(db, projectId);
  const prediction = await db
    .selectFrom('predictions')
    .select('created')
    .where('project_id', '=', projectId)
    .orderBy('created')
    .limit(1)
    .executeTakeFirst();
  const ends = prediction === undefined ? [] : [prediction.created + predictionsDays * day];
  const suggested = await oldestSuggestion(db, projectId);
  if (suggested !== undefined) ends.push(suggested + suggestionDays * day);
  const trashed = await oldestTrashed(db, 'predictions', { projectId });
  if (trashed !== undefined) ends.push(trashed + predictionsDays * day);
  if (exportsDays !== null) {
    const exported = await db
      .selectFrom('exports')
      .select('modified')
      .where('project_id', '=', projectId)
      .where('status', '!=', 'Exporting')
      .orderBy('modified')
      .limit(1)
      .executeTakeFirst();
    if (exported !== undefined) ends.push(exported.modified + exportsDays * day);
    const thrown = await oldestTrashed(db, 'exports', { projectId });
    if (thrown !== undefined) ends.push(thrown + exportsDays * day);
  }
  return ends.length === 0 ? undefined : Math.min(...ends);
}

/** Ids of up to `limit` predictions of a project that are as old as `until` or older, oldest first. */
export async function predictionsUntil(
  db: Queries,
  projectId: string,
  until: Micros,
  limit: number,
): Promise<string[]> {
  const rows = await db
    .selectFrom('predictions')
    .select('id')
    .where('project_id', '=', projectId)
    .where('created', '<=', until)
    .orderBy('created')
    .limit(limit)
    .execute();
  return rows.map((row) => row.id);
}

/**
 * Removes up to `limit` exports of a project that ended at `until` or earlier; tells which. Their blobs are the
 * caller's to give up.
 */
export async function deleteExportsUntil(
  db: Queries,
  projectId: string,
  until: Micros,
  limit: number,
): Promise<Pick<ExportRow, 'id' | 'status'>[]> {
  return db
    .deleteFrom('exports')
    .where('id', 'in', (at) =>
      at
        .selectFrom('exports')
        .select('id')
        .where('project_id', '=', projectId)
        .where('status', '!=', 'Exporting')
        .where('modified', '<=', until)
        .limit(limit),
    )
    .returning(['id', 'status'])
    .execute();
}

/** Lets what is dated after `latest`, by a clock that was ahead, begin its time at `now`; else it would never end. */
export async function redateFuture(db: Queries, projectId: string, latest: Micros, now: Micros): Promise<void> {
  await db
    .updateTable('predictions')
    .set({ created: now })
    .where('project_id', '=', projectId)
    .where('created', '>', latest)
    .execute();
  await db
    .updateTable('exports')
    .set({ modified: now })
    .where('project_id', '=', projectId)
    .where('modified', '>', latest)
    .execute();
  await db
    .updateTable('suggestions')
    .set({ created: now })
    .where('project_id', '=', projectId)
    .where('created', '>', latest)
    .execute();
  await redateTrashed(db, projectId, latest, now);
}

/** The projects, living or in the trash, that hold anything whose time may end. */
export async function projectsThatExpire(db: Queries): Promise<Required<KeyScope>[]> {
  const rows = await db
    .selectFrom('projects')
    .select(['id', 'account_id'])
    .where((at) =>
      at.or([
        at.exists(
          at
            .selectFrom('trash_rows')
            .select('kind')
            .whereRef('project_id', '=', 'projects.id')
            .where('kind', 'in', ['predictions', 'exports']),
        ),
        at.exists(at.selectFrom('predictions').select('id').whereRef('project_id', '=', 'projects.id')),
        at.exists(at.selectFrom('suggestions').select('image_id').whereRef('project_id', '=', 'projects.id')),
        at.exists(at.selectFrom('exports').select('id').whereRef('project_id', '=', 'projects.id')),
      ]),
    )
    .execute();
  const found: Required<KeyScope>[] = [];
  for (const { id: projectId, account_id: accountId } of rows)
    if (await isThere(db, { accountId, projectId })) found.push({ accountId, projectId });
  return found;
}
