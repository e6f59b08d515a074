import type { Run } from '../base/run.ts';
import { limits } from '../domain/limits.ts';
import type { ImagePrediction } from '../domain/prediction.ts';
import { problem } from '../domain/problems.ts';
import { findDefaultIteration, iterationByPublishName, listIterations } from '../store/iterations.ts';
import type { IterationRow } from '../store/schema.ts';
import { classify } from '../vision/classify/predict.ts';
import type { App, ProjectScope } from './context.ts';
import { publishNameLookup, requireIteration, requireModel } from './iterations.ts';
import { byProbability, type Model, type Naming, namingOf } from './models.ts';
import { type Picture, pictureBytes, pictureLimits } from './pictures.ts';
import { requireProject } from './projects.ts';
import { storePrediction } from './stored-predictions.ts';
import { countingPrediction, quotasOf } from './tiers.ts';

/** What is asked of a picture, and the kind of model that answers it. */
const tasks = { classify: 'classifier', detect: 'detector' } as const satisfies Record<string, Model['kind']>;
type Task = keyof typeof tasks;

type Predicting = Pick<App, 'db' | 'keys' | 'blobs' | 'clock' | 'queue' | 'vision' | 'fetcher' | 'models' | 'config'>;

/** How an answer is given and whether it is kept. */
export interface PredictOptions {
  /** Becomes the prediction's id. */
  readonly id: string;
  /**
   * Keep picture and answer, for QueryPredictions, as long as the project's retention says. Without it, or when the
   * project or the server keeps none, nothing of the picture is written anywhere.
   */
  readonly store: boolean;
  /** Which application asked. */
  readonly application?: string | undefined;
}

/**
 * What the iteration published under a name says of a picture.
 * @throws AppError `NotFoundProject`, `NotFoundIteration` (no such name), `BadRequestOperationNotSupported` when the
 * project is for the other task, `BadRequestImage…`, `BadRequestExceededQuota`.
 */
export async function predictPublished(
  app: Predicting,
  scope: ProjectScope,
  task: Task,
  publishedName: string,
  picture: Picture,
  options: PredictOptions,
): Promise<ImagePrediction> {
  const published = await app.db.remember(
    `published/${scope.accountId}/${scope.projectId}/${publishedName}`,
    async (): Promise<Counted> => {
      await requireProject(app.db.query, scope);
      const lookup = publishNameLookup(app, scope, publishedName);
      const row = await iterationByPublishName(app.db.query, scope.projectId, lookup);
      if (row === undefined) throw problem('NotFoundIteration');
      return countedOf(app, scope, row);
    },
  );
  return predictCounted(app, scope, published, picture, { ...options, task });
}

/**
 * What an iteration says of a picture: any trained one, or with `undefined` the default one of the project.
 * @throws AppError `NotFoundProject`, `NotFoundIteration`, `NotFoundProjectDefaultIteration`,
 * `BadRequestIterationIsNotTrained`, `BadRequestImage…`, `BadRequestExceededQuota`.
 */
export async function predictWith(
  app: Predicting,
  scope: ProjectScope,
  iterationId: string | undefined,
  picture: Picture,
  options: PredictOptions,
): Promise<ImagePrediction> {
  const answering = await app.db.remember(
    `answering/${scope.accountId}/${scope.projectId}/${iterationId ?? 'default'}`,
    async (): Promise<Counted> => {
      await requireProject(app.db.query, scope);
      const row = await namedOrDefault(app, scope, iterationId);
      if (row === undefined) throw problem('NotFoundProjectDefaultIteration');
      requireModel(row);
      return countedOf(app, scope, row);
    },
  );
  return predictCounted(app, scope, answering, picture, options);
}

/**
 * What an iteration, with `undefined` the default one or else the latest trained one, says of a picture; it need not be
 * published. @throws AppError as {@link predictWith}, but for `NotFoundProjectDefaultIteration`.
 */
export async function quickTest(
  app: Predicting,
  scope: ProjectScope,
  iterationId: string | undefined,
  picture: Picture,
  options: PredictOptions,
): Promise<ImagePrediction> {
  await requireProject(app.db.query, scope);
  const row =
    (await namedOrDefault(app, scope, iterationId)) ??
    (await listIterations(app.db.query, scope.projectId)).find((one) => one.status === 'Completed');
  if (row === undefined) throw problem('NotFoundIteration', 'The project has no trained iteration.');
  requireModel(row);
  const naming = await namingOf(app.db.query, app.keys, scope, row.id);
  return predict(app, scope, { row, naming }, await pictureBytes(app, picture, limits.trainingImageBytes), options);
}

/** The iteration of this id, or with `undefined` the default one, if there is one. @throws AppError `NotFoundIteration`. */
const namedOrDefault = (
  app: Pick<App, 'db'>,
  scope: ProjectScope,
  iterationId: string | undefined,
): Promise<IterationRow | undefined> =>
  iterationId === undefined
    ? findDefaultIteration(app.db.query, scope.projectId)
    : requireIteration(app.db.query, scope, iterationId);

/** An iteration that may answer, and how what it says is called. */
interface Answering {
  readonly row: IterationRow;
  readonly naming: Naming;
}

/** One whose answers are counted, and how many its account may have in a month. */
interface Counted extends Answering {
  readonly predictionsPerMonth: number;
}

async function countedOf(app: Predicting, scope: ProjectScope, row: IterationRow): Promise<Counted> {
  const { predictionsPerMonth } = await quotasOf(app.db.query, scope.accountId);
  return { row, naming: await namingOf(app.db.query, app.keys, scope, row.id), predictionsPerMonth };
}

const predictCounted = (
  app: Predicting,
  scope: ProjectScope,
  answering: Counted,
  picture: Picture,
  options: PredictOptions & { readonly task?: Task },
): Promise<ImagePrediction> =>
  countingPrediction(app, scope.accountId, answering.predictionsPerMonth, async () =>
    predict(app, scope, answering, await pictureBytes(app, picture, limits.predictionImageBytes), options),
  );

async function predict(
  app: Predicting,
  scope: ProjectScope,
  { row: iteration, naming }: Answering,
  bytes: Uint8Array,
  { id, store, application, task }: PredictOptions & { readonly task?: Task },
): Promise<ImagePrediction> {
  const model = await app.models.load(scope, iteration);
  if (task !== undefined && tasks[task] !== model.kind)
    throw problem(
      'BadRequestOperationNotSupported',
      `Invalid project type for operation. Expected one of a ${tasks[task]} but the project has a ${model.kind}.`,
    );
  const answer: ImagePrediction = {
    id,
    projectId: scope.projectId,
    iterationId: iteration.id,
    created: app.clock.now(),
    predictions: await ask(app, model, naming, bytes, { urgent: true }),
  };
  if (store) await storePrediction(app, scope, answer, bytes, application);
  return answer;
}

/** Answers, the most probable first: of a classifier one for each tag, of a detector one for each thing it found. */
export async function ask(
  app: Pick<App, 'vision'>,
  model: Model,
  naming: Naming,
  bytes: Uint8Array,
  run: Run,
): Promise<ImagePrediction['predictions']> {
  const options = { limits: pictureLimits, backbone: model.backbone };
  if (model.kind === 'detector')
    return naming.found(await app.vision.detect(model.id, model.detector, bytes, options, run));
  const { classifier } = model;
  const changed = classifier.backbone && { key: model.id, weights: classifier.backbone };
  const [features] = await app.vision.features([bytes], { ...options, changed }, run);
  return naming.probabilities(classify(classifier, features!)).sort(byProbability);
}
