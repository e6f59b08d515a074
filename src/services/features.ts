import { setImmediate } from 'node:timers/promises';
import { chunks, mapConcurrently } from '../base/concurrency.ts';
import { AppError } from '../base/errors.ts';
import { gauge } from '../base/gauge.ts';
import { imagesWithoutFeatures, keepFeatures, outdateFeatures, selectFeatures } from '../store/features.ts';
import type { BackboneFacts } from '../vision/backbone/installed.ts';
import { projectBackbone } from './backbones.ts';
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
 * @throws the signal's reason when aborted; what was committed stays.
 */
export async function computeFeatures(
  app: Featuring,
  scope: ProjectScope,
  imageIds: readonly string[],
  { backbone, signal, background, onDone }: FeaturesRun,
): Promise<void> {
  // Two chunks at a time: one is being written while the next is being computed.
  await mapConcurrently([...chunks(imageIds, chunkSize)], 2, async (ids) => {
    for (let left = ids; left.length > 0; ) {
      if (background) await uploads.quiet(quietFor, waitAtMost, signal);
      signal.throwIfAborted();
      await Promise.allSettled(left.map((id) => underWay.get(id)));
      const waiting = await imagesWithoutFeatures(app.db.query, scope.projectId, { ids: left });
      const mine = waiting.filter((id) => !underWay.has(id));
      const work = computeChunk(app, scope, mine, backbone, signal);
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
}

async function computeChunk(
  app: Featuring,
  scope: ProjectScope,
  ids: readonly string[],
  { reference: backbone, fingerprint }: BackboneFacts,
  signal: AbortSignal,
): Promise<void> {
  const { projectId } = scope;
  const pictures = await mapConcurrently(ids, 8, (id) => getSealed(app, scope, 'image-original', id));
  const present = ids.filter((_, index) => pictures[index] !== undefined);
  if (present.length === 0) return;
  const features = await app.vision.features(
    pictures.filter((picture) => picture !== undefined),
    { backbone },
    { signal },
  );
  const rows = present.map((id, index) => {
    const { buffer, byteOffset, byteLength } = features[index]!;
    return {
      image_id: id,
      project_id: projectId,
      recipe: fingerprint,
      features: app.keys.seal({ ...scope, kind, id }, new Uint8Array(buffer, byteOffset, byteLength)),
    };
  });
  await app.db.transaction((tx) => keepFeatures(tx, projectId, rows));
}

/**
 * The features of these images for a training, in order: float32 [n, d], in shared memory. Those of the backbone that the
 * project wants are kept, and computed only where they are missing; of another one, on which an older iteration is
 * trained anew, they are computed and not kept. @throws AppError `FeaturesMissing` as {@link readFeatures}; the signal's reason.
 */
export async function trainingFeatures(
  app: Featuring,
  scope: ProjectScope,
  imageIds: readonly string[],
  run: Omit<FeaturesRun, 'background'>,
): Promise<Float32Array> {
  const { backbone, signal, onDone } = run;
  const wanted = await projectBackbone(app, app.db.query, scope).catch(() => undefined);
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
    const pictures = await mapConcurrently(ids, 8, (id) => getSealed(app, scope, 'image-original', id));
    const there = pictures.filter((picture) => picture !== undefined);
    if (there.length < ids.length) throw featuresMissing();
    for (const features of await app.vision.features(there, { backbone: reference }, { signal }))
      all.set(features, row++ * length);
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
