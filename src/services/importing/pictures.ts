import { mapConcurrently, runsOf } from '../../base/concurrency.ts';
import { AppError } from '../../base/errors.ts';
import { newId } from '../../base/id.ts';
import { problem } from '../../domain/problems.ts';
import type { Tx } from '../../store/database.ts';
import { countSelected, imageByDigest } from '../../store/images.ts';
import { abandonBlobs, keepBlobs } from '../../store/loose-blobs.ts';
import { touchProject } from '../../store/projects.ts';
import { uploads } from '../features.ts';
import { pictureKeys } from '../pictures.ts';
import { requireProject } from '../projects.ts';
import { storing } from '../storing.ts';
import { roomFor } from '../tiers.ts';
import { addLabels } from './labels.ts';
import { makeReady, type Place, type PutOptions, type Ready } from './ready.ts';
import { type Fault, faultOf, isFault } from './report.ts';
import type { SourcePicture } from './source.ts';
import { type Importing, type KnownTag, placeIds, type Target, tagByKey } from './target.ts';

/** Pictures of a batch fetched and made ready at a time. */
const atOnce = 4;
/** How often a batch is begun anew when the start of a server swept up what it had written. */
const tries = 3;

/**
 * Puts a batch of pictures with their labels into the project; those that are there are left as they are, without being
 * fetched. Each is there as a whole or not at all; what fails is added to the report.
 * @throws AppError for what stops the import: a full disk, a project that was deleted. The signal's reason.
 */
export async function putPictures(
  app: Importing,
  target: Target,
  pictures: readonly SourcePicture[],
  place: Place,
  options: PutOptions,
): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    options.signal?.throwIfAborted();
    try {
      return await putOnce(app, target, pictures, place, options);
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== 'Conflict' || attempt === tries) throw error;
    }
  }
}

async function putOnce(
  app: Importing,
  target: Target,
  pictures: readonly SourcePicture[],
  place: Place,
  options: PutOptions,
): Promise<void> {
  const { scope, report } = target;
  const ids = pictures.flatMap((picture) => picture.id ?? []);
  const placed = await placeIds(app, app.db.query, scope, 'images', ids);
  const isPresent = (picture: SourcePicture): boolean => picture.id !== undefined && placed.get(picture.id)!.present;
  const present = pictures.filter(isPresent);
  if (place !== 'workspace' && present.length > 0)
    await app.db.transaction(async (tx) => {
      for (const picture of present) await place.link(tx, picture, placed.get(picture.id!)!.id);
    });
  const wanted = pictures.filter((picture) => !isPresent(picture));
  const imageIds = wanted.map((picture) => (picture.id === undefined ? newId() : placed.get(picture.id)!.id));
  const keys = imageIds.map((id) => pictureKeys(scope, 'image', id));
  const faults: Fault[] = [];
  let added: readonly string[] = [];
  // Tags first: a transaction of its own each, outside of the one that inserts the pictures.
  const tags = await tagsOf(app, target, place === 'workspace' ? wanted : [], faults);
  const done = { imported: 0, present: 0, duplicates: 0, resized: 0 };
  if (wanted.length > 0)
    await uploads.during(() =>
      storing(app, scope, keys.flat(), async () => {
        const ready = await mapConcurrently(wanted, atOnce, (picture, index) =>
          makeReady(app, target, imageIds[index]!, picture, place, tags, faults, options),
        );
        added = await app.db.transaction((tx) => insert(app, tx, target, ready, imageIds, place, done, faults));
      }),
    );
  if (place === 'workspace') {
    report.images.present += present.length + done.present;
    report.images.imported += done.imported;
    report.images.duplicates += done.duplicates;
  }
  report.images.resized += done.resized;
  for (const id of added) target.made.add(id);
  report.failed.push(...faults);
  if (place === 'workspace') for (const one of faults) if (one.fault === 'picture') target.lost.add(one.item);
}

async function tagsOf(
  app: Importing,
  target: Target,
  pictures: readonly SourcePicture[],
  faults: Fault[],
): Promise<ReadonlyMap<string, KnownTag | null>> {
  const keys = new Set(pictures.flatMap((picture) => [...picture.tags, ...picture.regions].map((one) => one.key)));
  const found = new Map<string, KnownTag | null>();
  for (const key of keys)
    found.set(key, await tagByKey(app, target, key, (error) => faults.push(faultOf('tag', key, error))));
  return found;
}

async function insert(
  app: Importing,
  tx: Tx,
  target: Target,
  batch: readonly (Ready | undefined)[],
  imageIds: readonly string[],
  place: Place,
  done: { imported: number; present: number; duplicates: number; resized: number },
  faults: Fault[],
): Promise<string[]> {
  const { scope, quotas } = target;
  const { projectId } = scope;
  await requireProject(tx, scope);
  let room =
    place === 'workspace'
      ? await roomFor(quotas.imagesPerProject, () => countSelected(tx, { projectId }))
      : Number.POSITIVE_INFINITY;
  const kept = new Set<string>();
  Object.assign(done, { imported: 0, present: 0, duplicates: 0, resized: 0 });
  for (const ready of batch) {
    if (ready === undefined) continue;
    const { picture, resized } = ready;
    const row = { ...ready.row, created: ready.row.created || app.clock.now() };
    const twin = place === 'workspace' ? await imageByDigest(tx, projectId, row.digest) : undefined;
    if (twin !== undefined) {
      const fault = await addLabels(app, tx, target, twin, ready);
      if (fault !== undefined) faults.push(fault);
      if (target.made.has(twin.id) || kept.has(twin.id)) done.duplicates++;
      else done.present++;
      continue;
    }
    // It was deleted in between: the batch is begun anew.
    if (ready.twin) throw problem('Conflict');
    if (room-- <= 0) {
      const reason = `The project has ${quotas.imagesPerProject} pictures, as many as it may have.`;
      faults.push({ fault: 'picture', item: picture.item, code: 'ErrorLimitExceed', reason });
      continue;
    }
    await tx.insertInto('images').values(row).execute();
    await addLabels(app, tx, target, row, ready);
    if (place !== 'workspace') await place.link(tx, picture, row.id);
    kept.add(row.id);
    done.imported++;
    if (resized) done.resized++;
  }
  const keysOf = (those: readonly string[]) => those.flatMap((id) => pictureKeys(scope, 'image', id));
  const dropped = imageIds.filter((id) => !kept.has(id));
  await keepBlobs(tx, keysOf([...kept]));
  await abandonBlobs(tx, projectId, keysOf(dropped));
  if (kept.size + done.duplicates + done.present > 0) await touchProject(tx, projectId, app.clock.now());
  if (kept.size > 0) await app.queue.enqueue(tx, 'features', scope, { once: `features/${projectId}` });
  if (dropped.length > 0) await app.queue.enqueue(tx, 'purge', scope, { once: `purge/${projectId}` });
  return [...kept];
}

/** Puts all pictures of a source, a batch at a time; `onEach` hears of each that was read. */
export async function putAll(
  app: Importing,
  target: Target,
  pictures: AsyncIterable<SourcePicture | Fault>,
  place: Place,
  options: PutOptions & { readonly onEach: (count: number) => void },
): Promise<void> {
  for await (const run of runsOf(pictures, batchSize)) {
    target.report.failed.push(...run.filter(isFault));
    const batch = run.filter((one) => !isFault(one)) as SourcePicture[];
    // The same id twice in a batch would be inserted twice.
    const seen = new Set<string>();
    const once = batch.filter((one) => one.id === undefined || (!seen.has(one.id) && seen.add(one.id)));
    if (once.length > 0) await putPictures(app, target, once, place, options);
    options.onEach(run.filter((one) => !isFault(one) || one.fault === 'picture').length);
  }
}

/** Pictures in one transaction: what an interruption may cost is done again. */
const batchSize = 16;
