import type { Image, MetadataResult } from '../domain/image.ts';
import { limits } from '../domain/limits.ts';
import { parseMetadataFilter } from '../domain/metadata-filter.ts';
import { problem } from '../domain/problems.ts';
import type { Queries, Tx } from '../store/database.ts';
import { countImages as countForErasure } from '../store/erasures.ts';
import {
  countPresent,
  countSelected,
  type ImageSelection,
  imagesByIds,
  imagesFromRows,
  selectImages,
} from '../store/images.ts';
import { markMetadata, matches, metadataColumns, openMetadata } from '../store/metadata.ts';
import { touchProject } from '../store/projects.ts';
import { dropFromRecords } from '../store/trash-drop.ts';
import type { App, ProjectScope } from './context.ts';
import { requireIteration } from './iterations.ts';
import { requireProject } from './projects.ts';
import { beginErasure, imageCounts } from './receipts.ts';
import { tagNames } from './tags.ts';

/** Which images are asked for, and which page of them. */
export interface ImageFilter {
  /** Of this iteration; without it of the workspace. */
  readonly iterationId?: string | undefined;
  /** That carry any of these tags. */
  readonly tagIds?: readonly string[] | undefined;
  readonly status: 'All' | 'Tagged' | 'Untagged';
  /** Whose metadata is like this; in the words of `domain/metadata-filter.ts`. */
  readonly $filter?: string | undefined;
  readonly orderBy?: 'Newest' | 'Oldest' | undefined;
  /** Default 50, at most 256. */
  readonly take?: number | undefined;
  readonly skip?: number | undefined;
}

async function selectionOf(
  app: Pick<App, 'db' | 'keys'>,
  scope: ProjectScope,
  { iterationId, tagIds, status, $filter = '' }: ImageFilter,
): Promise<ImageSelection> {
  const db = app.db.query;
  await requireProject(db, scope);
  if (iterationId !== undefined) await requireIteration(db, scope, iterationId);
  const selection = { projectId: scope.projectId, iterationId, tagIds, status };
  if ($filter.trim() === '') return selection;
  const metadata = matches(app.keys, scope, parseMetadataFilter($filter));
  await markMetadata(app.db, app.keys, scope);
  return { ...selection, metadata };
}

/**
 * One page of images, newest first unless asked otherwise.
 * @throws AppError `NotFoundProject`, `NotFoundIteration`, `BadRequest` for a `$filter` that is none.
 */
export async function listImages(
  app: Pick<App, 'db' | 'keys'>,
  scope: ProjectScope,
  filter: ImageFilter,
): Promise<Image[]> {
  const db = app.db.query;
  const selection = await selectionOf(app, scope, filter);
  const page = {
    orderBy: filter.orderBy ?? 'Newest',
    take: Math.min(filter.take ?? limits.defaultTake, limits.take),
    skip: filter.skip ?? 0,
  } as const;
  const rows = await selectImages(db, selection, page);
  return imagesFromRows(db, app.keys, scope, rows, {
    names: await tagNames(app, scope),
    iterationId: filter.iterationId,
  });
}

/** Refuses images that are not in the workspace. `imageIds` names none twice. @throws AppError `NotFoundImage`. */
export async function requireImages(db: Queries, projectId: string, imageIds: readonly string[]): Promise<void> {
  const present = await imagesByIds(db, { projectId }, imageIds);
  if (present.length < imageIds.length) throw problem('NotFoundImage', 'An image of the batch is not in the project.');
}

/** How many images there are. @throws AppError as {@link listImages}. */
export async function countImages(
  app: Pick<App, 'db' | 'keys'>,
  scope: ProjectScope,
  filter: ImageFilter,
): Promise<number> {
  return countSelected(app.db.query, await selectionOf(app, scope, filter));
}

/**
 * The images of these ids that there are, in the order asked for.
 * @throws AppError `NotFoundProject`, `NotFoundIteration`.
 */
export async function getImages(
  app: Pick<App, 'db' | 'keys'>,
  scope: ProjectScope,
  imageIds: readonly string[],
  iterationId?: string,
): Promise<Image[]> {
  const db = app.db.query;
  const selection = await selectionOf(app, scope, { status: 'All', iterationId });
  const rows = await imagesByIds(db, selection, imageIds);
  const images = await imagesFromRows(db, app.keys, scope, rows, { names: await tagNames(app, scope), iterationId });
  const byId = new Map(images.map((image) => [image.id, image]));
  return imageIds.flatMap((id) => byId.get(id) ?? []);
}

/** Which images a deletion is about: those of the ids, or all. */
export interface ImagesToDelete {
  readonly imageIds?: readonly string[] | undefined;
  readonly allImages: boolean;
  /** Out of every iteration's record as well. */
  readonly allIterations: boolean;
}

/**
 * Refuses a deletion of nothing. @throws AppError `NotFoundProject`, `BadRequestRequiredParamIsNull`, `NotFoundImage` when none of the ids is there.
 */
export async function requirePresent(db: Queries, scope: ProjectScope, what: ImagesToDelete): Promise<void> {
  const ids = what.imageIds ?? [];
  await requireProject(db, scope);
  if (what.allImages) return;
  if (ids.length === 0)
    throw problem('BadRequestRequiredParamIsNull', 'Expected imageIds or allImages=true but received neither.');
  const present = await countPresent(db, scope.projectId, ids);
  if (present === 0) throw problem('NotFoundImage', 'None of these images is in the project.');
}

/**
 * Takes images out of the workspace; with `allIterations` out of every iteration's record as well. An image no
 * iteration keeps is removed for good. @throws AppError `NotFoundProject`, `BadRequestRequiredParamIsNull`,
 * `NotFoundImage` when none of the ids is there.
 */
export async function deleteImages(
  app: Pick<App, 'db' | 'keys' | 'clock' | 'queue'>,
  scope: ProjectScope,
  what: ImagesToDelete,
): Promise<void> {
  const { projectId } = scope;
  const ids = what.imageIds ?? [];
  await app.db.transaction(async (tx) => {
    await requirePresent(tx, scope, what);
    const chosen = what.allImages ? undefined : ids;
    const { erased, kept } = await countForErasure(tx, projectId, chosen, what.allIterations);
    let learned = tx.deleteFrom('iteration_images').where('project_id', '=', projectId);
    if (!what.allImages) learned = learned.where('image_id', 'in', [...ids]);
    const taken = await takeOut(tx, projectId, chosen);
    const forgotten = what.allIterations ? await learned.executeTakeFirst() : undefined;
    const unrecorded = what.allIterations ? await dropFromRecords(tx, projectId, chosen) : 0;
    await touchProject(tx, projectId, app.clock.now());
    await beginErasure(app, tx, {
      kind: 'images',
      ...scope,
      ...(chosen === undefined ? {} : { ids: chosen }),
      erased: {
        ...imageCounts(erased),
        ...taken,
        iteration_images: Number(forgotten?.numDeletedRows ?? 0) + unrecorded,
      },
      kept: { images: kept },
    });
    await app.queue.enqueue(tx, 'purge', scope, { once: `purge/${projectId}` });
  });
}

/** Takes images, all without `ids`, out of a project's workspace with their tags and regions; returns how many of those. */
export async function takeOut(
  tx: Tx,
  projectId: string,
  ids: readonly string[] | undefined,
): Promise<{ image_tags: number; regions: number }> {
  let update = tx.updateTable('images').set({ workspace: 0 }).where('project_id', '=', projectId);
  let links = tx.deleteFrom('image_tags').where('project_id', '=', projectId);
  let regions = tx.deleteFrom('regions').where('project_id', '=', projectId);
  if (ids !== undefined) {
    update = update.where('id', 'in', [...ids]);
    links = links.where('image_id', 'in', [...ids]);
    regions = regions.where('image_id', 'in', [...ids]);
  }
  await update.execute();
  const untagged = await links.executeTakeFirst();
  const unmarked = await regions.executeTakeFirst();
  return { image_tags: Number(untagged.numDeletedRows), regions: Number(unmarked.numDeletedRows) };
}

/** Refuses metadata over the limits. @throws AppError `BadRequestImageMetadataKey`, `BadRequestImageMetadataValue`. */
export function checkMetadata(metadata: Readonly<Record<string, string>>): void {
  for (const [key, value] of Object.entries(metadata)) {
    if (key === '' || key.length > limits.metadataKeyLength)
      throw problem(
        'BadRequestImageMetadataKey',
        `Expected keys of 1 to ${limits.metadataKeyLength} characters but received ${key.length}.`,
      );
    if (value.length > limits.metadataValueLength)
      throw problem(
        'BadRequestImageMetadataValue',
        `Expected values of at most ${limits.metadataValueLength} characters but received ${value.length}.`,
      );
  }
}

/**
 * Adds the pairs to each image's metadata, replacing those of the same key.
 * @throws AppError `NotFoundProject`, `BadRequestImageMetadataKey`, `BadRequestImageMetadataValue`.
 */
export async function updateImageMetadata(
  app: Pick<App, 'db' | 'keys' | 'clock'>,
  scope: ProjectScope,
  imageIds: readonly string[],
  metadata: Readonly<Record<string, string>>,
): Promise<MetadataResult[]> {
  checkMetadata(metadata);
  return app.db.transaction(async (tx) => {
    await requireProject(tx, scope);
    const results: MetadataResult[] = [];
    for (const imageId of imageIds) results.push(await addMetadata(app, tx, scope, imageId, metadata));
    await touchProject(tx, scope.projectId, app.clock.now());
    return results;
  });
}

/** Adds checked pairs to an image's metadata, replacing those of the same key, unless there would be too many. */
export async function addMetadata(
  app: Pick<App, 'keys'>,
  tx: Tx,
  scope: ProjectScope,
  imageId: string,
  metadata: Readonly<Record<string, string>>,
): Promise<MetadataResult> {
  const row = await tx
    .selectFrom('images')
    .select(['id', 'metadata'])
    .where('project_id', '=', scope.projectId)
    .where('id', '=', imageId)
    .where('workspace', '=', 1)
    .executeTakeFirst();
  if (row === undefined) return { imageId, status: 'ErrorImageNotFound', metadata: null };
  const old = openMetadata(app.keys, scope, row) ?? {};
  const next = { ...old, ...metadata };
  if (Object.keys(next).length > limits.metadataPairs) return { imageId, status: 'ErrorLimitExceed', metadata: old };
  const columns = metadataColumns(app.keys, scope, imageId, next);
  await tx.updateTable('images').set(columns).where('id', '=', imageId).execute();
  return { imageId, status: 'OK', metadata: next };
}
