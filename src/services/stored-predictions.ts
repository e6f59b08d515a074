import { limits } from '../domain/limits.ts';
import type { ImagePrediction, Prediction, PredictionQuery, StoredPrediction } from '../domain/prediction.ts';
import { problem } from '../domain/problems.ts';
import { abandonBlobs, keepBlobs } from '../store/loose-blobs.ts';
import { deletePredictionRows, resultsText, selectPredictions, storedFromRow } from '../store/predictions.ts';
import { findProject } from '../store/projects.ts';
import type { PredictionRow } from '../store/schema.ts';
import { openTextOrNull, sealText } from '../store/sealed.ts';
import { prepare } from '../vision/image/decode.ts';
import type { App, ProjectScope } from './context.ts';
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

/** Stored predictions read and opened at a time. */
const batch = 500;

/**
 * Stored predictions that match, one page of them; `continuation` leads to the next page, `null` when there is none. It
 * names the last prediction of the page, so that what is added or deleted in between neither hides nor repeats another.
 * `Suggested` puts the least certain first. @throws AppError `NotFoundProject`, `BadRequestPredictionInvalidQueryParameters`, `BadRequestPredictionTagsExceededCount`.
 */
export async function queryPredictions(
  app: Pick<App, 'db' | 'keys'>,
  scope: ProjectScope,
  query: PredictionQuery,
): Promise<{ results: StoredPrediction[]; continuation: string | null }> {
  const project = await findProject(app.db.query, scope.accountId, scope.projectId);
  if (project === undefined) throw problem('NotFoundProject');
  if (query.tags.length > limits.predictionQueryTags) throw problem('BadRequestPredictionTagsExceededCount');
  const start = query.continuation === null ? null : readContinuation(query.continuation);
  const count = query.maxCount > 0 ? Math.min(query.maxCount, limits.predictionsPerQuery) : limits.predictionsPerQuery;
  const suggested = query.orderBy === 'Suggested';
  const names = await tagsOf(app, scope);
  const matching: StoredPrediction[] = [];
  let last = suggested || start === null ? null : { created: start.rank, id: start.id };
  for (;;) {
    const rows = await selectPredictions(app.db.query, scope.projectId, query, last, batch);
    for (const row of rows) {
      const stored = storedFromRow(app.keys, scope, row, project.domain_id, names);
      if (isOf(app, scope, row, query.application) && hasTags(stored, query.tags)) matching.push(stored);
    }
    last = rows.at(-1) ?? null;
    if (rows.length < batch || (!suggested && matching.length > count)) break;
  }
  const ordered = suggested ? bySuggestion(matching, start) : matching;
  const results = ordered.slice(0, count);
  const end = results.at(-1);
  if (end === undefined || ordered.length === results.length) return { results, continuation: null };
  return { results, continuation: `${suggested ? entropy(end.predictions) : end.created}_${end.id}` };
}

/** Where a page ended: its last prediction's date or, for `Suggested`, uncertainty; and its id. */
interface Position {
  readonly rank: number;
  readonly id: string;
}

function readContinuation(text: string): Position {
  const [, rank, id] = /^(\d[\d.e-]*)_([\da-f-]{36})$/.exec(text) ?? [];
  if (id === undefined || !Number.isFinite(Number(rank)))
    throw problem(
      'BadRequestPredictionInvalidQueryParameters',
      'Expected a continuation as an earlier answer gave it.',
    );
  return { rank: Number(rank), id };
}

/** The least certain first, those after `start`. */
function bySuggestion(stored: readonly StoredPrediction[], start: Position | null): StoredPrediction[] {
  return stored
    .map((one) => ({ one, rank: entropy(one.predictions), id: one.id }))
    .filter(({ rank, id }) => start === null || rank < start.rank || (rank === start.rank && id > start.id))
    .sort((a, b) => b.rank - a.rank || (a.id < b.id ? -1 : 1))
    .map(({ one }) => one);
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

/** Uncertainty of an answer in nats: the sum of -p ln p. */
export const entropy = (predictions: readonly Prediction[]): number =>
  predictions.reduce((sum, { probability: p }) => (p > 0 ? sum - p * Math.log(p) : sum), 0);

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
