import type { Static } from 'typebox';
import type { Image } from '../domain/image.ts';
import type { Workspace } from '../domain/iteration.ts';
import { limits } from '../domain/limits.ts';
import type { Prediction } from '../domain/prediction.ts';
import { fromImage, fromPrediction, type Links } from './from-domain.ts';
import { dateWithZone } from './json.ts';
import { float32, ids, int32, listOf, model, nullable, oneOf, optional, text } from './schema.ts';
import type * as wire from './wire.ts';
import { PredictionQueryResult, PredictionQueryToken, Tag } from './wire.ts';

/**
 * What travelled in Training 1.x alone, in the hub's naming. Source: the Swagger file of 1.2; of 1.0 the documents of a
 * client generated from its own.
 */

/** The tags of a project with how many of its images carry any and none. */
export const TagList = model('TagList', {
  tags: listOf(Tag),
  totalTaggedImages: int32(),
  totalUntaggedImages: int32(),
});
/** The same as a type. */
export type TagList = Static<typeof TagList>;

const tooMany = { maxItems: limits.imagesPerBatch, 'x-problem': 'BadRequestExceededBatchSize' } as const;
const tagIds = optional(nullable(ids(limits.tagsPerBatch)));
/** Addresses of pictures, all with the same tags. */
export const ImageUrlList = model('ImageUrlList', { tagIds, urls: listOf(text(), tooMany) });
export type ImageUrlList = Static<typeof ImageUrlList>;
/** Stored predictions whose pictures are wanted, all with the same tags. */
export const ImageIdList = model('ImageIdList', { tagIds, ids: ids(limits.imagesPerBatch) });
export type ImageIdList = Static<typeof ImageIdList>;

const { maxCount, orderBy, iterationId, startTime, endTime, session, continuation } = PredictionQueryToken.properties;
const threshold = optional(
  nullable(float32({ description: 'How probable each of the tags is at least, 0 to 1; any when absent.' })),
);
const predictedTags = {
  maxItems: limits.predictionQueryTags,
  'x-problem': 'BadRequestPredictionTagsExceededCount',
} as const;
/** What 1.0 asked stored predictions by, which knew one threshold for all tags. */
const conditions = {
  iterationId,
  tagIds: optional(nullable(ids(undefined, predictedTags))),
  threshold,
  startTime,
  endTime,
  source: optional(nullable(text({ description: 'The application that asked.' }))),
};
/** The query of GetPredictionResults. */
export const PredictionResultsQuery = {
  maxCount: int32({ minimum: 0, description: 'How many at most; 0: as many as one answer holds.' }),
  orderBy: oneOf(['Newest', 'Oldest', 'Suggested']),
  ...conditions,
};
/** What was asked and where to go on, for the next page. */
export const PredictionResultsToken = model(
  'PredictionResultsToken',
  { session, continuation, maxCount, orderBy, ...conditions },
  { 'x-problem': 'BadRequestPredictionInvalidQueryParameters' },
);
/** The same as a type. */
export type PredictionResultsToken = Static<typeof PredictionResultsToken>;
/** A page of stored predictions. */
export const PredictionResults = model('PredictionResults', {
  results: PredictionQueryResult.properties.results,
  token: PredictionResultsToken,
});
/** The same as a type. */
export type PredictionResults = Static<typeof PredictionResults>;

/** What 1.0 asked, as it is asked since. */
export const toPredictionQueryToken = ({
  tagIds: tags,
  threshold: minThreshold,
  source,
  ...rest
}: PredictionResultsToken): Static<typeof PredictionQueryToken> => ({
  ...rest,
  tags: (tags ?? []).map((tagId) => ({ id: tagId, ...(minThreshold != null && { minThreshold }) })),
  application: source ?? null,
});

/** Such an answer, as 1.0 had it: the token repeats what was asked, and where to go on. */
export const toPredictionResults = (
  asked: PredictionResultsToken,
  { results, token }: Static<typeof PredictionQueryResult>,
): PredictionResults => ({
  results,
  token: {
    session: token.session ?? null,
    continuation: token.continuation ?? null,
    maxCount: token.maxCount ?? 0,
    orderBy: token.orderBy ?? 'Newest',
    iterationId: token.iterationId ?? null,
    tagIds: asked.tagIds ?? null,
    threshold: asked.threshold ?? null,
    startTime: token.startTime ?? null,
    endTime: token.endTime ?? null,
    source: asked.source ?? null,
  },
});

/** An image with what an iteration said of it; `null`: nothing. */
export const fromJudgedImage = (
  { image, predictions }: { readonly image: Image; readonly predictions: readonly Prediction[] | null },
  links: Links,
): wire.Image & { predictions?: wire.Prediction[] } => ({
  ...fromImage(image, links),
  ...(predictions !== null && { predictions: predictions.map(fromPrediction) }),
});

/** The workspace, as the iteration that is trained next. */
export const fromWorkspace = (workspace: Workspace): wire.Iteration => ({
  id: workspace.projectId,
  name: workspace.name,
  isDefault: false,
  status: 'New',
  created: dateWithZone(workspace.created),
  lastModified: dateWithZone(workspace.lastModified),
  projectId: workspace.projectId,
  exportable: false,
  exportableTo: null,
  domainId: null,
  classificationType: null,
  trainingType: 'Regular',
  reservedBudgetInHours: 0,
  trainingTimeInMinutes: 0,
  publishName: null,
  originalPublishResourceId: null,
  customBaseModelInfo: null,
  trainingErrorDetails: null,
});
