import { createHash } from 'node:crypto';
import { AppError } from '../../base/errors.ts';
import { newId } from '../../base/id.ts';
import type { ImageCreateStatus } from '../../domain/image.ts';
import type { Tx } from '../../store/database.ts';
import { boxText, imageByDigest } from '../../store/images.ts';
import { metadataColumns } from '../../store/metadata.ts';
import type { ImageRow, RegionRow } from '../../store/schema.ts';
import { sealText } from '../../store/sealed.ts';
import { prepare } from '../../vision/image/decode.ts';
import { mostTags, tagConflict } from '../image-tags.ts';
import { checkMetadata } from '../images.ts';
import { pictureLimits, putSealed } from '../pictures.ts';
import { statusOf } from '../uploading.ts';
import { type Boxed, fitting } from './boxes.ts';
import { type Fault, faultOf } from './report.ts';
import type { SourcePicture } from './source.ts';
import type { Importing, KnownTag, Target } from './target.ts';

/** What pictures are put into: the workspace, or the record of an iteration that learned from them. */
export type Place = 'workspace' | { readonly link: (tx: Tx, picture: SourcePicture, imageId: string) => Promise<void> };

/** What to tell of a batch. */
export interface PutOptions {
  readonly signal: AbortSignal | undefined;
  /** Called with the bytes of each picture that came. */
  readonly onBytes: (bytes: number) => void;
}

/** A picture whose bytes are kept, and what its rows will be. */
export interface Ready {
  readonly picture: SourcePicture;
  readonly row: ImageRow;
  readonly tags: readonly { readonly tag: KnownTag; readonly created: number | undefined }[];
  readonly regions: readonly RegionRow[];
  readonly resized: boolean;
  /** The picture is in the workspace already, and was not put again. */
  readonly twin: boolean;
}

/** Fetches a picture, checks and keeps it; `undefined`, with its fault told, when it cannot be put. The signal's reason. */
export async function makeReady(
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
      ...metadataColumns(app.keys, scope, id, picture.metadata),
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
  { classificationType, quotas }: Target,
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
  const most = mostTags(classificationType, quotas);
  const conflict = tagConflict([...own.keys()], types, most);
  if (conflict === 'negative')
    throw refused('ErrorNegativeAndRegularTagOnSameImage', 'The negative tag goes with no other.');
  if (conflict === 'too many')
    throw refused('ErrorTagLimitExceed', `Expected at most ${most} tags but received ${own.size}.`);
  if (picture.regions.length > quotas.regionsPerImage)
    throw refused(
      'ErrorRegionLimitExceed',
      `Expected at most ${quotas.regionsPerImage} boxes but received ${picture.regions.length}.`,
    );
  return [...own.values()];
}

const refused = (code: ImageCreateStatus, reason: string): AppError => new AppError(code, reason);

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
