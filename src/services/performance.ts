import type { ImportedIteration } from '../domain/iteration.ts';
import { limits } from '../domain/limits.ts';
import type { ImagePerformance, IterationPerformance } from '../domain/performance.ts';
import { problem } from '../domain/problems.ts';
import type { Tag } from '../domain/tag.ts';
import { countSelected, type ImageSelection, imagesFromRows, selectImages } from '../store/images.ts';
import { iterationFromRow, iterationImages, scoresId } from '../store/iterations.ts';
import type { IterationImageRow, IterationRow } from '../store/schema.ts';
import { listIterationTags, tagFromRow } from '../store/tags.ts';
import { classificationPerformance } from '../vision/metrics/classification.ts';
import type { App, ProjectScope } from './context.ts';
import type { ImageFilter } from './images.ts';
import { requireIteration } from './iterations.ts';
import { byProbability, namingOf } from './models.ts';
import { requireProject } from './projects.ts';
import { tagNames } from './tags.ts';

type Reading = Pick<App, 'db' | 'keys'>;

/** What counts as predicted when no threshold is given: the portal's default since 2018. */
const defaultThreshold = 0.5;

/**
 * How well an iteration predicts pictures it had not seen: every figure comes from the fold that held the picture out.
 * Of an imported one it is what the service it came from told at this threshold; at others it is worked out from what
 * that service told of each picture.
 * @throws AppError `NotFoundProject`, `NotFoundIteration`, `NotFoundIterationPerformance` while it is not trained.
 */
export async function iterationPerformance(
  app: Reading,
  scope: ProjectScope,
  iterationId: string,
  threshold: number = defaultThreshold,
): Promise<IterationPerformance> {
  const iteration = await trainedIteration(app, scope, iterationId);
  const tags = (await listIterationTags(app.db.query, iterationId)).map((row) => tagFromRow(app.keys, scope, row));
  const told = toldOf(app, scope, iteration);
  const same = told?.find((one) => Math.abs(one.threshold - threshold) < 1e-6);
  if (same !== undefined) return asTold(same, tags);
  const computed = await heldOutPerformance(app, scope, iteration, threshold);
  if (told === undefined || computed.images > 0) return computed;
  throw problem(
    'BadRequestNotSupported',
    `The iteration was imported with its performance at the thresholds ${told.map((one) => one.threshold).join(', ')}: ask for one of these.`,
  );
}

/**
 * The performance that follows from what the folds said of each picture, and of how many pictures they said something.
 */
export async function heldOutPerformance(
  app: Reading,
  scope: ProjectScope,
  iteration: IterationRow,
  threshold: number,
): Promise<IterationPerformance & { readonly images: number }> {
  const tags = (await listIterationTags(app.db.query, iteration.id)).map((row) => tagFromRow(app.keys, scope, row));
  const rows = (await iterationImages(app.db.query, iteration.id)).filter((row) => row.scores !== null);
  const position = new Map(tags.map((tag, index) => [tag.id, index]));
  const probabilities = new Float32Array(rows.length * tags.length);
  const targets = new Uint8Array(rows.length * tags.length);
  rows.forEach((row, index) => {
    probabilities.set(heldOut(app, scope, row)!, index * tags.length);
    for (const tagId of JSON.parse(row.tag_ids) as string[]) targets[index * tags.length + position.get(tagId)!] = 1;
  });
  const { perClass, ...overall } = classificationPerformance(
    {
      kind: iteration.classification_type === 'Multiclass' ? 'multiclass' : 'multilabel',
      classes: tags.length,
      probabilities,
      targets,
      folds: Uint8Array.from(rows, (row) => row.fold),
    },
    threshold,
  );
  const images = rows.length;
  return {
    ...overall,
    images,
    perTag: tags.map((tag, index) => ({ id: tag.id, name: tag.name, ...perClass[index]! })),
  };
}

type Told = ImportedIteration['performance'];

/** What the service it came from told of an imported iteration; `undefined` for one that was trained here. */
function toldOf(app: Reading, scope: ProjectScope, row: IterationRow): Told | undefined {
  if (row.status !== 'Imported') return undefined;
  const { imported } = iterationFromRow(app.keys, scope, row);
  if (imported === null)
    throw problem('NotFoundIterationPerformance', 'The iteration is being imported: not all of it is here yet.');
  return imported.performance;
}

function asTold({ threshold: _asked, perTag, ...overall }: Told[number], tags: readonly Tag[]): IterationPerformance {
  const names = new Map(tags.map((tag) => [tag.id, tag.name]));
  return { ...overall, perTag: perTag.map((tag) => ({ ...tag, name: names.get(tag.id) ?? '' })) };
}

/**
 * One page of an iteration's images, each with what the fold that had not seen it predicted.
 * @throws AppError as {@link iterationPerformance}.
 */
export async function imagePerformances(
  app: Reading,
  scope: ProjectScope,
  iterationId: string,
  filter: Pick<ImageFilter, 'tagIds' | 'orderBy' | 'take' | 'skip'>,
): Promise<ImagePerformance[]> {
  await trainedIteration(app, scope, iterationId);
  const db = app.db.query;
  const rows = await selectImages(db, learned(scope, iterationId, filter.tagIds), {
    orderBy: filter.orderBy ?? 'Newest',
    take: Math.min(filter.take ?? limits.defaultTake, limits.take),
    skip: filter.skip ?? 0,
  });
  const images = await imagesFromRows(db, app.keys, scope, rows, { names: await tagNames(app, scope), iterationId });
  const naming = await namingOf(db, app.keys, scope, iterationId);
  const scores = new Map(
    (
      await iterationImages(
        db,
        iterationId,
        images.map((image) => image.id),
      )
    ).map((row) => [row.image_id, row]),
  );
  return images.map((image) => {
    const probabilities = heldOut(app, scope, scores.get(image.id)!);
    return {
      image,
      predictions: probabilities === undefined ? [] : naming.probabilities(probabilities).sort(byProbability),
    };
  });
}

/** How many images of an iteration have held-out predictions. @throws AppError as {@link iterationPerformance}. */
export async function imagePerformanceCount(
  app: Reading,
  scope: ProjectScope,
  iterationId: string,
  tagIds?: readonly string[],
): Promise<number> {
  await trainedIteration(app, scope, iterationId);
  return countSelected(app.db.query, learned(scope, iterationId, tagIds));
}

const learned = (scope: ProjectScope, iterationId: string, tagIds: readonly string[] | undefined): ImageSelection => ({
  projectId: scope.projectId,
  iterationId,
  tagIds,
  status: 'Tagged',
});

async function trainedIteration(app: Reading, scope: ProjectScope, iterationId: string): Promise<IterationRow> {
  await requireProject(app.db.query, scope);
  const row = await requireIteration(app.db.query, scope, iterationId);
  if (row.status !== 'Completed' && row.status !== 'Imported') throw problem('NotFoundIterationPerformance');
  return row;
}

/** The held-out probabilities of an image, float32 [C]. */
function heldOut(app: Reading, scope: ProjectScope, row: IterationImageRow): Float32Array | undefined {
  if (row.scores === null) return undefined;
  const id = scoresId(row.iteration_id, row.image_id);
  return new Float32Array(
    new Uint8Array(app.keys.open({ ...scope, kind: 'iteration_images.scores', id }, row.scores)).buffer,
  );
}
