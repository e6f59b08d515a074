import { mediaTypes } from '../domain/image.ts';
import { limits } from '../domain/limits.ts';
import { problem } from '../domain/problems.ts';
import { type BlobKey, type BlobKind, blobKey } from '../store/blobs.ts';
import { findImage } from '../store/images.ts';
import type { App, ProjectScope } from './context.ts';
import { requireProject } from './projects.ts';

/** A picture as a request brings it. */
export type Picture = { readonly bytes: Uint8Array } | { readonly url: string };

/** The kinds of picture that can be read back. */
export type PictureKind = 'image-original' | 'image-thumbnail' | 'prediction-original' | 'prediction-thumbnail';

/** What decoding a picture may cost. */
export const pictureLimits = { maxPixels: limits.imagePixels, maxSide: limits.imageSide };

/**
 * The bytes of a picture, fetched if need be.
 * @throws AppError `BadRequestImageUrl`, `BadRequestImageSizeBytes`, `BadRequestImageStream`.
 */
export async function pictureBytes(app: Pick<App, 'fetcher'>, picture: Picture, limit: number): Promise<Uint8Array> {
  const bytes = 'bytes' in picture ? picture.bytes : await app.fetcher.fetch(picture.url, limit);
  if (bytes.byteLength === 0)
    throw problem('BadRequestImageStream', 'Expected the bytes of one image but received none.');
  if (bytes.byteLength > limit)
    throw problem(
      'BadRequestImageSizeBytes',
      `Expected an image of at most ${limit} bytes but received ${bytes.byteLength}.`,
    );
  return bytes;
}

/** Seals `bytes` for their place and stores them. The caller has announced the blob (see `store/loose-blobs.ts`). */
export async function putSealed(
  app: Pick<App, 'keys' | 'blobs'>,
  scope: ProjectScope,
  kind: BlobKind,
  id: string,
  bytes: Uint8Array,
): Promise<void> {
  await app.blobs.put(
    blobKey(scope.accountId, scope.projectId, kind, id),
    app.keys.seal({ ...scope, kind, id }, bytes),
  );
}

/** The inverse of {@link putSealed}; `undefined` when there is no such blob. */
export async function getSealed(
  app: Pick<App, 'keys' | 'blobs'>,
  scope: ProjectScope,
  kind: BlobKind,
  id: string,
): Promise<Buffer | undefined> {
  const sealed = await app.blobs.get(blobKey(scope.accountId, scope.projectId, kind, id));
  return sealed && app.keys.open({ ...scope, kind, id }, sealed);
}

/** The blob keys of an image or a prediction: the picture as it was given, and its thumbnail. */
export function pictureKeys(scope: ProjectScope, of: 'image' | 'prediction', id: string): BlobKey[] {
  const key = (kind: BlobKind): BlobKey => blobKey(scope.accountId, scope.projectId, kind, id);
  return [key(`${of}-original`), key(`${of}-thumbnail`)];
}

/**
 * A stored picture, the original byte for byte as it was given.
 * @throws AppError `NotFoundProject`, `NotFoundImage`.
 */
export async function readPicture(
  app: Pick<App, 'db' | 'keys' | 'blobs'>,
  scope: ProjectScope,
  kind: PictureKind,
  id: string,
): Promise<{ bytes: Buffer; mediaType: string }> {
  await requireProject(app.db.query, scope);
  const row = kind.startsWith('image')
    ? await findImage(app.db.query, scope.projectId, id)
    : await app.db.query
        .selectFrom('predictions')
        .select('format')
        .where('project_id', '=', scope.projectId)
        .where('id', '=', id)
        .executeTakeFirst();
  const bytes = row && (await getSealed(app, scope, kind, id));
  if (row === undefined || bytes === undefined) throw problem('NotFoundImage');
  const format = kind.endsWith('thumbnail') ? 'jpeg' : (row.format as keyof typeof mediaTypes);
  return { bytes, mediaType: mediaTypes[format] };
}
