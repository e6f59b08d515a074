import { setImmediate } from 'node:timers/promises';
import { mapConcurrently } from '../base/concurrency.ts';
import { limits } from '../domain/limits.ts';
import { doubtOf, uncertainty } from '../domain/prediction.ts';
import type { StoredSuggestion, Suggestion, SuggestionFilter, SuggestionQuery } from '../domain/suggestion.ts';
import { imagesByIds, taggedAmong } from '../store/images.ts';
import { openResults, resultsText } from '../store/predictions.ts';
import type { IterationRow, SuggestionRow } from '../store/schema.ts';
import { sealText } from '../store/sealed.ts';
import { replaceSuggestions, selectSuggestions } from '../store/suggestions.ts';
import { listIterationTags } from '../store/tags.ts';
import type { App, ProjectScope } from './context.ts';
import { continuationAt, type Position, readContinuation } from './continuation.ts';
import { requireImages } from './images.ts';
import { requireIteration, requireModel } from './iterations.ts';
import { namingOf } from './models.ts';
import { readPicture } from './pictures.ts';
import { ask } from './predicting.ts';
import { requireProject } from './projects.ts';
import { scheduleSweep } from './retention.ts';
import { tagsOf } from './stored-predictions.ts';

/** Pictures that are looked at at the same time. */
const atOnce = 4;
/** Suggestions read and opened at a time. */
const batch = 500;

const rowId = (iterationId: string, imageId: string): string => `${iterationId}/${imageId}`;

async function trainedIteration(app: Pick<App, 'db'>, scope: ProjectScope, iterationId: string): Promise<IterationRow> {
  await requireProject(app.db.query, scope);
  const row = await requireIteration(app.db.query, scope, iterationId);
  requireModel(row);
  return row;
}

/**
 * What an iteration suggests for images of the workspace, tags or regions, in the order of the ids. It is kept for
 * images without tags, instead of what the iteration suggested before, until they have one, or for 30 days.
 * @throws AppError `NotFoundProject`, `NotFoundIteration`, `NotFoundImage`, `BadRequestIterationIsNotTrained`.
 */
export async function suggest(
  app: Pick<App, 'db' | 'keys' | 'blobs' | 'clock' | 'queue' | 'vision' | 'models'>,
  scope: ProjectScope,
  iterationId: string,
  imageIds: readonly string[],
): Promise<Suggestion[]> {
  const { projectId } = scope;
  const iteration = await trainedIteration(app, scope, iterationId);
  const ids = [...new Set(imageIds)];
  if (ids.length === 0) return [];
  await requireImages(app.db.query, projectId, ids);
  const model = await app.models.load(scope, iteration);
  const naming = await namingOf(app.db.query, app.keys, scope, iterationId);
  const suggestions = await mapConcurrently(ids, atOnce, async (id): Promise<Suggestion> => {
    const { bytes } = await readPicture(app, scope, 'image-original', id);
    const predictions = await ask(app, model, naming, bytes, {});
    const created = app.clock.now();
    return { id, projectId, iterationId, created, predictions, uncertainty: uncertainty(predictions) };
  });
  await app.db.transaction(async (tx) => {
    // Another model, or none, by now: what the old one said is not kept.
    const now = await requireIteration(tx, scope, iterationId);
    if ((now.model_id ?? now.id) !== model.id) return;
    const there = new Set((await imagesByIds(tx, { projectId }, ids)).map((image) => image.id));
    const tagged = await taggedAmong(tx, ids);
    const rows = suggestions
      .filter(({ id }) => there.has(id) && !tagged.has(id))
      .map(({ id, created, predictions }): SuggestionRow => {
        const sealed = sealText(
          app.keys,
          scope,
          'suggestions.results',
          rowId(iterationId, id),
          resultsText(predictions),
        );
        const doubt = doubtOf(predictions);
        return { iteration_id: iterationId, image_id: id, project_id: projectId, created, results: sealed, doubt };
      });
    await replaceSuggestions(tx, rows);
    if (rows.length > 0) await scheduleSweep(app, tx, scope);
  });
  return suggestions;
}

/**
 * Images without tags for which an iteration suggested any of the tags, a page of them, by their uncertainty; `continuation`
 * leads to the next page, `null` when there is none. @throws AppError as {@link suggest}, `BadRequestInvalid` for a
 * continuation that no answer gave.
 */
export async function querySuggestions(
  app: Pick<App, 'db' | 'keys'>,
  scope: ProjectScope,
  iterationId: string,
  query: SuggestionQuery,
): Promise<{ results: StoredSuggestion[]; continuation: string | null }> {
  const iteration = await trainedIteration(app, scope, iterationId);
  const order = `${iterationId} ${query.sortBy}`;
  const start =
    query.continuation === null
      ? null
      : readContinuation(app.keys, scope, order, query.continuation, 'BadRequestInvalid');
  const count = query.maxCount > 0 ? Math.min(query.maxCount, limits.take) : limits.defaultTake;
  const chosen: Suggestion[] = [];
  let [end, more]: [Position | undefined, boolean] = [undefined, false];
  for await (const { suggestion, rank } of stored(app, scope, iteration, query.sortBy, start)) {
    if (!matches(suggestion, query)) continue;
    more = chosen.length === count;
    if (more) break;
    chosen.push(suggestion);
    end = { rank, id: suggestion.id };
  }
  const images = await imagesByIds(
    app.db.query,
    scope,
    chosen.map(({ id }) => id),
  );
  const byId = new Map(images.map((image) => [image.id, image]));
  const results = chosen.flatMap((one): StoredSuggestion[] => {
    const image = byId.get(one.id);
    return image === undefined ? [] : [{ ...one, image, domainId: iteration.domain_id }];
  });
  return { results, continuation: more ? continuationAt(app.keys, scope, order, end!) : null };
}

/**
 * For how many images without tags an iteration suggested each of the tags, all of its tags without any named.
 * @throws AppError as {@link suggest}.
 */
export async function countSuggestions(
  app: Pick<App, 'db' | 'keys'>,
  scope: ProjectScope,
  iterationId: string,
  { tagIds, threshold }: SuggestionFilter,
): Promise<Map<string, number>> {
  const iteration = await trainedIteration(app, scope, iterationId);
  const asked = tagIds.length > 0 ? tagIds : (await listIterationTags(app.db.query, iterationId)).map((tag) => tag.id);
  const counts = new Map(asked.map((id) => [id, 0]));
  for await (const { suggestion } of stored(app, scope, iteration, 'UncertaintyAscending', null))
    for (const tagId of asked)
      if (matches(suggestion, { tagIds: [tagId], threshold })) counts.set(tagId, counts.get(tagId)! + 1);
  return counts;
}

/** What an iteration suggested, one after the other from `start` on, read some at a time. */
async function* stored(
  app: Pick<App, 'db' | 'keys'>,
  scope: ProjectScope,
  iteration: IterationRow,
  sortBy: SuggestionQuery['sortBy'],
  start: Position | null,
): AsyncGenerator<{ readonly suggestion: Suggestion; readonly rank: number }> {
  const tags = await tagsOf(app, scope);
  for (let last = start; ; ) {
    const rows = await selectSuggestions(app.db.query, iteration.id, sortBy, last, batch);
    for (const row of rows) {
      const sealed = { kind: 'suggestions.results', id: rowId(row.iteration_id, row.image_id), bytes: row.results };
      const predictions = openResults(app.keys, scope, sealed, tags);
      const { iteration_id: iterationId, project_id: projectId, image_id: id, created, doubt: rank } = row;
      const suggestion = { id, projectId, iterationId, created, predictions, uncertainty: uncertainty(predictions) };
      yield { suggestion, rank };
    }
    if (rows.length < batch) return;
    const end = rows.at(-1)!;
    last = { rank: end.doubt, id: end.image_id };
    await setImmediate();
  }
}

const matches = ({ predictions }: Suggestion, { tagIds, threshold }: SuggestionFilter): boolean =>
  predictions.some(
    ({ tagId, probability }) => probability >= threshold && (tagIds.length === 0 || tagIds.includes(tagId)),
  );
