import { createHash } from 'node:crypto';
import { mapConcurrently, runsOf } from '../../base/concurrency.ts';
import { AppError } from '../../base/errors.ts';
import { newId } from '../../base/id.ts';
import type { ImageCreateStatus } from '../../domain/image.ts';
import { limits } from '../../domain/limits.ts';
import { problem } from '../../domain/problems.ts';
import type { Box } from '../../domain/region.ts';
import type { Tx } from '../../store/database.ts';
import { boxText, countSelected, imageByDigest, regionFromRow } from '../../store/images.ts';
import { abandonBlobs, keepBlobs } from '../../store/loose-blobs.ts';
import { touchProject } from '../../store/projects.ts';
import type { ImageRow, RegionRow } from '../../store/schema.ts';
import { sealText } from '../../store/sealed.ts';
import { prepare } from '../../vision/image/decode.ts';
import { uploads } from '../features.ts';
import { tagConflict } from '../image-tags.ts';
import { checkMetadata } from '../images.ts';
import { pictureKeys, pictureLimits, putSealed } from '../pictures.ts';
import { requireProject } from '../projects.ts';
import { storing } from '../storing.ts';
import { statusOf } from '../uploading.ts';
import { type Fault, faultOf, isFault } from './report.ts';
import type { SourceBox, SourcePicture } from './source.ts';
import { type Importing, type KnownTag, placeIds, type Target, tagByKey } from './target.ts';

/** Pictures of a batch fetched and made ready at a time. */
const atOnce = 4;
/** How often a batch is begun anew when the start of a server swept up what it had written. */
const tries = 3;
/** How far out of its picture a box may stand, as part of the picture; it is cut off there. */
const overhang = 0.02;

/** What pictures are put into: the workspace, or the record of an iteration that learned from them. */
export type Place = 'workspace' | { readonly link: (tx: Tx, picture: SourcePicture, imageId: string) => Promise<void> };

/** What to tell of a batch. */
export interface PutOptions {
  readonly signal: AbortSignal | undefined;
  /** Called with the bytes of each picture that came. */
  readonly onBytes: (bytes: number) => void;
}

interface Ready {
  readonly picture: SourcePicture;
  readonly row: ImageRow;
  readonly tags: readonly { readonly tag: KnownTag; readonly created: number | undefined }[];
  readonly regions: readonly RegionRow[];
  readonly resized: boolean;
  /** The picture is in the workspace already, and was not put again. */
  readonly twin: boolean;
}

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

async function makeReady(
  app: Importing,
  target: Target,
  id: string,
  picture: SourcePicture,
  place: Place,
  tags: ReadonlyMap<string, KnownTag | null>,
  faults: Fault[],
  { signal, onBytes }: PutOptions,
): Promise<Ready | undefined> {
  const { scope } = target;
  try {
    const { bytes, resized = false } = await picture.bytes(signal);
    signal?.throwIfAborted();
    onBytes(bytes.byteLength);
    const digest = app.keys.lookup(scope, 'image-digest', createHash('sha256').update(bytes).digest());
    const twin = place === 'workspace' ? await imageByDigest(app.db.query, scope.projectId, digest) : undefined;
    const prepared = twin === undefined ? await prepare(bytes, pictureLimits) : undefined;
    const { width, height } = twin ?? prepared!;
    if (picture.metadata !== null) checkMetadata(picture.metadata);
    const isLabelled = place === 'workspace';
    const boxed =
      isLabelled && target.classificationType === null ? fitting(picture, { width, height }, faults) : picture;
    const own = isLabelled ? labelsOf(target, boxed, tags) : [];
    const regions = boxed === picture ? [] : boxed.regions.map((region) => regionRow(app, target, id, region, tags));
    const known = { picture, tags: own, regions, resized };
    if (prepared === undefined) return { ...known, row: twin!, twin: true };
    const { format, thumbnail } = prepared;
    await Promise.all([
      putSealed(app, scope, 'image-original', id, bytes),
      putSealed(app, scope, 'image-thumbnail', id, thumbnail),
    ]);
    const row: ImageRow = {
      id,
      project_id: scope.projectId,
      created: picture.created ?? 0,
      width,
      height,
      format,
      bytes: bytes.byteLength,
      thumbnail_bytes: thumbnail.byteLength,
      digest,
      metadata: picture.metadata && sealText(app.keys, scope, 'images.metadata', id, JSON.stringify(picture.metadata)),
      workspace: place === 'workspace' ? 1 : 0,
      features: 0,
    };
    return { ...known, row, twin: false };
  } catch (error) {
    signal?.throwIfAborted();
    const fault = faultOf('picture', picture.item, error);
    faults.push({ ...fault, code: statusOf[fault.code] ?? fault.code });
    return undefined;
  }
}

/** The tags a picture carries, within the limits of an upload. @throws AppError with the code an upload would have. */
function labelsOf(
  { classificationType }: Target,
  picture: Boxed,
  tags: ReadonlyMap<string, KnownTag | null>,
): Ready['tags'] {
  // What is told of a tag itself goes before what its boxes say of it.
  const named = [...picture.regions, ...picture.tags];
  const unmade = named.find((one) => tags.get(one.key) === null);
  if (unmade !== undefined) throw refused('ErrorInvalidTag', 'One of its tags could not be made.');
  const own = new Map(
    named.map((one) => {
      const tag = tags.get(one.key)!;
      return [tag.id, { tag, created: one.created }];
    }),
  );
  const types = new Map([...own.values()].map(({ tag }) => [tag.id, tag.type]));
  const conflict = tagConflict([...own.keys()], types, classificationType);
  if (conflict === 'negative')
    throw refused('ErrorNegativeAndRegularTagOnSameImage', 'The negative tag goes with no other.');
  if (conflict === 'too many')
    throw refused(
      'ErrorTagLimitExceed',
      `Expected at most ${classificationType === 'Multiclass' ? 1 : limits.tagsPerImage} tags but received ${own.size}.`,
    );
  if (picture.regions.length > limits.regionsPerImage)
    throw refused(
      'ErrorRegionLimitExceed',
      `Expected at most ${limits.regionsPerImage} boxes but received ${picture.regions.length}.`,
    );
  return [...own.values()];
}

const refused = (code: ImageCreateStatus, reason: string): AppError => new AppError(code, reason);

interface Boxed {
  readonly tags: SourcePicture['tags'];
  readonly regions: readonly (SourcePicture['regions'][number] & { readonly fit?: Box })[];
}

/** The picture with those of its boxes that lie in it; of the others nothing comes. */
function fitting(
  picture: SourcePicture,
  size: { readonly width: number; readonly height: number },
  faults: Fault[],
): Boxed {
  const regions = picture.regions.flatMap((region) => {
    const fit = fittingBox(region.box, size);
    if (fit !== undefined) return { ...region, fit };
    faults.push({
      fault: 'box',
      item: picture.item,
      code: 'BadRequestImageRegions',
      reason: `Expected a box inside the picture but received ${JSON.stringify(region.box)}.`,
    });
    return [];
  });
  return { tags: picture.tags, regions };
}

function regionRow(
  app: Importing,
  { scope }: Target,
  imageId: string,
  region: Boxed['regions'][number],
  tags: ReadonlyMap<string, KnownTag | null>,
): RegionRow {
  const id = region.id ?? newId();
  return {
    id,
    project_id: scope.projectId,
    image_id: imageId,
    tag_id: tags.get(region.key)!.id,
    box: sealText(app.keys, scope, 'regions.box', id, boxText(region.fit!)),
    created: region.created ?? 0,
  };
}

/** A box in parts of the picture, what stands out a little cut off; `undefined` when it is not in the picture. */
export function fittingBox(box: SourceBox, size: { readonly width: number; readonly height: number }): Box | undefined {
  let { left, top, width, height } = 'pixels' in box ? inParts(box.pixels, box.of ?? size) : box;
  if (![left, top, width, height].every(Number.isFinite) || width <= 0 || height <= 0) return undefined;
  const [right, bottom] = [left + width, top + height];
  if (left < -overhang || top < -overhang || right > 1 + overhang || bottom > 1 + overhang) return undefined;
  if (left < 0 || right > 1.0001) [left, width] = [Math.max(0, left), Math.min(1, right) - Math.max(0, left)];
  if (top < 0 || bottom > 1.0001) [top, height] = [Math.max(0, top), Math.min(1, bottom) - Math.max(0, top)];
  return width > 0 && height > 0 ? { left, top, width, height } : undefined;
}

const inParts = (
  [left, top, width, height]: readonly [number, number, number, number],
  of: { readonly width: number; readonly height: number },
): Box => ({ left: left / of.width, top: top / of.height, width: width / of.width, height: height / of.height });

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
  const { scope } = target;
  const { projectId } = scope;
  await requireProject(tx, scope);
  let room =
    place === 'workspace'
      ? limits.imagesPerProject - (await countSelected(tx, { projectId }))
      : Number.MAX_SAFE_INTEGER;
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
      const reason = `The project has ${limits.imagesPerProject} pictures, as many as it may have.`;
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

/** Adds those labels of a picture that its row lacks, as far as they go together with its own. */
async function addLabels(
  app: Importing,
  tx: Tx,
  target: Target,
  row: ImageRow,
  ready: Ready,
): Promise<Fault | undefined> {
  const { scope, classificationType } = target;
  const { projectId } = scope;
  const carried = await tx
    .selectFrom('image_tags')
    .innerJoin('tags', 'tags.id', 'image_tags.tag_id')
    .select(['tags.id', 'tags.type'])
    .where('image_id', '=', row.id)
    .execute();
  const added = ready.tags.filter(({ tag }) => !carried.some((one) => one.id === tag.id));
  const all = [...carried, ...added.map(({ tag }) => tag)];
  const types = new Map(all.map((one) => [one.id, one.type]));
  if (added.length > 0 && tagConflict([...types.keys()], types, classificationType) !== undefined)
    return {
      fault: 'labels',
      item: ready.picture.item,
      code: 'ErrorTagLimitExceed',
      reason: 'The same picture is there with other tags, which do not go together with these.',
    };
  if (added.length > 0)
    await tx
      .insertInto('image_tags')
      .values(
        added.map(({ tag, created }) => ({
          image_id: row.id,
          tag_id: tag.id,
          project_id: projectId,
          created: created ?? app.clock.now(),
        })),
      )
      .execute();
  if (ready.regions.length === 0) return undefined;
  const there = (await tx.selectFrom('regions').selectAll().where('image_id', '=', row.id).execute()).map((one) =>
    regionFromRow(app.keys, scope, one, new Map()),
  );
  const free = await freeRegionIds(app, tx, target, ready.regions);
  for (const region of ready.regions) {
    const { box } = regionFromRow(app.keys, scope, region, new Map());
    const isThere = there.some((one) => one.tagId === region.tag_id && boxText(one.box) === boxText(box));
    if (isThere || there.length >= limits.regionsPerImage) continue;
    const id = free.get(region.id)!;
    const fresh = {
      ...region,
      id,
      image_id: row.id,
      box: sealText(app.keys, scope, 'regions.box', id, boxText(box)),
      created: region.created || app.clock.now(),
    };
    await tx.insertInto('regions').values(fresh).execute();
    there.push(regionFromRow(app.keys, scope, fresh, new Map()));
  }
  return undefined;
}

async function freeRegionIds(
  app: Importing,
  tx: Tx,
  { scope }: Target,
  regions: readonly RegionRow[],
): Promise<Map<string, string>> {
  const placed = await placeIds(
    app,
    tx,
    scope,
    'regions',
    regions.map((one) => one.id),
  );
  return new Map([...placed].map(([id, one]) => [id, one.present ? newId() : one.id]));
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
