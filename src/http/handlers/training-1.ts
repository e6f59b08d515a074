import { fromDomain, fromImage, fromIteration, fromPredictionQuery, fromTag } from '../../contract/from-domain.ts';
import { toPredictionBatch, toPredictionQuery, toUrlBatch } from '../../contract/to-domain.ts';
import type * as wire from '../../contract/wire.ts';
import {
  fromJudgedImage,
  fromWorkspace,
  type PredictionResults,
  type PredictionResultsToken,
  toPredictionQueryToken,
  toPredictionResults,
} from '../../contract/wire-1.ts';
import { domains } from '../../domain/domain.ts';
import { labelImage, unlabelImage } from '../../services/image-tags.ts';
import { countImages, type ImageFilter } from '../../services/images.ts';
import { listIterations } from '../../services/iterations.ts';
import { imagesAsJudged } from '../../services/performance.ts';
import { queryPredictions } from '../../services/stored-predictions.ts';
import { listTags } from '../../services/tags.ts';
import { getWorkspace } from '../../services/workspace.ts';
import type { Answer, Call, Handlers } from '../handler.ts';
import { addImages, imageHandlers } from './images.ts';
import { labelHandlers } from './labels.ts';
import { predictionHandlers } from './predictions.ts';

type Ids =
  | 'GetClassifierDomains'
  | 'GetTagList'
  | 'GetIterationsAndWorkspace'
  | 'GetJudgedImages'
  | 'GetAllTaggedImages'
  | 'AddImagesFromData'
  | 'AddImagesFromUrls'
  | 'AddImagesFromPredictions'
  | 'PostImageTags'
  | 'PostImageLabel'
  | 'DeleteImageLabel'
  | 'QueryPredictionResults'
  | 'GetPredictionResults'
  | 'GetNextPredictionResults';

/** What only Training 1.x had, or had otherwise than any later version. */
export const trainingHandlersOf1: Pick<Handlers, Ids> = {
  async GetClassifierDomains() {
    return { body: domains.filter(({ type }) => type === 'Classification').map(fromDomain) };
  },
  async GetTagList({ app, scope, query: { iterationId } }) {
    const tags = await listTags(app, scope, iterationId);
    const count = (status: ImageFilter['status']) => countImages(app, scope, { iterationId, status });
    return {
      body: {
        tags: tags.map(fromTag),
        totalTaggedImages: await count('Tagged'),
        totalUntaggedImages: await count('Untagged'),
      },
    };
  },
  async GetIterationsAndWorkspace({ app, scope }) {
    const iterations = await listIterations(app, scope);
    return { body: [...iterations.map(fromIteration).reverse(), fromWorkspace(await getWorkspace(app, scope))] };
  },
  GetJudgedImages: listTagged,
  GetAllTaggedImages: listTagged,

  AddImagesFromData: imageHandlers.CreateImagesFromData,
  AddImagesFromUrls: (call) =>
    addImages(call, toUrlBatch({ images: call.body.urls.map((url) => ({ url })), tagIds: call.body.tagIds ?? [] })),
  AddImagesFromPredictions: (call) =>
    addImages(call, toPredictionBatch({ images: call.body.ids.map((id) => ({ id })), tagIds: call.body.tagIds ?? [] })),

  PostImageTags: labelHandlers.CreateImageTags,
  async PostImageLabel({ app, scope, params, query, links }) {
    return { body: fromImage(await labelImage(app, scope, params.imageId, query.tagId), links) };
  },
  async DeleteImageLabel({ app, scope, params, links }) {
    return { body: fromImage(await unlabelImage(app, scope, params.imageId, params.labelId), links) };
  },

  QueryPredictionResults: predictionHandlers.QueryPredictions,
  GetPredictionResults: (call) => results(call, call.query),
  GetNextPredictionResults: (call) => results(call, call.body),
};

async function listTagged({
  app,
  scope,
  query,
  links,
}: Pick<Call<'GetJudgedImages'>, 'app' | 'scope' | 'query' | 'links'>): Promise<Answer<wire.Image[]>> {
  const images = await imagesAsJudged(app, scope, query);
  return { body: images.map((image) => fromJudgedImage(image, links)) };
}

async function results(
  { app, scope, id, links }: Pick<Call<'GetPredictionResults'>, 'app' | 'scope' | 'id' | 'links'>,
  asked: PredictionResultsToken,
): Promise<Answer<PredictionResults>> {
  const query = toPredictionQuery(toPredictionQueryToken(asked));
  // With the token of the last page nothing is left; without a session it is a question of its own.
  const isOver = Boolean(asked.session) && query.continuation === null;
  const page = isOver ? { results: [], continuation: null } : await queryPredictions(app, scope, query);
  return { body: toPredictionResults(asked, fromPredictionQuery(query, asked.session || id, page, links)) };
}
