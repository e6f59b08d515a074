import { chunks } from '../base/concurrency.ts';
import { newId } from '../base/id.ts';
import { domainById } from '../domain/domain.ts';
import type { Iteration, TrainingType } from '../domain/iteration.ts';
import { limits } from '../domain/limits.ts';
import { problem } from '../domain/problems.ts';
import type { Tx } from '../store/database.ts';
import { iterationFromRow, listIterations } from '../store/iterations.ts';
import { findProject } from '../store/projects.ts';
import type { IterationRow, ProjectRow } from '../store/schema.ts';
import { sealText } from '../store/sealed.ts';
import { listTags } from '../store/tags.ts';
import { foldOf } from '../vision/train/split.ts';
import { projectBackbone } from './backbones.ts';
import type { App, ProjectScope } from './context.ts';
import { iterationNameLookup } from './iterations.ts';

/** How a training is asked for. */
export interface TrainingInput {
  readonly trainingType: TrainingType;
  readonly reservedBudgetInHours: number;
  /** Train although nothing changed. */
  readonly forceTrain: boolean;
  readonly selectedTags?: readonly string[] | undefined;
}

/** What is to be learned: tags in order of their ids, images in order of theirs, each with its tags. */
interface TrainingSet {
  readonly tags: readonly { readonly id: string; readonly imageCount: number }[];
  readonly images: readonly { readonly id: string; readonly tagIds: readonly string[] }[];
}

/**
 * Begins a training: records which images and tags it learns from and queues it. The answer's status is `Training`.
 * @throws AppError `NotFoundProject`, `BadRequestTrainingAlreadyInProgress`, `BadRequestTrainingNotNeeded`,
 * `BadRequestExceedIterationPerProjectLimit`, `BadRequest…TrainingValidationFailed` (what is missing, in numbers),
 * `BadRequestDomainNotSupportedForAdvancedTraining`, `BadRequestNotSupported`; `BadRequestOperationNotSupported` when the
 * backbone it is to learn on is not installed here.
 */
export async function trainProject(
  app: Pick<App, 'db' | 'keys' | 'clock' | 'queue' | 'vision'>,
  scope: ProjectScope,
  input: TrainingInput,
): Promise<Iteration> {
  const { projectId } = scope;
  const { reference: backbone } = await projectBackbone(app, app.db.query, scope);
  const row = await app.db.transaction(async (tx) => {
    const project = await findProject(tx, scope.accountId, projectId);
    if (project === undefined) throw problem('NotFoundProject');
    refuseUnsupported(project, input);
    const iterations = await listIterations(tx, projectId);
    if (iterations.some((one) => one.status === 'Training')) throw problem('BadRequestTrainingAlreadyInProgress');
    if (iterations.length >= limits.iterationsPerProject)
      throw problem(
        'BadRequestExceedIterationPerProjectLimit',
        `The project has ${limits.iterationsPerProject} iterations, as many as it may have: delete one first.`,
      );
    const set = await trainingSet(tx, projectId);
    validate(set, project);
    const fingerprint = trainingSetLookup(app, scope, { ...project, backbone }, set);
    const latest = iterations[0];
    if (!input.forceTrain && latest?.status === 'Completed' && latest.training_set === fingerprint)
      throw problem('BadRequestTrainingNotNeeded');
    const iteration = newIteration(app, scope, { ...project, backbone }, iterations, input, fingerprint);
    await tx.insertInto('iterations').values(iteration).execute();
    await recordSet(tx, scope, iteration.id, set);
    await tx
      .updateTable('projects')
      .set({ iteration_count: project.iteration_count + 1, modified: iteration.created })
      .where('id', '=', projectId)
      .execute();
    await app.queue.enqueue(tx, 'train', { ...scope, iterationId: iteration.id });
    return iteration;
  });
  return iterationFromRow(app.keys, scope, row);
}

/**
 * What tells whether two trainings learn the same: equal for the same settings, tags and tagged images, in order of
 * their ids.
 */
export function trainingSetLookup(
  app: Pick<App, 'keys'>,
  scope: ProjectScope,
  settings: Pick<IterationRow, 'domain_id' | 'classification_type' | 'backbone'>,
  set: {
    readonly tags: readonly { readonly id: string }[];
    readonly images: readonly { readonly id: string; readonly tagIds: readonly string[] }[];
  },
): string {
  const tagIds = set.tags.map((tag) => tag.id);
  const tagged = set.images.filter((image) => image.tagIds.length > 0);
  const { domain_id, classification_type, backbone } = settings;
  const learned = JSON.stringify([
    domain_id,
    classification_type,
    tagIds,
    tagged,
    ...(backbone === null ? [] : [backbone]),
  ]);
  return app.keys.lookup(scope, 'training-set', learned);
}

function refuseUnsupported(project: ProjectRow, input: TrainingInput): void {
  if (domainById(project.domain_id)?.type === 'ObjectDetection')
    throw problem('BadRequestNotSupported', 'Object detection projects cannot be trained yet.');
  if (input.trainingType === 'Advanced')
    throw problem(
      'BadRequestDomainNotSupportedForAdvancedTraining',
      'Advanced training is not available yet: ask for trainingType=Regular.',
    );
  if (input.selectedTags !== undefined && input.selectedTags.length > 0)
    throw problem('BadRequestNotSupported', 'selectedTags is for object detection projects only.');
}

async function trainingSet(tx: Tx, projectId: string): Promise<TrainingSet> {
  const images = await tx
    .selectFrom('images')
    .select('id')
    .where('project_id', '=', projectId)
    .where('workspace', '=', 1)
    .orderBy('id')
    .execute();
  const tagIds = new Map<string, string[]>(images.map((image) => [image.id, []]));
  for (const link of await tx
    .selectFrom('image_tags')
    .select(['image_id', 'tag_id'])
    .where('project_id', '=', projectId)
    .orderBy('tag_id')
    .execute())
    tagIds.get(link.image_id)?.push(link.tag_id);
  // A negative tag that no image carries says nothing, so there is nothing to learn of it.
  const tags = (await listTags(tx, projectId))
    .map((tag) => ({ id: tag.id, imageCount: Number(tag.image_count), type: tag.type }))
    .filter((tag) => tag.type !== 'Negative' || tag.imageCount > 0);
  return {
    tags: tags.map(({ id, imageCount }) => ({ id, imageCount })).sort((a, b) => (a.id < b.id ? -1 : 1)),
    images: images.map((image) => ({ id: image.id, tagIds: tagIds.get(image.id)! })),
  };
}

function validate(set: TrainingSet, project: ProjectRow): void {
  const code =
    project.classification_type === 'Multiclass'
      ? 'BadRequestMultiClassClassificationTrainingValidationFailed'
      : 'BadRequestMultiLabelClassificationTrainingValidationFailed';
  if (!set.images.some((image) => image.tagIds.length > 0))
    throw problem('BadRequestTrainingValidationFailed', 'Not enough images for training: there is no tagged image.');
  if (set.tags.length < limits.tagsForTraining)
    throw problem(
      code,
      `Not enough tags for training: expected at least ${limits.tagsForTraining} but there are ${set.tags.length}.`,
    );
  const poorest = set.tags.reduce((least, tag) => (tag.imageCount < least.imageCount ? tag : least));
  if (poorest.imageCount < limits.imagesPerTagClassification)
    throw problem(
      code,
      `Not enough images per tag for training: expected at least ${limits.imagesPerTagClassification} but a tag has ${poorest.imageCount}.`,
    );
  const several = set.images.filter((image) => image.tagIds.length > 1).length;
  if (project.classification_type === 'Multiclass' && several > 0)
    throw problem(
      code,
      `Expected one tag an image but ${several} images carry several: take them off, or make the project multilabel.`,
    );
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
  const taken = new Set(iterations.map((one) => one.name_lookup));
  let number = project.iteration_count + 1;
  while (taken.has(iterationNameLookup(app, scope, `Iteration ${number}`))) number++;
  const name = `Iteration ${number}`;
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
    training_set: fingerprint,
    publish_name: null,
    publish_lookup: null,
    publish_resource: null,
    error: null,
    imported: null,
  };
}

async function recordSet(tx: Tx, scope: ProjectScope, iterationId: string, set: TrainingSet): Promise<void> {
  const { projectId } = scope;
  const tags = set.tags.map((tag, position) => ({
    iteration_id: iterationId,
    tag_id: tag.id,
    project_id: projectId,
    position,
    image_count: tag.imageCount,
  }));
  await tx.insertInto('iteration_tags').values(tags).execute();
  for (const images of chunks(set.images, 1000)) {
    const rows = images.map((image) => ({
      iteration_id: iterationId,
      image_id: image.id,
      project_id: projectId,
      tag_ids: JSON.stringify(image.tagIds),
      fold: foldOf(image.id),
      scores: null,
      forgetting: 0 as const,
    }));
    await tx.insertInto('iteration_images').values(rows).execute();
  }
}
