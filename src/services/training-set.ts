import { setImmediate } from 'node:timers/promises';
import { chunks } from '../base/concurrency.ts';
import { problem } from '../domain/problems.ts';
import type { TagType } from '../domain/tag.ts';
import type { Queries, Tx } from '../store/database.ts';
import { regionFromRow } from '../store/images.ts';
import { iterationImages } from '../store/iterations.ts';
import { type LearnedRegion, learnedRegions, regionsInOrder, sealRegions } from '../store/learned-regions.ts';
import type { IterationRow } from '../store/schema.ts';
import { listIterationTags, listTags } from '../store/tags.ts';
import { foldOf } from '../vision/train/split.ts';
import type { App, ProjectScope } from './context.ts';

/** An image that is learned from, or would be if it had tags. */
interface SetImage {
  readonly id: string;
  /** In order. Of a detector: those of `regions`. */
  readonly tagIds: readonly string[];
  /** What a detector learns from. */
  readonly regions?: readonly LearnedRegion[];
}

/** Regions opened before others have their turn. */
const openedAtOnce = 1000;

/** What is to be learned. */
export interface TrainingSet {
  /** In the order of the model's outputs. */
  readonly tags: readonly { readonly id: string; readonly type: TagType; readonly imageCount: number }[];
  /** All of the workspace, in order of their ids. */
  readonly images: readonly SetImage[];
}

/** Settings that change what is learned from the same images. */
type Settings = Pick<IterationRow, 'domain_id' | 'classification_type' | 'backbone'>;

/** What a training of the workspace learns from. @throws AppError `NotFoundTag` for a selected one. */
export async function workspaceSet(
  app: Pick<App, 'keys'>,
  tx: Tx,
  scope: ProjectScope,
  settings: Pick<Settings, 'classification_type'>,
  selectedTags: readonly string[] = [],
): Promise<TrainingSet> {
  const { projectId } = scope;
  const images = await tx
    .selectFrom('images')
    .select('id')
    .where('project_id', '=', projectId)
    .where('workspace', '=', 1)
    .orderBy('id')
    .execute();
  const ids = images.map((image) => image.id);
  const tags = (await listTags(tx, projectId)).map(({ id, type, image_count }) => ({
    id,
    type,
    imageCount: Number(image_count),
  }));
  if (settings.classification_type === null) return markedSet(app, tx, scope, ids, tags, selectedTags);
  const tagIds = new Map<string, string[]>(ids.map((id) => [id, []]));
  for (const link of await tx
    .selectFrom('image_tags')
    .select(['image_id', 'tag_id'])
    .where('project_id', '=', projectId)
    .orderBy('tag_id')
    .execute())
    tagIds.get(link.image_id)?.push(link.tag_id);
  return {
    // A negative tag that no image carries says nothing, so there is nothing to learn of it.
    tags: tags.filter((tag) => tag.type !== 'Negative' || tag.imageCount > 0).sort(byId),
    images: ids.map((id) => ({ id, tagIds: tagIds.get(id)! })),
  };
}

/**
 * What a detector learns from: regions. A tag on an image without a region teaches nothing, for it does not say where;
 * nor does an image without a region of a selected tag, for nobody looked at whether one is there. Tags are in the order
 * in which they were made, so that the same project made twice gives the same model.
 */
async function markedSet(
  app: Pick<App, 'keys'>,
  tx: Tx,
  scope: ProjectScope,
  imageIds: readonly string[],
  all: TrainingSet['tags'],
  selectedTags: readonly string[],
): Promise<TrainingSet> {
  if (selectedTags.some((id) => all.every((tag) => tag.id !== id)))
    throw problem('NotFoundTag', 'A tag of selectedTags is not in the project.');
  const tags = selectedTags.length === 0 ? all : all.filter((tag) => selectedTags.includes(tag.id));
  const positions = new Map(tags.map((tag, position) => [tag.id, position]));
  const regions = new Map<string, LearnedRegion[]>(imageIds.map((id) => [id, []]));
  const rows = await tx.selectFrom('regions').selectAll().where('project_id', '=', scope.projectId).execute();
  for (const some of chunks(rows, openedAtOnce)) {
    for (const row of some) {
      const position = positions.get(row.tag_id);
      if (position === undefined) continue;
      const { id, box } = regionFromRow(app.keys, scope, row, new Map());
      regions.get(row.image_id)?.push({ id, position, box });
    }
    await setImmediate();
  }
  const counts = new Array<number>(tags.length).fill(0);
  const images = imageIds.map((id) => {
    const own = regionsInOrder(regions.get(id)!);
    const marked = [...new Set(own.map(({ position }) => position))];
    for (const position of marked) counts[position]!++;
    return { id, tagIds: marked.map((position) => tags[position]!.id).sort(), regions: own };
  });
  return { tags: tags.map((tag, position) => ({ ...tag, imageCount: counts[position]! })), images };
}

const byId = (a: { readonly id: string }, b: { readonly id: string }): number => (a.id < b.id ? -1 : 1);

/** Records with a new iteration what it learns from, image by image: whatever is changed later, it learns this. */
export async function recordSet(
  app: Pick<App, 'keys'>,
  tx: Tx,
  scope: ProjectScope,
  iterationId: string,
  { tags, images }: TrainingSet,
): Promise<void> {
  const own = { iteration_id: iterationId, project_id: scope.projectId };
  await tx
    .insertInto('iteration_tags')
    .values(tags.map(({ id, imageCount }, position) => ({ ...own, tag_id: id, position, image_count: imageCount })))
    .execute();
  for (const some of chunks(images, 1000)) {
    const rows = some.map(({ id, tagIds, regions }) => ({
      ...own,
      image_id: id,
      tag_ids: JSON.stringify(tagIds),
      regions: sealRegions(app.keys, scope, iterationId, id, regions ?? []),
      fold: regions === undefined ? foldOf(id) : 0,
      scores: null,
      forgetting: 0 as const,
    }));
    await tx.insertInto('iteration_images').values(rows).execute();
  }
}

/** What an iteration has learned from, as it was recorded. */
export async function recordedSet(
  app: Pick<App, 'keys'>,
  db: Queries,
  scope: ProjectScope,
  { id, classification_type }: Settings & { readonly id: string },
): Promise<TrainingSet> {
  const images = (await iterationImages(db, id)).map((row): SetImage => {
    const image = { id: row.image_id, tagIds: (JSON.parse(row.tag_ids) as string[]).sort() };
    return classification_type === null ? { ...image, regions: learnedRegions(app.keys, scope, row) } : image;
  });
  const counts = new Map<string, number>();
  for (const tagId of images.flatMap((image) => image.tagIds)) counts.set(tagId, (counts.get(tagId) ?? 0) + 1);
  const tags = (await listIterationTags(db, id)).map((tag) => ({
    id: tag.id,
    type: tag.type,
    imageCount: counts.get(tag.id) ?? 0,
  }));
  return { tags, images };
}

/** What tells whether two trainings learn the same: equal for the same settings, tags and what images are tagged with. */
export function trainingSetLookup(
  app: Pick<App, 'keys'>,
  scope: ProjectScope,
  { domain_id, classification_type, backbone }: Settings,
  { tags, images }: TrainingSet,
): string {
  const tagged = images
    .filter((image) => image.tagIds.length > 0)
    .map(({ id, tagIds, regions }) => ({
      id,
      tagIds,
      // Another region in the same place teaches the same.
      ...(regions && { regions: regions.map(({ position, box }) => [position, box]) }),
    }));
  const learned = JSON.stringify([
    domain_id,
    classification_type,
    tags.map((tag) => tag.id).sort(),
    tagged,
    ...(backbone === null ? [] : [backbone]),
  ]);
  return app.keys.lookup(scope, 'training-set', learned);
}
