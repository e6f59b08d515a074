import { setImmediate } from 'node:timers/promises';
import { chunks, mapConcurrently } from '../base/concurrency.ts';
import { AppError } from '../base/errors.ts';
import { gauge } from '../base/gauge.ts';
import { imagesWithoutFeatures, keepFeatures, outdateFeatures, selectFeatures } from '../store/features.ts';
import { presentImages } from '../store/forgetting.ts';
import type { BackboneFacts } from '../vision/backbone/installed.ts';
import { presentBackbone } from './backbones.ts';
import type { App, ProjectScope } from './context.ts';
import { getSealed } from './pictures.ts';

/**
 * Pictures whose features are computed and committed together: few enough to lose little, enough to share the disk's
 * waits.
 */
const chunkSize = 32;
/** Rows of features read at once: a millisecond or two. */
const readAtOnce = 200;
const kind = 'image_features.features';

type Featuring = Pick<App, 'db' | 'keys' | 'blobs' | 'vision'>;

/** The uploads under way in this process: features computed in the background stay out of their way. */
export const uploads = gauge();
/** How long no upload may have been under way before background work goes on, and how long it waits for that, ms. */
const quietFor = 300;
const waitAtMost = 10_000;

/** The images at work at this moment in this process, so that two jobs do not compute the same. */
const underWay = new Map<string, Promise<void>>();

/** How {@link computeFeatures} works. */
export interface FeaturesRun {
  readonly backbone: BackboneFacts;
  readonly signal: AbortSignal;
  /** Nobody waits for the result: uploads go first. */
  readonly background: boolean;
  /** Called with how many more images are finished. */
  readonly onDone?: (count: number) => void;
}

/**
 * Computes and keeps the features of those of these images that lack them. Images deleted meanwhile are passed over.
 * @throws AppError `PictureUnreadable`, naming those whose files are damaged or lost, after all others are kept; the
 * signal's reason when aborted; what was committed stays.
 */
export async function computeFeatures(
  app: Featuring,
  scope: ProjectScope,
  imageIds: readonly string[],
  { backbone, signal, background, onDone }: FeaturesRun,
): Promise<void> {
  const unreadable: string[] = [];
  // Two chunks at a time: one is being written while the next is being computed.
  await mapConcurrently([...chunks(imageIds, chunkSize)], 2, async (ids) => {
    for (let left = ids; left.length > 0; ) {
      if (background) await uploads.quiet(quietFor, waitAtMost, signal);
      signal.throwIfAborted();
      await Promise.allSettled(left.map((id) => underWay.get(id)));
      const waiting = await imagesWithoutFeatures(app.db.query, scope.projectId, { ids: left });
      const mine = waiting.filter((id) => !underWay.has(id));
      const work = computeChunk(app, scope, mine, backbone, signal).then((bad) => void unreadable.push(...bad));
      for (const id of mine) underWay.set(id, work);
      try {
        await work;
      } finally {
        for (const id of mine) underWay.delete(id);
      }
      left = waiting.filter((id) => !mine.includes(id));
    }
    onDone?.(ids.length);
  });
  if (unreadable.length > 0) throw picturesUnreadable(unreadable);
}

/** That the files of these images are damaged or lost, and what to do. */
export function picturesUnreadable(imageIds: readonly string[]): AppError {
  const [some, more] = [imageIds.toSorted().slice(0, 3).join(', '), imageIds.length - 3];
  const which = imageIds.length === 1 ? `image ${some}` : `images ${some}${more > 0 ? ` and ${more} more` : ''}`;
  return new AppError(
    'PictureUnreadable',
    `The stored files of ${which} cannot be read: they are damaged or lost. Delete what cannot be read, and train again.`,
  );
}

/** Returns the images whose files cannot be read. */
async function computeChunk(
  app: Featuring,
  scope: ProjectScope,
  ids: readonly string[],
  { reference: backbone, fingerprint }: BackboneFacts,
  signal: AbortSignal,
): Promise<string[]> {
  const { projectId } = scope;
  const features = await featuresOfFiles(app, scope, ids, backbone, signal);
  const rows = ids.flatMap((id, index) => {
    const found = features[index];
    if (found === undefined) return [];
    const bytes = new Uint8Array(found.buffer, found.byteOffset, found.byteLength);
    const sealed = app.keys.seal({ ...scope, kind, id }, bytes);
    return [{ image_id: id, project_id: projectId, recipe: fingerprint, features: sealed }];
  });
  if (rows.length > 0) await app.db.transaction((tx) => keepFeatures(tx, projectId, rows));
  const kept = new Set(rows.map((row) => row.image_id));
  // A deletion takes the row before the file: where the row is there, it is not for that that there is no file.
  return (await presentImages(app.db.query, projectId, ids)).filter((id) => !kept.has(id));
}

/** Of each image, in order; `undefined` where its file is damaged or not there. */
async function featuresOfFiles(
  app: Featuring,
  scope: ProjectScope,
  ids: readonly string[],
  backbone: BackboneFacts['reference'],
  signal: AbortSignal,
): Promise<(Float32Array | undefined)[]> {
  const pictures = await mapConcurrently(ids, 8, (id) => readOriginal(app, scope, id));
  const readable = pictures.filter((picture) => picture !== undefined);
  const found = await featuresOfReadable(app, readable, backbone, signal);
  let next = 0;
  return pictures.map((picture) => (picture === undefined ? undefined : found[next++]));
}

/** The picture as it was given; `undefined` when its file is damaged or not there. */
export const readOriginal = (app: Featuring, scope: ProjectScope, id: string): Promise<Buffer | undefined> =>
  getSealed(app, scope, 'image-original', id).catch((error: unknown) => {
    if (error instanceof AppError && error.code === 'Sealed') return undefined;
    throw error;
  });

/** In order; `undefined` for those that cannot be decoded. */
async function featuresOfReadable(
  app: Featuring,
  pictures: readonly Buffer[],
  backbone: BackboneFacts['reference'],
  signal: AbortSignal,
): Promise<(Float32Array | undefined)[]> {
  const isUndecodable = (error: unknown): boolean =>
    error instanceof AppError && error.code.startsWith('BadRequestImage');
  try {
    return await app.vision.features(pictures, { backbone }, { signal });
  } catch (error) {
    if (!isUndecodable(error)) throw error;
  }
  return mapConcurrently(pictures, 4, (one) =>
    app.vision.features([one], { backbone }, { signal }).then(
      ([features]) => features,
      (error: unknown) => {
        if (!isUndecodable(error)) throw error;
        return undefined;
      },
    ),
  );
}

/**
 * The features of these images for a training, in order: float32 [n, d], in shared memory. Those of the backbone that the
 * project wants are kept, and computed only where they are missing; of another one, on which an older iteration is
 * trained anew, they are computed and not kept.
 * @throws AppError `FeaturesMissing` as {@link readFeatures}, `PictureUnreadable` as {@link computeFeatures}; the signal's reason.
 */
export async function trainingFeatures(
  app: Featuring,
  scope: ProjectScope,
  imageIds: readonly string[],
  run: Omit<FeaturesRun, 'background'>,
): Promise<Float32Array> {
  const { backbone, signal, onDone } = run;
  const wanted = await presentBackbone(app, app.db.query, scope);
  if (wanted?.fingerprint === backbone.fingerprint) {
    await outdateFeatures(app.db.query, scope.projectId, backbone.fingerprint);
    const learned = new Set(imageIds);
    const waiting = (await imagesWithoutFeatures(app.db.query, scope.projectId)).filter((id) => learned.has(id));
    onDone?.(imageIds.length - waiting.length);
    await computeFeatures(app, scope, waiting, { ...run, background: false });
    return readFeatures(app, scope, imageIds, backbone);
  }
  const { reference, featureLength: length } = backbone;
  const all = sharedFloats(imageIds.length * length);
  let row = 0;
  for (const ids of chunks(imageIds, chunkSize)) {
    signal.throwIfAborted();
    const found = await featuresOfFiles(app, scope, ids, reference, signal);
    const lacking = ids.filter((_, index) => found[index] === undefined);
    if (lacking.length > 0) {
      const unreadable = await presentImages(app.db.query, scope.projectId, lacking);
      throw unreadable.length === 0 ? featuresMissing() : picturesUnreadable(unreadable);
    }
    for (const features of found) all.set(features!, row++ * length);
    onDone?.(ids.length);
  }
  return all;
}

const featuresMissing = (): AppError =>
  new AppError('FeaturesMissing', 'the features of an image that is being learned are gone');

const sharedFloats = (count: number): Float32Array =>
  new Float32Array(new SharedArrayBuffer(count * Float32Array.BYTES_PER_ELEMENT));

/**
 * The kept features of these images, in order: float32 [n, d], in shared memory.
 * @throws AppError `FeaturesMissing` when an image or its features are gone: the set changed meanwhile.
 */
async function readFeatures(
  app: Featuring,
  scope: ProjectScope,
  imageIds: readonly string[],
  { featureLength: length, fingerprint }: BackboneFacts,
): Promise<Float32Array> {
  const all = sharedFloats(imageIds.length * length);
  const bytes = new Uint8Array(all.buffer);
  let row = 0;
  for (const ids of chunks(imageIds, readAtOnce)) {
    const found = await selectFeatures(app.db.query, fingerprint, ids);
    for (const id of ids) {
      const sealed = found.get(id);
      if (sealed === undefined) throw featuresMissing();
      bytes.set(app.keys.open({ ...scope, kind, id }, sealed), row++ * length * Float32Array.BYTES_PER_ELEMENT);
    }
    // Others have their turn between two pieces.
    await setImmediate();
  }
  return all;
}
