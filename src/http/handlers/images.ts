import { fromImage, fromImageCreateSummary, fromMetadataUpdates } from '../../contract/from-domain.ts';
import { toDataBatch, toFileBatch, toPredictionBatch, toUrlBatch } from '../../contract/to-domain.ts';
import type * as wire from '../../contract/wire.ts';
import type { NewImages } from '../../domain/image.ts';
import {
  countImages,
  deleteImages,
  getImages,
  type ImageFilter,
  listImages,
  updateImageMetadata,
} from '../../services/images.ts';
import { createImages } from '../../services/uploading.ts';
import { type Answer, type Call, type Handlers, nothing } from '../handler.ts';
import { readLinked } from '../linked.ts';

type Creation =
  | 'CreateImagesFromData'
  | 'CreateImagesFromFiles'
  | 'CreateImagesFromUrls'
  | 'CreateImagesFromPredictions';
type Reading =
  | 'GetImages'
  | 'GetImageCount'
  | 'GetTaggedImages'
  | 'GetTaggedImageCount'
  | 'GetUntaggedImages'
  | 'GetUntaggedImageCount'
  | 'GetImagesByIds';

/** Pictures: added, read, counted, described, deleted. */
export const imageHandlers: Pick<
  Handlers,
  Creation | Reading | 'UpdateImageMetadata' | 'DeleteImages' | 'GetArtifact'
> = {
  CreateImagesFromData: (call) => addImages(call, toDataBatch(call.files, call.query.tagIds)),
  CreateImagesFromFiles: (call) => addImages(call, toFileBatch(call.body)),
  CreateImagesFromUrls: (call) => addImages(call, toUrlBatch(call.body)),
  CreateImagesFromPredictions: (call) => addImages(call, toPredictionBatch(call.body)),

  async GetImages(call) {
    return list(call, { ...call.query, status: call.query.taggingStatus ?? 'All' });
  },
  async GetImageCount({ app, scope, query }) {
    return { body: await countImages(app, scope, { ...query, status: query.taggingStatus ?? 'All' }) };
  },
  GetTaggedImages: (call) => list(call, { ...call.query, status: 'Tagged' }),
  async GetTaggedImageCount({ app, scope, query }) {
    return { body: await countImages(app, scope, { ...query, status: 'Tagged' }) };
  },
  GetUntaggedImages: (call) => list(call, { ...call.query, status: 'Untagged' }),
  async GetUntaggedImageCount({ app, scope, query }) {
    return { body: await countImages(app, scope, { ...query, status: 'Untagged' }) };
  },
  async GetImagesByIds({ app, scope, query, links }) {
    const images = await getImages(app, scope, query.imageIds ?? [], query.iterationId);
    return { body: images.map((image) => fromImage(image, links)) };
  },

  async UpdateImageMetadata({ app, scope, query, body }) {
    const summary = fromMetadataUpdates(await updateImageMetadata(app, scope, query.imageIds, body));
    return { body: summary, status: summary.isBatchSuccessful ? 200 : 207 };
  },
  async DeleteImages({ app, scope, query: { imageIds, allImages = false, allIterations = false } }) {
    await deleteImages(app, scope, { imageIds, allImages, allIterations });
    return { ...nothing, status: allImages || allIterations ? 202 : 204 };
  },
  async GetArtifact({ app, scope, query }) {
    // What stands before and behind the path of a link does no harm.
    const path = URL.parse(query.path, 'http://localhost/')?.pathname ?? query.path;
    return { body: (await readLinked(app, scope, path)).bytes };
  },
};

/** Adds pictures and tells what became of each. */
export async function addImages(
  { app, scope, links }: Pick<Call<Creation>, 'app' | 'scope' | 'links'>,
  { entries, shared }: NewImages,
): Promise<Answer<wire.ImageCreateSummary>> {
  const summary = await createImages(app, scope, entries, shared);
  return { body: fromImageCreateSummary(summary, links), status: summary.isBatchSuccessful ? 200 : 207 };
}

async function list(
  { app, scope, links }: Pick<Call<'GetImages'>, 'app' | 'scope' | 'links'>,
  filter: ImageFilter,
): Promise<Answer<wire.Image[]>> {
  return { body: (await listImages(app, scope, filter)).map((image) => fromImage(image, links)) };
}
