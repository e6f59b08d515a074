import { limits } from '../domain/limits.ts';
import type { Operation } from './operation.ts';
import { boolean, countMap, float32, id, ids, int32, listOf, oneOf, optional, query, text } from './schema.ts';
import {
  CreateProjectOptions,
  Domain,
  Export,
  Flavor,
  Image,
  ImageCreateSummary,
  ImageFileCreateBatch,
  ImageIdCreateBatch,
  ImageMetadataUpdateSummary,
  ImagePerformance,
  ImagePrediction,
  ImageRegionCreateBatch,
  ImageRegionCreateSummary,
  ImageRegionProposal,
  ImageTagCreateBatch,
  ImageTagCreateSummary,
  ImageUrl,
  ImageUrlCreateBatch,
  Iteration,
  IterationPerformance,
  IterationUpdate,
  Metadata,
  OrderBy,
  Platform,
  PredictionQueryResult,
  PredictionQueryToken,
  Project,
  ProjectCreation,
  ProjectExport,
  ProjectImport,
  ProjectUpdate,
  SuggestedTagAndRegion,
  SuggestedTagAndRegionQuery,
  SuggestedTagAndRegionQueryToken,
  Tag,
  TagCreation,
  TagFilter,
  TagUpdate,
  TrainingParameters,
  TrainingQuota,
  TrainingType,
} from './wire.ts';

const project = '/projects/{projectId}';
const images = `${project}/images`;
const iterations = `${project}/iterations`;
const iteration = `${iterations}/{iterationId}`;

const none = query({});
const iterationId = optional(id({ description: 'As it was in this iteration; the workspace when absent.' }));
const tagIds = optional(ids(limits.tagsPerBatch, { description: 'Only images that carry one of these tags.' }));
const countedTagIds = optional(ids(undefined, { description: 'Only images that carry one of these tags.' }));
const page = {
  orderBy: optional(OrderBy),
  take: optional(
    int32({ minimum: 0, maximum: limits.take, default: limits.defaultTake, description: 'How many at most.' }),
  ),
  skip: optional(int32({ minimum: 0, default: 0, description: 'How many to leave out first.' })),
};
const taggingStatus = optional(oneOf(['All', 'Tagged', 'Untagged'], { description: 'All when absent.' }));
const $filter = optional(
  text({
    description:
      "A condition on metadata: eq, ne, and, or, parentheses. Such as: key1 eq 'value1' and key2 ne 'value2'.",
  }),
);
const store = optional(boolean({ default: true, description: 'Keep the picture and the answer.' }));
const testedIteration = optional(
  id({ description: 'The default iteration when absent, or else the newest trained one.' }),
);
const json = <S extends Parameters<typeof listOf>[0]>(schema: S) => ({ kind: 'json', schema, required: true }) as const;
const onePicture = { kind: 'pictures', most: 1 } as const;

/** What operations of a method share unless they say otherwise. */
const get = { api: 'training', method: 'GET', query: none, success: [200] } as const;
const post = { api: 'training', method: 'POST', query: none, success: [200] } as const;
const patch = { api: 'training', method: 'PATCH', query: none, success: [200] } as const;
const remove = { api: 'training', method: 'DELETE', query: none, success: [204] } as const;

/** The Training API, but for what only 1.x had. Source: its Swagger files 1.2 to 3.4-preview. */
export const trainingOperations = {
  GetQuota: {
    ...get,
    path: '/quota',
    since: '3.4-preview',
    reply: TrainingQuota,
    summary: 'How many projects the account may have, and has.',
  },

  GetDomains: {
    ...get,
    path: '/domains',
    since: '2.0',
    reply: listOf(Domain),
    summary: 'The domains a project can have.',
  },
  GetDomain: {
    ...get,
    path: '/domains/{domainId}',
    since: '1.0',
    reply: Domain,
    summary: 'One domain.',
  },

  CreateProject: {
    ...post,
    path: '/projects',
    since: '1.0',
    query: query(ProjectCreation),
    reply: Project,
    body: { kind: 'json', schema: CreateProjectOptions, required: false },
    summary: 'Make a project.',
  },
  GetProjects: {
    ...get,
    path: '/projects',
    since: '1.0',
    reply: listOf(Project),
    summary: 'The projects of the account, newest first.',
  },
  GetProject: {
    ...get,
    path: project,
    since: '1.0',
    reply: Project,
    summary: 'One project.',
  },
  UpdateProject: {
    ...patch,
    path: project,
    since: '1.0',
    body: json(ProjectUpdate),
    reply: Project,
    summary: 'Change a project: what is absent stays.',
  },
  DeleteProject: {
    ...remove,
    path: project,
    since: '1.0',
    summary: 'Delete a project with everything in it.',
  },
  ExportProject: {
    ...get,
    path: `${project}/export`,
    since: '3.2',
    reply: ProjectExport,
    summary: 'A token with which the project can be copied into any account for 24 hours.',
  },
  ImportProject: {
    ...post,
    path: '/projects/import',
    since: '3.2',
    query: query(ProjectImport),
    reply: Project,
    summary: 'Copy a project into the account: it is Importing until all of it is there.',
  },

  CreateTag: {
    ...post,
    path: `${project}/tags`,
    since: '1.0',
    query: query(TagCreation),
    reply: Tag,
    summary: 'Make a tag.',
  },
  GetTags: {
    ...get,
    path: `${project}/tags`,
    since: '2.0',
    query: query({ iterationId }),
    reply: listOf(Tag),
    summary: 'The tags of a project, or of an iteration.',
  },
  GetTag: {
    ...get,
    path: `${project}/tags/{tagId}`,
    since: '1.0',
    query: query({ iterationId }),
    reply: Tag,
    summary: 'One tag.',
  },
  UpdateTag: {
    ...patch,
    path: `${project}/tags/{tagId}`,
    since: '1.0',
    body: json(TagUpdate),
    reply: Tag,
    summary: 'Change a tag: what is absent stays.',
  },
  DeleteTag: {
    ...remove,
    path: `${project}/tags/{tagId}`,
    since: '1.0',
    summary: 'Delete a tag; its images stay.',
  },

  CreateImagesFromData: {
    ...post,
    path: images,
    since: '1.1',
    body: { kind: 'pictures', most: limits.imagesPerBatch },
    reply: ImageCreateSummary,
    query: query({ tagIds: optional(ids(limits.tagsPerBatch, { description: 'The tags of each picture.' })) }),
    success: [200, 207],
    summary: 'Add pictures, sent as files or as plain bytes.',
  },
  CreateImagesFromFiles: {
    ...post,
    path: `${images}/files`,
    since: '1.1',
    reply: ImageCreateSummary,
    success: [200, 207],
    body: { kind: 'json', schema: ImageFileCreateBatch, required: true, large: true },
    summary: 'Add up to 64 pictures, sent in base64.',
  },
  CreateImagesFromUrls: {
    ...post,
    path: `${images}/urls`,
    since: '1.1',
    body: json(ImageUrlCreateBatch),
    reply: ImageCreateSummary,
    success: [200, 207],
    summary: 'Add up to 64 pictures, fetched from their addresses.',
  },
  CreateImagesFromPredictions: {
    ...post,
    path: `${images}/predictions`,
    since: '1.1',
    body: json(ImageIdCreateBatch),
    reply: ImageCreateSummary,
    success: [200, 207],
    summary: 'Add up to 64 pictures of stored predictions.',
  },
  GetImages: {
    ...get,
    path: images,
    since: '3.3',
    query: query({ iterationId, tagIds, taggingStatus, $filter, ...page }),
    reply: listOf(Image),
    summary: 'Images, a page at a time.',
  },
  GetImageCount: {
    ...get,
    path: `${images}/count`,
    since: '3.3',
    query: query({ iterationId, taggingStatus, $filter, tagIds: countedTagIds }),
    reply: int32(),
    summary: 'How many images there are.',
  },
  GetTaggedImages: {
    ...get,
    path: `${images}/tagged`,
    since: '2.0',
    query: query({ iterationId, tagIds, ...page }),
    reply: listOf(Image),
    summary: 'Images that carry a tag, a page at a time.',
  },
  GetTaggedImageCount: {
    ...get,
    path: `${images}/tagged/count`,
    since: '2.0',
    query: query({ iterationId, tagIds: countedTagIds }),
    reply: int32(),
    summary: 'How many images carry a tag.',
  },
  GetUntaggedImages: {
    ...get,
    path: `${images}/untagged`,
    since: '1.0',
    query: query({ iterationId, ...page }),
    reply: listOf(Image),
    summary: 'Images without a tag, a page at a time.',
  },
  GetUntaggedImageCount: {
    ...get,
    path: `${images}/untagged/count`,
    since: '2.0',
    query: query({ iterationId }),
    reply: int32(),
    summary: 'How many images carry no tag.',
  },
  GetImagesByIds: {
    ...get,
    path: `${images}/id`,
    since: '2.0',
    reply: listOf(Image),
    query: query({ imageIds: optional(ids(limits.imageIdsPerRequest)), iterationId }),
    summary: 'Images by their ids.',
  },
  UpdateImageMetadata: {
    ...post,
    path: `${images}/metadata`,
    since: '3.3',
    body: json(Metadata),
    reply: ImageMetadataUpdateSummary,
    success: [200, 207],
    query: query({ imageIds: ids(limits.imageIdsPerRequest) }),
    summary: 'Add to the metadata of images.',
  },
  DeleteImages: {
    ...remove,
    path: images,
    since: '1.0',
    success: [204, 202],
    query: query({
      imageIds: optional(ids(limits.imageIdsPerRequest)),
      allImages: optional(boolean({ description: 'All images of the project, instead of a list.' })),
      allIterations: optional(boolean({ description: 'Out of past iterations as well.' })),
    }),
    summary: 'Delete images.',
  },
  CreateImageTags: {
    ...post,
    path: `${images}/tags`,
    since: '2.0',
    body: json(ImageTagCreateBatch),
    reply: ImageTagCreateSummary,
    summary: 'Put tags on images.',
  },
  DeleteImageTags: {
    ...remove,
    path: `${images}/tags`,
    since: '1.1',
    query: query({ imageIds: ids(limits.imageIdsPerTagDeletion), tagIds: ids(limits.tagsPerBatch) }),
    summary: 'Take tags off images.',
  },
  CreateImageRegions: {
    ...post,
    path: `${images}/regions`,
    since: '2.0',
    body: json(ImageRegionCreateBatch),
    reply: ImageRegionCreateSummary,
    success: [200, 207],
    summary: 'Draw tagged boxes on images.',
  },
  GetImageRegionProposals: {
    ...post,
    path: `${images}/{imageId}/regionproposals`,
    since: '2.0',
    reply: ImageRegionProposal,
    summary: 'Get boxes of what may be things in an image.',
  },
  DeleteImageRegions: {
    ...remove,
    path: `${images}/regions`,
    since: '2.0',
    query: query({ regionIds: ids(limits.regionsPerBatch) }),
    summary: 'Delete boxes.',
  },
  GetArtifact: {
    ...get,
    path: `${project}/artifacts`,
    since: '3.3',
    reply: 'bytes',
    query: query({
      path: text({
        'x-problem': 'BadRequestInvalidArtifactUri',
        description: 'The path of a link, without server and signature.',
      }),
    }),
    summary: 'A picture or an exported model by its path.',
  },

  TrainProject: {
    ...post,
    path: `${project}/train`,
    since: '1.0',
    reply: Iteration,
    query: query({
      trainingType: optional(TrainingType),
      reservedBudgetInHours: optional(
        int32({ minimum: 0, default: 0, description: 'The most hours that advanced training may take.' }),
      ),
      forceTrain: optional(boolean({ default: false, description: 'Train although nothing changed.' })),
      notificationEmailAddress: optional(
        text({
          maxLength: limits.emailLength,
          'x-problem': 'BadRequestInvalidEmailAddress',
          description: 'Checked, and not kept: this server sends no mail.',
        }),
      ),
    }),
    body: { kind: 'json', schema: TrainingParameters, required: false },
    summary: 'Train: an iteration is made at once and filled in the background.',
  },
  GetIterations: {
    ...get,
    path: iterations,
    since: '2.0',
    reply: listOf(Iteration),
    summary: 'The iterations of a project.',
  },
  GetIteration: {
    ...get,
    path: iteration,
    since: '1.0',
    reply: Iteration,
    summary: 'One iteration.',
  },
  UpdateIteration: {
    ...patch,
    path: iteration,
    since: '1.0',
    body: json(IterationUpdate),
    reply: Iteration,
    summary: 'Change an iteration: what is absent stays.',
  },
  DeleteIteration: {
    ...remove,
    path: iteration,
    since: '1.0',
    summary: 'Delete an iteration that is not published.',
  },
  PublishIteration: {
    ...post,
    path: `${iteration}/publish`,
    since: '3.0',
    reply: boolean(),
    query: query({
      publishName: text({ minLength: 1, maxLength: limits.nameLength, 'x-problem': 'BadRequestInvalidPublishName' }),
      predictionId: text({
        minLength: 1,
        'x-problem': 'BadRequestInvalidPublishTarget',
        description: 'Kept and given back; any text.',
      }),
      overwrite: optional(boolean({ default: false, description: 'Take the name from the iteration that has it.' })),
    }),
    summary: 'Let predictions use an iteration under a name.',
  },
  UnpublishIteration: {
    ...remove,
    path: `${iteration}/publish`,
    since: '3.0',
    summary: 'Take a published iteration out of use.',
  },
  GetIterationPerformance: {
    ...get,
    path: `${iteration}/performance`,
    since: '1.0',
    reply: IterationPerformance,
    query: query({
      threshold: optional(float32({ description: 'From which probability a tag counts as predicted, 0 to 1.' })),
      overlapThreshold: optional(float32({ description: 'From which overlap a box counts as found, 0 to 1.' })),
    }),
    summary: 'How well an iteration does on pictures it has not seen.',
  },
  GetImagePerformances: {
    ...get,
    path: `${iteration}/performance/images`,
    since: '2.0',
    query: query({ tagIds, ...page }),
    reply: listOf(ImagePerformance),
    summary: 'Its images with what was predicted for each without having seen it.',
  },
  GetImagePerformanceCount: {
    ...get,
    path: `${iteration}/performance/images/count`,
    since: '2.0',
    query: query({ tagIds: countedTagIds }),
    reply: int32(),
    summary: 'How many such images there are.',
  },
  ExportIteration: {
    ...post,
    path: `${iteration}/export`,
    since: '1.1',
    query: query({ platform: Platform, flavor: optional(Flavor) }),
    reply: Export,
    summary: 'Make a file of the trained model.',
  },
  GetExports: {
    ...get,
    path: `${iteration}/export`,
    since: '1.1',
    reply: listOf(Export),
    summary: 'The files made of a trained model, with links to them.',
  },

  QuickTestImage: {
    ...post,
    path: `${project}/quicktest/image`,
    since: '1.1',
    query: query({ iterationId: testedIteration, store }),
    body: onePicture,
    reply: ImagePrediction,
    summary: 'Predict a picture with any trained iteration.',
  },
  QuickTestImageUrl: {
    ...post,
    path: `${project}/quicktest/url`,
    since: '1.1',
    query: query({ iterationId: testedIteration, store }),
    body: json(ImageUrl),
    reply: ImagePrediction,
    summary: 'Predict the picture at an address with any trained iteration.',
  },
  SuggestTagsAndRegions: {
    ...post,
    path: `${project}/tagsandregions/suggestions`,
    since: '3.1',
    query: query({ iterationId: id(), imageIds: ids(limits.imageIdsPerSuggestion) }),
    reply: listOf(SuggestedTagAndRegion),
    summary: 'Have an iteration suggest tags or regions for images without tags.',
  },
  QuerySuggestedImages: {
    ...post,
    path: `${images}/suggested`,
    since: '3.1',
    query: query({ iterationId: id() }),
    body: json(SuggestedTagAndRegionQueryToken),
    reply: SuggestedTagAndRegionQuery,
    summary: 'Images without tags for which some were suggested.',
  },
  QuerySuggestedImageCount: {
    ...post,
    path: `${images}/suggested/count`,
    since: '3.1',
    query: query({ iterationId: id() }),
    body: json(TagFilter),
    reply: countMap(),
    summary: 'How many images without tags each tag was suggested for.',
  },
  QueryPredictions: {
    ...post,
    path: `${project}/predictions/query`,
    since: '2.0',
    body: json(PredictionQueryToken),
    reply: PredictionQueryResult,
    summary: 'Stored predictions with their pictures.',
  },
  DeletePrediction: {
    ...remove,
    path: `${project}/predictions`,
    since: '1.0',
    query: query({
      ids: ids(limits.predictionIdsPerRequest, { 'x-problem': 'BadRequestPredictionIdsExceededCount' }),
    }),
    summary: 'Delete stored predictions with their pictures.',
  },
} as const satisfies Record<string, Operation>;
