import { limits } from '../domain/limits.ts';
import type { Operation } from './operation.ts';
import { id, ids, int32, listOf, optional, query } from './schema.ts';
import {
  Account,
  Domain,
  Image,
  ImageCreateSummary,
  ImageTagCreateBatch,
  ImageTagCreateSummary,
  Iteration,
  OrderBy,
  PredictionQueryResult,
  PredictionQueryToken,
} from './wire.ts';
import {
  ImageIdList,
  ImageUrlList,
  PredictionResults,
  PredictionResultsQuery,
  PredictionResultsToken,
  TagList,
} from './wire-1.ts';

const project = '/projects/{projectId}';
const images = `${project}/images`;
const label = `${images}/{imageId}/label`;

const iterationId = optional(id({ description: 'As it was in this iteration; the workspace when absent.' }));
const page = {
  orderBy: optional(OrderBy),
  take: optional(int32({ minimum: 0, maximum: limits.take, default: limits.defaultTake })),
  skip: optional(int32({ minimum: 0, default: 0 })),
};
const json = <S extends Parameters<typeof listOf>[0]>(schema: S) => ({ kind: 'json', schema, required: true }) as const;

const get = { api: 'training', method: 'GET', since: '1.0', query: query({}), success: [200] } as const;
const post = { api: 'training', method: 'POST', since: '1.0', query: query({}), success: [200] } as const;

/**
 * What Training 1.x had otherwise than any later version: not a part of what is there now, but other operations, or other
 * answers of operations of the same name (`name`). Source: the Swagger file of 1.2; of 1.0 the documents of a client
 * generated from its own. Of 1.1 nothing is published: programs written for it ask as those for 1.0 and as those for 1.2
 * do, so it has what either has.
 */
export const trainingOperationsOf1 = {
  GetAccountInfo: {
    ...get,
    path: '/account',
    until: '1.2',
    reply: Account,
    summary: 'The account: its keys, quotas and what is used of them.',
  },
  GetClassifierDomains: {
    ...get,
    name: 'GetDomains',
    path: '/domains',
    until: '1.2',
    reply: listOf(Domain),
    summary: 'The domains a project can have, of which only classifiers were known.',
  },
  GetTagList: {
    ...get,
    name: 'GetTags',
    path: `${project}/tags`,
    until: '1.2',
    query: query({ iterationId }),
    reply: TagList,
    summary: 'The tags of a project, or of an iteration, and how many images carry any.',
  },
  GetIterationsAndWorkspace: {
    ...get,
    name: 'GetIterations',
    path: `${project}/iterations`,
    until: '1.2',
    reply: listOf(Iteration),
    summary: 'The iterations of a project, oldest first, and last the one to be trained next.',
  },
  GetJudgedImages: {
    ...get,
    name: 'GetTaggedImages',
    path: `${images}/tagged`,
    until: '1.2',
    query: query({
      iterationId,
      tagIds: optional(ids(limits.tagsPerBatch, { description: 'Only images that carry one of these tags.' })),
      ...page,
    }),
    reply: listOf(Image),
    summary: 'Images that carry a tag; of a trained iteration, with what was predicted for each.',
  },
  GetAllTaggedImages: {
    ...get,
    path: `${images}/tagged/all`,
    until: '1.1',
    query: query({ iterationId, ...page }),
    reply: listOf(Image),
    summary: 'Images that carry a tag, whichever.',
  },

  AddImagesFromData: {
    ...post,
    name: 'CreateImagesFromData',
    path: `${images}/image`,
    until: '1.1',
    query: query({ tagIds: optional(ids(limits.tagsPerBatch, { description: 'The tags of each picture.' })) }),
    body: { kind: 'pictures', most: limits.imagesPerBatch },
    reply: ImageCreateSummary,
    summary: 'Add pictures, sent as files or as plain bytes.',
  },
  AddImagesFromUrls: {
    ...post,
    name: 'CreateImagesFromUrls',
    path: `${images}/url`,
    until: '1.1',
    body: json(ImageUrlList),
    reply: ImageCreateSummary,
    summary: 'Add up to 64 pictures, fetched from their addresses.',
  },
  AddImagesFromPredictions: {
    ...post,
    name: 'CreateImagesFromPredictions',
    path: `${images}/predictions`,
    until: '1.0',
    body: json(ImageIdList),
    reply: ImageCreateSummary,
    summary: 'Add up to 64 pictures of stored predictions.',
  },

  PostImageTags: {
    ...post,
    path: `${images}/tags`,
    since: '1.1',
    until: '1.2',
    body: json(ImageTagCreateBatch),
    reply: ImageTagCreateSummary,
    summary: 'Put tags on images.',
  },
  PostImageLabel: {
    ...post,
    path: label,
    until: '1.1',
    query: query({ tagId: id() }),
    reply: Image,
    summary: 'Put a tag on an image.',
  },
  DeleteImageLabel: {
    ...post,
    method: 'DELETE',
    path: `${label}/{labelId}`,
    until: '1.1',
    reply: Image,
    summary: 'Take a tag off an image.',
  },

  QueryPredictionResults: {
    ...post,
    path: `${project}/predictions/query`,
    since: '1.1',
    until: '1.2',
    body: json(PredictionQueryToken),
    reply: PredictionQueryResult,
    summary: 'Stored predictions with their pictures.',
  },
  GetPredictionResults: {
    ...get,
    path: `${project}/predictions`,
    until: '1.1',
    query: query(PredictionResultsQuery),
    reply: PredictionResults,
    summary: 'Stored predictions with their pictures.',
  },
  GetNextPredictionResults: {
    ...post,
    path: `${project}/predictions/next`,
    until: '1.1',
    body: json(PredictionResultsToken),
    reply: PredictionResults,
    summary: 'More of them, as the token of an answer says.',
  },
} as const satisfies Record<string, Operation>;
