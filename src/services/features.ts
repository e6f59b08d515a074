import { setImmediate } from 'node:timers/promises';
import { chunks, mapConcurrently } from '../base/concurrency.ts';
import { AppError } from '../base/errors.ts';
import { gauge } from '../base/gauge.ts';
import { imagesWithoutFeatures, keepFeatures, selectFeatures } from '../store/features.ts';
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
  { signal, background, onDone }: FeaturesRun,
): Promise<void> {
  // Two chunks at a time: one is being written while the next is being computed.
  await mapConcurrently([...chunks(imageIds, chunkSize)], 2, async (ids) => {
    for (let left = ids; left.length > 0; ) {
      if (background) await uploads.quiet(quietFor, waitAtMost, signal);
      signal.throwIfAborted();
      await Promise.allSettled(left.map((id) => underWay.get(id)));
      const waiting = await imagesWithoutFeatures(app.db.query, scope.projectId, { ids: left });
      const mine = waiting.filter((id) => !underWay.has(id));
      const work = computeChunk(app, scope, mine, signal);
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
  signal: AbortSignal,
): Promise<void> {
  const { projectId } = scope;
  const pictures = await mapConcurrently(ids, 8, (id) => getSealed(app, scope, 'image-original', id));
  const present = ids.filter((_, index) => pictures[index] !== undefined);
  if (present.length === 0) return;
  const features = await app.vision.features(
    pictures.filter((picture) => picture !== undefined),
    {},
    { signal },
  );
  const rows = present.map((id, index) => {
    const { buffer, byteOffset, byteLength } = features[index]!;
    return {
      image_id: id,
      project_id: projectId,
      recipe: app.vision.fingerprint,
      features: app.keys.seal({ ...scope, kind, id }, new Uint8Array(buffer, byteOffset, byteLength)),
    };
  });
  await app.db.transaction((tx) => keepFeatures(tx, projectId, rows));
}

/**
 * The kept features of these images, in order: float32 [n, d], in shared memory.
 * @throws AppError `FeaturesMissing` when an image or its features are gone: the set changed meanwhile.
 */
export async function readFeatures(
  app: Featuring,
  scope: ProjectScope,
  imageIds: readonly string[],
): Promise<Float32Array> {
  const length = app.vision.featureLength;
  const all = new Float32Array(new SharedArrayBuffer(imageIds.length * length * Float32Array.BYTES_PER_ELEMENT));
  const bytes = new Uint8Array(all.buffer);
  let row = 0;
  for (const ids of chunks(imageIds, readAtOnce)) {
    const found = await selectFeatures(app.db.query, app.vision.fingerprint, ids);
    for (const id of ids) {
      const sealed = found.get(id);
      if (sealed === undefined)
        throw new AppError('FeaturesMissing', 'the features of an image that is being learned are gone');
      bytes.set(app.keys.open({ ...scope, kind, id }, sealed), row++ * length * Float32Array.BYTES_PER_ELEMENT);
    }
    // Others have their turn between two pieces.
    await setImmediate();
  }
  return all;
}
