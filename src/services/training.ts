import { newId } from '../base/id.ts';
import type { CustomBaseModel, Iteration, TrainingType } from '../domain/iteration.ts';
import { limits } from '../domain/limits.ts';
import { type ProblemCode, problem } from '../domain/problems.ts';
import type { ClassificationType } from '../domain/project.ts';
import type { Jobs } from '../queue/job.ts';
import type { Tx } from '../store/database.ts';
import { iterationFromRow, listIterations } from '../store/iterations.ts';
import { findProject } from '../store/projects.ts';
import type { IterationRow, ProjectRow } from '../store/schema.ts';
import { sealText } from '../store/sealed.ts';
import { projectBackbone } from './backbones.ts';
import { backboneOfBase } from './base-model.ts';
import type { App, ProjectScope } from './context.ts';
import { iterationNameLookup } from './iterations.ts';
import { requireRoom } from './tiers.ts';
import { recordSet, type TrainingSet, trainingSetLookup, workspaceSet } from './training-set.ts';

/** How a training is asked for. */
export interface TrainingInput {
  readonly trainingType: TrainingType;
  readonly reservedBudgetInHours: number;
  /** Train although nothing changed. */
  readonly forceTrain: boolean;
  /** Only these tags are learned; all when absent or empty. Object detection only. */
  readonly selectedTags?: readonly string[] | undefined;
  /** The iteration to begin from: {@link backboneOfBase}. */
  readonly customBaseModel?: CustomBaseModel | undefined;
}

/**
 * Begins a training: records which images and tags it learns from and queues it. The answer's status is `Training`.
 * @throws AppError `NotFoundProject`, `BadRequestTrainingAlreadyInProgress`, `BadRequestTrainingNotNeeded`,
 * `BadRequestExceedIterationPerProjectLimit`, `BadRequest…TrainingValidationFailed` (what is missing, in numbers),
 * `BadRequestDetectionTrainingNotAllowNegativeTag`, `NotFoundTag` for a selected one,
 * `BadRequestReservedBudgetInHoursNotEnoughForAdvancedTraining`, `BadRequestNotSupported`;
 * `BadRequestOperationNotSupported` when the backbone it is to learn on is not installed here; of a base as {@link backboneOfBase}.
 */
export async function trainProject(
  app: Pick<App, 'db' | 'keys' | 'clock' | 'queue' | 'vision'>,
  scope: ProjectScope,
  input: TrainingInput,
): Promise<Iteration> {
  const { projectId } = scope;
  const backbone =
    input.customBaseModel === undefined
      ? (await projectBackbone(app, app.db.query, scope)).reference
      : await backboneOfBase(app, app.db.query, scope, input.customBaseModel);
  const row = await app.db.transaction(async (tx) => {
    const project = await findProject(tx, scope.accountId, projectId);
    if (project === undefined) throw problem('NotFoundProject');
    refuseUnsupported(project, input);
    const iterations = await listIterations(tx, projectId);
    if (iterations.some((one) => one.status === 'Training')) throw problem('BadRequestTrainingAlreadyInProgress');
    await requireRoom(tx, scope.accountId, 'iterations', async () => iterations.length);
    const set = await workspaceSet(app, tx, scope, project, input.selectedTags);
    if (project.classification_type === null) validateDetection(set);
    else validateClassification(set, project.classification_type);
    const fingerprint = trainingSetLookup(app, scope, { ...project, backbone }, set);
    const latest = iterations[0];
    if (!input.forceTrain && latest?.training_set === fingerprint && wasAskedLikeThis(latest, input))
      throw problem('BadRequestTrainingNotNeeded');
    const iteration = newIteration(app, scope, { ...project, backbone }, iterations, input, fingerprint);
    await tx.insertInto('iterations').values(iteration).execute();
    await recordSet(app, tx, scope, iteration.id, set);
    await tx
      .updateTable('projects')
      .set({ iteration_count: project.iteration_count + 1, modified: iteration.created })
      .where('id', '=', projectId)
      .execute();
    await queueTraining(app, tx, { ...scope, iterationId: iteration.id });
    return iteration;
  });
  return iterationFromRow(app.keys, scope, row);
}

/** Whether an iteration learned as a training that is asked for would, from the same base, with as much time. */
const wasAskedLikeThis = (
  latest: IterationRow,
  { trainingType, reservedBudgetInHours, customBaseModel }: TrainingInput,
): boolean =>
  latest.status === 'Completed' &&
  latest.training_type === trainingType &&
  latest.base_iteration_id === (customBaseModel?.iterationId ?? null) &&
  (trainingType === 'Regular' || latest.reserved_budget_hours >= reservedBudgetInHours);

/** Queues the training of an iteration whose row says `Training`. */
export async function queueTraining(app: Pick<App, 'queue'>, tx: Tx, training: Jobs['train']): Promise<void> {
  const { classification_type, training_type } = await tx
    .selectFrom('iterations')
    .select(['classification_type', 'training_type'])
    .where('id', '=', training.iterationId)
    .executeTakeFirstOrThrow();
  const long = classification_type === null || training_type === 'Advanced';
  await app.queue.enqueue(tx, long ? 'train-network' : 'train', training);
}

function refuseUnsupported(project: ProjectRow, input: TrainingInput): void {
  if (input.trainingType === 'Advanced' && input.reservedBudgetInHours < limits.advancedHours)
    throw problem(
      'BadRequestReservedBudgetInHoursNotEnoughForAdvancedTraining',
      `Expected at least ${limits.advancedHours} hour for reservedBudgetInHours but received ${input.reservedBudgetInHours}.`,
    );
  if (project.classification_type !== null && (input.selectedTags ?? []).length > 0)
    throw problem('BadRequestNotSupported', 'selectedTags is for object detection projects only.');
}

function validateClassification(set: TrainingSet, classificationType: ClassificationType): void {
  const code =
    classificationType === 'Multiclass'
      ? 'BadRequestMultiClassClassificationTrainingValidationFailed'
      : 'BadRequestMultiLabelClassificationTrainingValidationFailed';
  if (!set.images.some((image) => image.tagIds.length > 0))
    throw problem('BadRequestTrainingValidationFailed', 'Not enough images for training: there is no tagged image.');
  if (set.tags.length < limits.tagsForTraining)
    throw problem(
      code,
      `Not enough tags for training: expected at least ${limits.tagsForTraining} but there are ${set.tags.length}.`,
    );
  requireImagesPerTag(set, limits.imagesPerTagClassification, code);
  const several = set.images.filter((image) => image.tagIds.length > 1).length;
  if (classificationType === 'Multiclass' && several > 0)
    throw problem(
      code,
      `Expected one tag an image but ${several} images carry several: take them off, or make the project multilabel.`,
    );
}

function validateDetection(set: TrainingSet): void {
  const code = 'BadRequestDetectionTrainingValidationFailed';
  if (set.tags.some((tag) => tag.type === 'Negative')) throw problem('BadRequestDetectionTrainingNotAllowNegativeTag');
  if (!set.images.some((image) => image.tagIds.length > 0))
    throw problem(code, 'Not enough images for training: in none of them is a region of a tag that is to be learned.');
  requireImagesPerTag(set, limits.imagesPerTagDetection, code);
}

function requireImagesPerTag({ tags }: TrainingSet, least: number, code: ProblemCode): void {
  const poorest = tags.reduce((least, tag) => (tag.imageCount < least.imageCount ? tag : least));
  if (poorest.imageCount < least)
    throw problem(
      code,
      `Not enough images per tag for training: expected at least ${least} but a tag has ${poorest.imageCount}.`,
    );
}

/** What the next iteration of a project with these is called: `Iteration`, and the first number that is free. */
export function nextIterationName(
  app: Pick<App, 'keys'>,
  scope: ProjectScope,
  project: Pick<ProjectRow, 'iteration_count'>,
  iterations: readonly Pick<IterationRow, 'name_lookup'>[],
): string {
  const taken = new Set(iterations.map((one) => one.name_lookup));
  let number = project.iteration_count + 1;
  while (taken.has(iterationNameLookup(app, scope, `Iteration ${number}`))) number++;
  return `Iteration ${number}`;
}

function newIteration(
  app: Pick<App, 'keys' | 'clock'>,
  scope: ProjectScope,
  project: ProjectRow,
  iterations: readonly IterationRow[],
  input: TrainingInput,
  fingerprint: string,
): IterationRow {
  const id = newId();
  const now = app.clock.now();
  const name = nextIterationName(app, scope, project, iterations);
  return {
    id,
    project_id: scope.projectId,
    name: sealText(app.keys, scope, 'iterations.name', id, name),
    name_lookup: iterationNameLookup(app, scope, name),
    status: 'Training',
    created: now,
    modified: now,
    trained_at: null,
    domain_id: project.domain_id,
    classification_type: project.classification_type,
    training_type: input.trainingType,
    reserved_budget_hours: input.reservedBudgetInHours,
    training_minutes: 0,
    model_bytes: 0,
    model_id: null,
    rebuild: null,
    remake_exports: 0,
    backbone: project.backbone,
    base_project_id: input.customBaseModel?.projectId ?? null,
    base_iteration_id: input.customBaseModel?.iterationId ?? null,
    training_set: fingerprint,
    publish_name: null,
    publish_lookup: null,
    publish_resource: null,
    is_default: 0,
    error: null,
    imported: null,
  };
}
