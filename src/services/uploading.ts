import { createHash } from 'node:crypto';
import { chunks, mapConcurrently } from '../base/concurrency.ts';
import { AppError } from '../base/errors.ts';
import { newId } from '../base/id.ts';
import type { ImageCreateResult, ImageCreateStatus, ImageCreateSummary, NewImage, NewImages } from '../domain/image.ts';
import { limits } from '../domain/limits.ts';
import { problem } from '../domain/problems.ts';
import type { ClassificationType, Project } from '../domain/project.ts';
import type { TagType } from '../domain/tag.ts';
import type { BlobKey } from '../store/blobs.ts';
import type { Tx } from '../store/database.ts';
import { countSelected, imageByDigest, imagesFromRows } from '../store/images.ts';
import { abandonBlobs, keepBlobs } from '../store/loose-blobs.ts';
import { metadataColumns } from '../store/metadata.ts';
import { touchProject } from '../store/projects.ts';
import type { ImageRow } from '../store/schema.ts';
import { tagTypes } from '../store/tags.ts';
import { prepare } from '../vision/image/decode.ts';
import type { App, ProjectScope } from './context.ts';
import { uploads } from './features.ts';
import { mostTags, tagConflict } from './image-tags.ts';
import { addMetadata, checkMetadata } from './images.ts';
import { getSealed, pictureBytes, pictureKeys, pictureLimits, putSealed } from './pictures.ts';
import { getProject, requireProject } from './projects.ts';
import { addRegions, checkBoxes, regionRow } from './regions.ts';
import { storing } from './storing.ts';
import { quotasOf, roomFor } from './tiers.ts';

/** Pictures of a batch worked on at a time: decoding, sealing and writing overlap. */
const atOnce = 4;

interface Ready {
  readonly entry: NewImage;
  /** Its date is set when it is inserted. */
  readonly row: ImageRow;
  readonly tagIds: readonly string[];
}

type Outcome = { status: Exclude<ImageCreateStatus, 'OK'> } | { status: 'OK'; ready: Ready };
type Uploading = Pick<App, 'db' | 'keys' | 'blobs' | 'clock' | 'queue' | 'fetcher'>;

/**
 * Adds a batch of pictures. Each succeeds or fails by itself, with its own status; what is answered `OK` is stored
 * durably, of the others nothing is left behind. A picture the workspace has already is answered `OKDuplicate`: it gains
 * the tags and regions given now as far as they go together with its own.
 * @throws AppError for the batch as a whole: `NotFoundProject`, `BadRequestImageBatch`, `BadRequestImageRegions`, metadata over the limits, a full disk.
 */
export async function createImages(
  app: Uploading,
  scope: ProjectScope,
  entries: readonly NewImage[],
  shared: NewImages['shared'],
): Promise<ImageCreateSummary> {
  const project = await getProject(app, scope);
  checkBatch(entries, shared, project.classificationType);
  const ids = entries.map(() => newId());
  const keys = ids.map((id) => pictureKeys(scope, 'image', id));
  const results = await uploads.during(() =>
    storing(app, scope, keys.flat(), () => storeImages(app, scope, project, entries, shared, ids, keys)),
  );
  const rows = results.flatMap((result) => result.row ?? []);
  const images = new Map((await imagesFromRows(app.db.query, app.keys, scope, rows)).map((image) => [image.id, image]));
  return {
    isBatchSuccessful: results.every((result) => result.status === 'OK'),
    images: results.map(
      (result, index): ImageCreateResult => ({
        sourceUrl: sourceOf(entries[index]!),
        status: result.status,
        image: (result.row && images.get(result.row.id)) ?? null,
      }),
    ),
  };
}

/** Prepares and puts the pictures, then inserts those that succeeded; the row each entry led to, if any, in order. */
async function storeImages(
  app: Uploading,
  scope: ProjectScope,
  { classificationType }: Project,
  entries: readonly NewImage[],
  shared: NewImages['shared'],
  ids: readonly string[],
  keys: readonly (readonly BlobKey[])[],
): Promise<{ status: ImageCreateStatus; row: ImageRow | null }[]> {
  const quotas = await quotasOf(app.db.query, scope.accountId);
  const most = { tags: mostTags(classificationType, quotas), regions: quotas.regionsPerImage };
  const types = new Map((await tagTypes(app.db.query, scope.projectId)).map((tag) => [tag.id, tag.type]));
  const outcomes = await mapConcurrently(entries, atOnce, (entry, index) =>
    prepareImage(app, scope, ids[index]!, entry, shared, types, most),
  );
  return app.db.transaction(async (tx) => {
    await requireProject(tx, scope);
    let room = await roomFor(quotas.imagesPerProject, () => countSelected(tx, { projectId: scope.projectId }));
    const kept: Ready[] = [];
    const found: { status: ImageCreateStatus; row: ImageRow | null }[] = [];
    for (const outcome of outcomes) {
      if (outcome.status !== 'OK') found.push({ status: outcome.status, row: null });
      else {
        const { entry, tagIds } = outcome.ready;
        // Dated here, one after the other: however long each took to prepare, they lie in the order they came in.
        const row = { ...outcome.ready.row, created: app.clock.now() };
        const twin =
          kept.find((one) => one.row.digest === row.digest)?.row ??
          (await imageByDigest(tx, scope.projectId, row.digest));
        if (twin !== undefined) {
          await addLabels(app, tx, scope, twin.id, outcome.ready, types, most.tags);
          await removePrediction(tx, scope, entry);
          let now: ImageRow | undefined = twin;
          if (shared.metadata !== null) {
            await addMetadata(app, tx, scope, twin.id, shared.metadata);
            now = await imageByDigest(tx, scope.projectId, row.digest);
          }
          found.push({ status: 'OKDuplicate', row: now ?? twin });
        } else if (room <= 0) found.push({ status: 'ErrorLimitExceed', row: null });
        else {
          room--;
          const ready = { entry, row, tagIds };
          await insertImage(app, tx, scope, ready);
          await removePrediction(tx, scope, entry);
          kept.push(ready);
          found.push({ status: 'OK', row });
        }
      }
    }
    const keptIds = new Set(kept.map((one) => one.row.id));
    const isKept = ids.map((id) => keptIds.has(id));
    await keepBlobs(tx, keys.filter((_, index) => isKept[index]).flat());
    await abandonBlobs(tx, scope.projectId, keys.filter((_, index) => !isKept[index]).flat());
    if (kept.length > 0) {
      await touchProject(tx, scope.projectId, app.clock.now());
      await app.queue.enqueue(tx, 'features', scope, { once: `features/${scope.projectId}` });
    }
    if (kept.length < entries.length || kept.some((one) => 'predictionId' in one.entry.source))
      await app.queue.enqueue(tx, 'purge', scope, { once: `purge/${scope.projectId}` });
    return found;
  });
}

function checkBatch(
  entries: readonly NewImage[],
  shared: NewImages['shared'],
  classificationType: ClassificationType | null,
): void {
  if (entries.length === 0)
    throw problem('BadRequestImageBatch', 'Expected at least one image in the batch but received none.');
  if (shared.metadata !== null) {
    checkMetadata(shared.metadata);
    const pairs = Object.keys(shared.metadata).length;
    if (pairs > limits.metadataPairs)
      throw problem(
        'BadRequestImageMetadataKey',
        `Expected at most ${limits.metadataPairs} pairs of metadata but received ${pairs}.`,
      );
  }
  if (classificationType !== null && entries.some((entry) => entry.regions.length > 0))
    throw problem('BadRequestImageRegions', 'Expected tags without regions: the project is for classification.');
  checkBoxes(entries.flatMap((entry) => entry.regions.map((region) => region.box)));
}

async function prepareImage(
  app: Uploading,
  scope: ProjectScope,
  id: string,
  entry: NewImage,
  shared: NewImages['shared'],
  types: ReadonlyMap<string, TagType>,
  most: { readonly tags: number; readonly regions: number },
): Promise<Outcome> {
  const tagIds = [...new Set([...shared.tagIds, ...entry.tagIds, ...entry.regions.map((region) => region.tagId)])];
  const conflict = tagConflict(tagIds, types, most.tags);
  if (conflict === 'unknown') return { status: 'ErrorInvalidTag' };
  if (conflict === 'negative') return { status: 'ErrorNegativeAndRegularTagOnSameImage' };
  if (conflict === 'too many') return { status: 'ErrorTagLimitExceed' };
  if (entry.regions.length > most.regions) return { status: 'ErrorRegionLimitExceed' };
  try {
    const bytes = await sourceBytes(app, scope, entry.source);
    const picture = await prepare(bytes, pictureLimits);
    await Promise.all([
      putSealed(app, scope, 'image-original', id, bytes),
      putSealed(app, scope, 'image-thumbnail', id, picture.thumbnail),
    ]);
    const row: ImageRow = {
      id,
      project_id: scope.projectId,
      created: 0,
      width: picture.width,
      height: picture.height,
      format: picture.format,
      bytes: bytes.byteLength,
      thumbnail_bytes: picture.thumbnail.byteLength,
      digest: app.keys.lookup(scope, 'image-digest', createHash('sha256').update(bytes).digest()),
      ...metadataColumns(app.keys, scope, id, shared.metadata),
      workspace: 1,
      features: 0,
    };
    return { status: 'OK', ready: { entry, row, tagIds } };
  } catch (error) {
    const status = error instanceof AppError ? statusOf[error.code] : undefined;
    if (status === undefined) throw error;
    return { status };
  }
}

/** A refusal of one picture in the words of its batch. */
export const statusOf: Readonly<Record<string, Exclude<ImageCreateStatus, 'OK'>>> = {
  BadRequestImageUrl: 'ErrorSource',
  NotFoundImage: 'ErrorSource',
  BadRequestImageStream: 'ErrorImageFormat',
  BadRequestImageFormat: 'ErrorImageFormat',
  BadRequestImageSizeBytes: 'ErrorImageSize',
  BadRequestImageDimensions: 'ErrorImageDimensions',
  ErrorStorageFull: 'ErrorStorage',
};

async function sourceBytes(app: Uploading, scope: ProjectScope, source: NewImage['source']): Promise<Uint8Array> {
  if (!('predictionId' in source)) return pictureBytes(app, source, limits.trainingImageBytes);
  const row = await app.db.query
    .selectFrom('predictions')
    .select('id')
    .where('project_id', '=', scope.projectId)
    .where('id', '=', source.predictionId)
    .executeTakeFirst();
  const bytes = row && (await getSealed(app, scope, 'prediction-original', row.id));
  if (bytes === undefined) throw problem('NotFoundImage');
  return bytes;
}

const sourceOf = ({ source, name }: NewImage): string =>
  'url' in source ? source.url : 'predictionId' in source ? source.predictionId : name;

async function insertImage(app: Uploading, tx: Tx, scope: ProjectScope, { entry, row, tagIds }: Ready): Promise<void> {
  await tx.insertInto('images').values(row).execute();
  await insertTags(app, tx, scope, row.id, tagIds);
  const regions = entry.regions.map((region) => regionRow(app, scope, { imageId: row.id, ...region }));
  for (const some of chunks(regions, 500)) await tx.insertInto('regions').values(some).execute();
}

/** A prediction that became an image, or is one already, is no longer among the predictions. */
async function removePrediction(tx: Tx, scope: ProjectScope, { source }: NewImage): Promise<void> {
  if (!('predictionId' in source)) return;
  const { predictionId } = source;
  await tx.deleteFrom('predictions').where('id', '=', predictionId).where('project_id', '=', scope.projectId).execute();
  await abandonBlobs(tx, scope.projectId, pictureKeys(scope, 'prediction', predictionId));
}

async function insertTags(
  app: Uploading,
  tx: Tx,
  scope: ProjectScope,
  imageId: string,
  tagIds: readonly string[],
): Promise<void> {
  if (tagIds.length === 0) return;
  const links = tagIds.map((tagId) => ({
    image_id: imageId,
    tag_id: tagId,
    project_id: scope.projectId,
    created: app.clock.now(),
  }));
  await tx.insertInto('image_tags').values(links).execute();
}

/** What a picture that is there already is labelled with now, beside what it was: all of it, or nothing if it does not go together. */
async function addLabels(
  app: Uploading,
  tx: Tx,
  scope: ProjectScope,
  imageId: string,
  { entry, tagIds }: Ready,
  types: ReadonlyMap<string, TagType>,
  mostTags: number,
): Promise<void> {
  const carried = (await tx.selectFrom('image_tags').select('tag_id').where('image_id', '=', imageId).execute()).map(
    (link) => link.tag_id,
  );
  const added = tagIds.filter((id) => !carried.includes(id));
  if (tagConflict([...carried, ...added], types, mostTags) !== undefined) return;
  const regions = entry.regions.map((region) => ({ imageId, ...region }));
  const drawn = regions.length > 0 ? (await addRegions(app, tx, scope, regions)).created.length : 0;
  const drawnTags = regions.map((region) => region.tagId);
  await insertTags(
    app,
    tx,
    scope,
    imageId,
    added.filter((id) => !drawnTags.includes(id)),
  );
  if (added.length + drawn === 0) return;
  await touchProject(tx, scope.projectId, app.clock.now());
}
