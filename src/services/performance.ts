import type { Image } from '../domain/image.ts';
import type { ImportedIteration } from '../domain/iteration.ts';
import { limits } from '../domain/limits.ts';
import type { ImagePerformance, IterationPerformance } from '../domain/performance.ts';
import type { Prediction } from '../domain/prediction.ts';
import { problem } from '../domain/problems.ts';
import type { ClassificationType } from '../domain/project.ts';
import type { Tag } from '../domain/tag.ts';
import { countSelected, type ImageSelection, imagesFromRows, selectImages } from '../store/images.ts';
import { iterationFromRow, iterationImages, judgedImages, openScores } from '../store/iterations.ts';
import { learnedRegions } from '../store/learned-regions.ts';
import type { IterationImageRow, IterationRow } from '../store/schema.ts';
import { listIterationTags, tagFromRow } from '../store/tags.ts';
import { decodeFound } from '../vision/detect/found.ts';
import { classificationPerformance, type Judged } from '../vision/metrics/classification.ts';
import { detectionPerformance } from '../vision/metrics/detection.ts';
import type { App, ProjectScope } from './context.ts';
import { type ImageFilter, listImages } from './images.ts';
import { requireIteration } from './iterations.ts';
import { byProbability, namingOf } from './models.ts';
import { requireProject } from './projects.ts';
import { tagNames } from './tags.ts';

type Reading = Pick<App, 'db' | 'keys'>;

/** What counts when no threshold is given, of probability and of overlap: Azure's default. */
const defaultThreshold = 0.5;

/** From where on something counts, each 0..1. */
export interface Thresholds {
  /** A probability counts as predicted; 0.5 if absent. */
  readonly threshold?: number | undefined;
  /** A box that was found counts as one that is marked, by what they share of what both cover; 0.5 if absent. */
  readonly overlapThreshold?: number | undefined;
}

/**
 * How well an iteration predicts pictures it had not seen: every figure comes from a model that the picture was held out
 * from. Of an imported one it is what the service it came from told at this threshold; at others it is worked out from
 * what that service told of each picture.
 * @throws AppError `NotFoundProject`, `NotFoundIteration`, `NotFoundIterationPerformance` while it is not trained.
 */
export async function iterationPerformance(
  app: Reading,
  scope: ProjectScope,
  iterationId: string,
  thresholds: Thresholds = {},
): Promise<IterationPerformance> {
  const iteration = await trainedIteration(app, scope, iterationId);
  const tags = (await listIterationTags(app.db.query, iterationId)).map((row) => tagFromRow(app.keys, scope, row));
  const told = toldOf(app, scope, iteration);
  const asked = thresholds.threshold ?? defaultThreshold;
  const same = told?.find((one) => Math.abs(one.threshold - asked) < 1e-6);
  if (same !== undefined) return asTold(same, tags);
  const computed = await heldOutPerformance(app, scope, iteration, thresholds);
  if (told === undefined || computed.images > 0) return computed;
  throw problem(
    'BadRequestNotSupported',
    `The iteration was imported with its performance at the thresholds ${told.map((one) => one.threshold).join(', ')}: ask for one of these.`,
  );
}

/**
 * The performance that follows from what was said of each picture that was held out, and of how many pictures something
 * was said.
 */
export async function heldOutPerformance(
  app: Reading,
  scope: ProjectScope,
  iteration: IterationRow,
  { threshold = defaultThreshold, overlapThreshold = defaultThreshold }: Thresholds,
): Promise<IterationPerformance & { readonly images: number }> {
  const tags = (await listIterationTags(app.db.query, iteration.id)).map((row) => tagFromRow(app.keys, scope, row));
  const rows = await judgedImages(app.db.query, iteration.id);
  const { perClass, ...overall } =
    iteration.classification_type === null
      ? detectionPerformance(
          rows.map((row) => ({
            marked: learnedRegions(app.keys, scope, row).map(({ position, box }) => ({ ...box, label: position })),
            found: decodeFound(openScores(app.keys, scope, row)!),
          })),
          tags.length,
          { threshold, overlapThreshold },
        )
      : classificationPerformance(heldOutSet(app, scope, iteration.classification_type, rows, tags), threshold);
  const images = rows.length;
  return {
    ...overall,
    images,
    perTag: tags.map((tag, index) => ({ id: tag.id, name: tag.name, ...perClass[index]! })),
  };
}

/** What the folds said of pictures beside what is true. */
function heldOutSet(
  app: Reading,
  scope: ProjectScope,
  classificationType: ClassificationType,
  rows: readonly IterationImageRow[],
  tags: readonly Tag[],
): Judged {
  const position = new Map(tags.map((tag, index) => [tag.id, index]));
  const probabilities = new Float32Array(rows.length * tags.length);
  const targets = new Uint8Array(rows.length * tags.length);
  rows.forEach((row, index) => {
    probabilities.set(openScores(app.keys, scope, row)!, index * tags.length);
    for (const tagId of JSON.parse(row.tag_ids) as string[]) targets[index * tags.length + position.get(tagId)!] = 1;
  });
  return {
    kind: classificationType === 'Multiclass' ? 'multiclass' : 'multilabel',
    classes: tags.length,
    probabilities,
    targets,
    folds: Uint8Array.from(rows, (row) => row.fold),
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
 * One page of an iteration's images, each with what was predicted for it by a model that had not seen it: of a
 * classifier all it learned from, of a detector those that were held out.
 * @throws AppError as {@link iterationPerformance}.
 */
export async function imagePerformances(
  app: Reading,
  scope: ProjectScope,
  iterationId: string,
  filter: Pick<ImageFilter, 'tagIds' | 'orderBy' | 'take' | 'skip'>,
): Promise<ImagePerformance[]> {
  const iteration = await trainedIteration(app, scope, iterationId);
  const db = app.db.query;
  const rows = await selectImages(db, learned(scope, iteration, filter.tagIds), {
    orderBy: filter.orderBy ?? 'Newest',
    take: Math.min(filter.take ?? limits.defaultTake, limits.take),
    skip: filter.skip ?? 0,
  });
  const images = await imagesFromRows(db, app.keys, scope, rows, { names: await tagNames(app, scope), iterationId });
  const ids = images.map((image) => image.id);
  const predicted = await heldOutPredictions(app, scope, iteration, await iterationImages(db, iterationId, ids));
  return images.map((image) => ({ image, predictions: predicted.get(image.id) ?? [] }));
}

/**
 * One page of images that carry a tag; of a trained classifier's, each with what was predicted for it by a model that had
 * not seen it, else with `null`. @throws AppError `NotFoundProject`, `NotFoundIteration`.
 */
export async function imagesAsJudged(
  app: Reading,
  scope: ProjectScope,
  filter: Omit<ImageFilter, 'status'>,
): Promise<{ readonly image: Image; readonly predictions: readonly Prediction[] | null }[]> {
  await requireProject(app.db.query, scope);
  const row = filter.iterationId && (await requireIteration(app.db.query, scope, filter.iterationId));
  if (row && row.classification_type !== null && isTrained(row)) return imagePerformances(app, scope, row.id, filter);
  return (await listImages(app, scope, { ...filter, status: 'Tagged' })).map((image) => ({ image, predictions: null }));
}

/** What was predicted for images that were held out, best first. */
async function heldOutPredictions(
  app: Reading,
  scope: ProjectScope,
  iteration: IterationRow,
  rows: readonly IterationImageRow[],
): Promise<ReadonlyMap<string, Prediction[]>> {
  const naming = await namingOf(app.db.query, app.keys, scope, iteration.id);
  return new Map(
    rows.flatMap((row) => {
      const scores = openScores(app.keys, scope, row);
      if (scores === undefined) return [];
      const detects = iteration.classification_type === null;
      const predictions = detects ? naming.found(decodeFound(scores)) : naming.probabilities(scores);
      return [[row.image_id, predictions.sort(byProbability)]];
    }),
  );
}

/** How many images of an iteration have held-out predictions. @throws AppError as {@link iterationPerformance}. */
export async function imagePerformanceCount(
  app: Reading,
  scope: ProjectScope,
  iterationId: string,
  tagIds?: readonly string[],
): Promise<number> {
  return countSelected(app.db.query, learned(scope, await trainedIteration(app, scope, iterationId), tagIds));
}

const learned = (
  { projectId }: ProjectScope,
  { id: iterationId, status, classification_type }: IterationRow,
  tagIds: readonly string[] | undefined,
): ImageSelection => ({
  projectId,
  iterationId,
  tagIds,
  status: 'Tagged',
  judged: classification_type === null && status === 'Completed',
});

async function trainedIteration(app: Reading, scope: ProjectScope, iterationId: string): Promise<IterationRow> {
  await requireProject(app.db.query, scope);
  const row = await requireIteration(app.db.query, scope, iterationId);
  if (!isTrained(row)) throw problem('NotFoundIterationPerformance');
  return row;
}

const isTrained = ({ status }: IterationRow): boolean => status === 'Completed' || status === 'Imported';
