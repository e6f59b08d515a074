import { setImmediate } from 'node:timers/promises';
import { limits } from '../domain/limits.ts';
import { doubtOf, type ImagePrediction, type PredictionQuery, type StoredPrediction } from '../domain/prediction.ts';
import { problem } from '../domain/problems.ts';
import { abandonBlobs, keepBlobs } from '../store/loose-blobs.ts';
import { deletePredictionRows, rankOf, resultsText, selectPredictions, storedFromRow } from '../store/predictions.ts';
import { findProject } from '../store/projects.ts';
import type { PredictionRow } from '../store/schema.ts';
import { openTextOrNull, sealText } from '../store/sealed.ts';
import { prepare } from '../vision/image/decode.ts';
import type { App, ProjectScope } from './context.ts';
import { continuationAt, type Position, readContinuation } from './continuation.ts';
import { pictureKeys, pictureLimits, putSealed } from './pictures.ts';
import { requireProject } from './projects.ts';
import { beginErasure } from './receipts.ts';
import { scheduleSweep, storesPredictions } from './retention.ts';
import { storing } from './storing.ts';

/**
 * Keeps a picture and what was answered, for QueryPredictions, as long as the project's retention says; nothing of them
 * is written anywhere when the project or the server keeps none. `application`: which one asked.
 * @throws AppError `BadRequestPredictionInvalidApplicationName`, `NotFoundProject`.
 */
export async function storePrediction(
  app: Pick<App, 'db' | 'keys' | 'blobs' | 'clock' | 'queue' | 'config'>,
  scope: ProjectScope,
  answer: ImagePrediction,
  bytes: Uint8Array,
  application: string | undefined,
): Promise<void> {
  const { id } = answer;
  const keys = pictureKeys(scope, 'prediction', id);
  if (application !== undefined && application.length > limits.nameLength)
    throw problem(
      'BadRequestPredictionInvalidApplicationName',
      `Expected at most ${limits.nameLength} characters for application but received ${application.length}.`,
    );
  if (!(await storesPredictions(app, app.db.query, scope))) return;
  await storing(app, scope, keys, async () => {
    const picture = await prepare(bytes, pictureLimits);
    await Promise.all([
      putSealed(app, scope, 'prediction-original', id, bytes),
      putSealed(app, scope, 'prediction-thumbnail', id, picture.thumbnail),
    ]);
    await app.db.transaction(async (tx) => {
      await requireProject(tx, scope);
      // Forbidden while the picture was being written: what was written goes again.
      if (!(await storesPredictions(app, tx, scope))) {
        await abandonBlobs(tx, scope.projectId, keys);
        await app.queue.enqueue(tx, 'purge', scope, { once: `purge/${scope.projectId}` });
        return;
      }
      await tx
        .insertInto('predictions')
        .values({
          id,
          project_id: scope.projectId,
          iteration_id: answer.iterationId,
          created: answer.created,
          application:
            application === undefined ? null : sealText(app.keys, scope, 'predictions.application', id, application),
          results: sealText(app.keys, scope, 'predictions.results', id, resultsText(answer.predictions)),
          doubt: doubtOf(answer.predictions),
          width: picture.width,
          height: picture.height,
          format: picture.format,
          bytes: bytes.byteLength,
          thumbnail_bytes: picture.thumbnail.byteLength,
        })
        .execute();
      await keepBlobs(tx, keys);
      await scheduleSweep(app, tx, scope);
    });
  });
}

/** Stored predictions read and opened at a time, where some of them may not match. */
const batch = 500;

/**
 * Stored predictions that match, one page of them; `continuation` leads to the next page, `null` when there is none. It
 * names the last prediction of the page, so that what is added or deleted in between neither hides nor repeats another.
 * `Suggested` puts the most uncertain first. What asks for tags or for an application opens one prediction after the other
 * until the page is full, and lets others be served in between. @throws AppError `NotFoundProject`,
 * `BadRequestPredictionInvalidQueryParameters`, `BadRequestPredictionTagsExceededCount`.
 */
export async function queryPredictions(
  app: Pick<App, 'db' | 'keys'>,
  scope: ProjectScope,
  query: PredictionQuery,
): Promise<{ results: StoredPrediction[]; continuation: string | null }> {
  const project = await findProject(app.db.query, scope.accountId, scope.projectId);
  if (project === undefined) throw problem('NotFoundProject');
  if (query.tags.length > limits.predictionQueryTags) throw problem('BadRequestPredictionTagsExceededCount');
  const { orderBy, continuation } = query;
  const invalid = 'BadRequestPredictionInvalidQueryParameters';
  let last = continuation === null ? null : readContinuation(app.keys, scope, orderBy, continuation, invalid);
  const count = query.maxCount > 0 ? Math.min(query.maxCount, limits.predictionsPerQuery) : limits.predictionsPerQuery;
  const most = query.tags.length > 0 || query.application !== null ? batch : count + 1;
  const names = await tagsOf(app, scope);
  const results: StoredPrediction[] = [];
  let pageEnd: Position | undefined;
  for (;;) {
    const rows = await selectPredictions(app.db.query, scope.projectId, query, last, most);
    for (const row of rows) {
      if (!isOf(app, scope, row, query.application)) continue;
      const stored = storedFromRow(app.keys, scope, row, project.domain_id, names);
      if (!hasTags(stored, query.tags)) continue;
      if (results.length === count)
        return { results, continuation: continuationAt(app.keys, scope, orderBy, pageEnd!) };
      results.push(stored);
      pageEnd = { rank: rankOf(orderBy, row), id: row.id };
    }
    if (rows.length < most) return { results, continuation: null };
    const end = rows.at(-1)!;
    last = { rank: rankOf(orderBy, end), id: end.id };
    await setImmediate();
  }
}

const isOf = (app: Pick<App, 'keys'>, scope: ProjectScope, row: PredictionRow, application: string | null): boolean =>
  application === null ||
  openTextOrNull(app.keys, scope, 'predictions.application', row.id, row.application) === application;

const hasTags = (stored: StoredPrediction, tags: PredictionQuery['tags']): boolean =>
  tags.every((tag) =>
    stored.predictions.some(
      (one) => one.tagId === tag.id && one.probability >= tag.minThreshold && one.probability <= tag.maxThreshold,
    ),
  );

/** The tags of a project, of the workspace or only kept by an iteration, by id. */
export async function tagsOf(
  app: Pick<App, 'db' | 'keys'>,
  scope: ProjectScope,
): Promise<Map<string, { name: string; type: 'Regular' | 'Negative' | 'GeneralProduct' }>> {
  const rows = await app.db.query
    .selectFrom('tags')
    .select(['id', 'name', 'type'])
    .where('project_id', '=', scope.projectId)
    .execute();
  return new Map(
    rows.map((row) => [
      row.id,
      { name: openTextOrNull(app.keys, scope, 'tags.name', row.id, row.name) ?? '', type: row.type },
    ]),
  );
}

/** Removes stored predictions with their pictures. @throws AppError `NotFoundProject`, `BadRequestPredictionIdsMissing`; unknown ids are passed over. */
export async function deletePredictions(
  app: Pick<App, 'db' | 'keys' | 'clock' | 'queue'>,
  scope: ProjectScope,
  ids: readonly string[],
): Promise<void> {
  if (ids.length === 0) throw problem('BadRequestPredictionIdsMissing');
  await app.db.transaction(async (tx) => {
    await requireProject(tx, scope);
    const gone = await deletePredictionRows(tx, scope.projectId, ids);
    await abandonBlobs(
      tx,
      scope.projectId,
      gone.flatMap((id) => pictureKeys(scope, 'prediction', id)),
    );
    const n = gone.length;
    if (n > 0)
      await beginErasure(app, tx, {
        kind: 'predictions',
        ...scope,
        ids: gone,
        erased: { predictions: n, 'prediction-original': n, 'prediction-thumbnail': n },
      });
    await app.queue.enqueue(tx, 'purge', scope, { once: `purge/${scope.projectId}` });
  });
}
