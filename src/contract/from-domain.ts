import type { Account, AccountKeys, AccountUsage, KeyPurpose, Quota } from '../domain/account.ts';
import type { Domain } from '../domain/domain.ts';
import type { Export } from '../domain/export.ts';
import type {
  CreatedPairs,
  Image,
  ImageCreateSummary,
  ImageTag,
  ImageTagPair,
  MetadataResult,
} from '../domain/image.ts';
import { type Iteration, importedWithoutModel } from '../domain/iteration.ts';
import type { ImagePerformance, IterationPerformance, Scores } from '../domain/performance.ts';
import type { ImagePrediction, Prediction, PredictionQuery, StoredPrediction } from '../domain/prediction.ts';
import type { Project } from '../domain/project.ts';
import type { ExportSignature, ProjectExport } from '../domain/project-export.ts';
import type { Box, Region, RegionEntry } from '../domain/region.ts';
import type { RegionProposal } from '../domain/region-proposal.ts';
import type { StoredSuggestion, Suggestion, SuggestionQuery } from '../domain/suggestion.ts';
import type { Tag } from '../domain/tag.ts';
import { dateWithoutZone, dateWithZone, duration, float } from './json.ts';
import type * as wire from './wire.ts';

/** Makes the links that an answer carries. Each authorises itself, for 24 hours unless said otherwise. */
export interface Links {
  image(projectId: string, imageId: string, size: 'original' | 'thumbnail'): string;
  prediction(projectId: string, predictionId: string, size: 'original' | 'thumbnail'): string;
  export(made: Export): string;
  /** Good as long as the deletion of the account can be undone. */
  undo(deletionId: string): string;
  /** Does not expire: as long as the receipt is there. */
  receipt(receiptId: string): string;
  /** Good as long as the takeout is. */
  takeout(takeoutId: string): string;
  /** Good for 24 hours, while the key that asked for it is there: not a file, but a token. */
  project(signature: ExportSignature): string;
}

/** The account, as 1.x had it; property names are made PascalCase by that version. */
export function fromAccount(account: Account, keys: AccountKeys, usage: AccountUsage): wire.Account {
  const pair = (purpose: KeyPurpose) => ({ primaryKey: keys[purpose].primary, secondaryKey: keys[purpose].secondary });
  const quota = ({ total, used }: Quota) => ({ total: int32Of(total), used: int32Of(used), timeUntilReset: null });
  const { untilReset } = usage.predictions;
  return {
    userName: account.userName,
    email: account.email,
    keys: { trainingKeys: pair('training'), predictionKeys: pair('prediction') },
    quotas: {
      tier: usage.tier,
      projects: quota(usage.projects),
      predictions: {
        ...quota(usage.predictions),
        timeUntilReset: untilReset === null ? null : duration(untilReset),
      },
      perProject: usage.perProject.map(({ projectId, iterations, images, tags }) => ({
        projectId,
        iterations: quota(iterations),
        images: quota(images),
        tags: quota(tags),
      })),
    },
  };
}

/** How many projects the account may have, and has. */
export const fromTrainingQuota = ({ tier, projects }: AccountUsage): wire.TrainingQuota => ({
  tier,
  projectQuota: { total: int32Of(projects.total), current: int32Of(projects.used) },
});

/** What 32 bits hold of a count. */
const int32Of = (count: number): number => Math.min(count, 2_147_483_647);

/** A domain; every one is enabled. */
export const fromDomain = ({ exportablePlatforms, modelInformation, ...rest }: Domain): wire.Domain => ({
  id: rest.id,
  name: rest.name,
  type: rest.type,
  exportable: rest.exportable,
  enabled: true,
  exportablePlatforms: [...exportablePlatforms],
  modelInformation,
});

/** A project. What this server does not vary (negative set, detection parameters) is as Azure sends it. */
export const fromProject = (project: Project, links: Links): wire.Project => ({
  id: project.id,
  name: project.name,
  description: project.description,
  settings: {
    domainId: project.domainId,
    classificationType: project.classificationType,
    targetExportPlatforms: [...project.targetExportPlatforms],
    useNegativeSet: true,
    detectionParameters: null,
    imageProcessingSettings: { augmentationMethods: { ...project.augmentation } },
    ...(project.exportModelContainerUri !== null && { exportModelContainerUri: project.exportModelContainerUri }),
    ...(project.notificationQueueUri !== null && { notificationQueueUri: project.notificationQueueUri }),
  },
  created: dateWithZone(project.created),
  lastModified: dateWithZone(project.lastModified),
  thumbnailUri: project.thumbnailImageId && links.image(project.id, project.thumbnailImageId, 'thumbnail'),
  drModeEnabled: false,
  status: project.status,
});

/** A project that can be copied, and the token for it. */
export const fromProjectExport = (exported: ProjectExport, links: Links): wire.ProjectExport => ({
  iterationCount: exported.iterationCount,
  imageCount: exported.imageCount,
  tagCount: exported.tagCount,
  regionCount: exported.regionCount,
  estimatedImportTimeInMS: exported.estimatedImportTimeInMs,
  token: links.project(exported.signature),
});

/** A tag; an empty description is null. */
export const fromTag = ({ id, name, description, type, imageCount }: Tag): wire.Tag => ({
  id,
  name,
  description: description === '' ? null : description,
  type,
  imageCount,
});

const fromBox = ({ left, top, width, height }: Box) => ({
  left: float(left),
  top: float(top),
  width: float(width),
  height: float(height),
});

/** The tags and regions of an image, each absent when there is none. */
const labelsOf = (image: Image) => ({
  ...(image.tags.length > 0 && { tags: image.tags.map(fromImageTag) }),
  ...(image.regions.length > 0 && { regions: image.regions.map(fromRegion) }),
});

const fromImageTag = ({ tagId, tagName, created }: ImageTag) => ({ tagId, tagName, created: dateWithoutZone(created) });

const fromRegion = ({ id, tagName, created, tagId, box }: Region) => ({
  regionId: id,
  tagName,
  created: dateWithoutZone(created),
  tagId,
  ...fromBox(box),
});

/** An image with links to its original (for the resized one too, as recorded) and its thumbnail. */
export function fromImage(image: Image, links: Links): wire.Image {
  const original = links.image(image.projectId, image.id, 'original');
  return {
    id: image.id,
    created: dateWithoutZone(image.created),
    width: image.width,
    height: image.height,
    resizedImageUri: original,
    thumbnailUri: links.image(image.projectId, image.id, 'thumbnail'),
    originalImageUri: original,
    ...labelsOf(image),
    ...(image.metadata !== null && { metadata: { ...image.metadata } }),
  };
}

/** What became of each picture of a batch, in its order; `image` is null where there is none. */
export const fromImageCreateSummary = (summary: ImageCreateSummary, links: Links): wire.ImageCreateSummary => ({
  isBatchSuccessful: summary.isBatchSuccessful,
  images: summary.images.map(({ sourceUrl, status, image }) => ({
    sourceUrl,
    status,
    ...(image && { image: fromImage(image, links) }),
  })),
});

/** What became of each (image, tag) pair. */
export function fromImageTags({
  created,
  duplicated,
  exceeded,
}: CreatedPairs<ImageTagPair>): wire.ImageTagCreateSummary {
  const entry = ({ imageId, tagId }: ImageTagPair) => ({ imageId, tagId });
  return { created: created.map(entry), duplicated: duplicated.map(entry), exceeded: exceeded.map(entry) };
}

/** What became of each region. */
export function fromRegions(summary: CreatedPairs<RegionEntry, Region>): wire.ImageRegionCreateSummary {
  const entry = ({ imageId, tagId, box }: RegionEntry) => ({ imageId, tagId, ...fromBox(box) });
  return {
    created: summary.created.map((region) => ({ imageId: region.imageId, ...fromRegion(region) })),
    duplicated: summary.duplicated.map(entry),
    exceeded: summary.exceeded.map(entry),
  };
}

/** What became of each image whose metadata was to change. */
export const fromMetadataUpdates = (updates: readonly MetadataResult[]): wire.ImageMetadataUpdateSummary => ({
  isBatchSuccessful: updates.every(({ status }) => status === 'OK'),
  images: updates.map(({ imageId, status, metadata }) => ({ imageId, status, metadata: metadata && { ...metadata } })),
});

/** An iteration; `trainedAt` is absent until it is trained, `exportableTo` null unless it can be exported. */
export const fromIteration = (iteration: Iteration): wire.Iteration => ({
  id: iteration.id,
  name: iteration.name,
  isDefault: iteration.isDefault,
  // Its training was completed, elsewhere; programs know no other word.
  status: iteration.status === 'Imported' ? 'Completed' : iteration.status,
  created: dateWithZone(iteration.created),
  lastModified: dateWithZone(iteration.lastModified),
  ...(iteration.trainedAt !== null && { trainedAt: dateWithZone(iteration.trainedAt) }),
  projectId: iteration.projectId,
  exportable: iteration.exportable,
  exportableTo: iteration.exportableTo?.length ? [...iteration.exportableTo] : null,
  domainId: iteration.domainId,
  classificationType: iteration.classificationType,
  trainingType: iteration.trainingType,
  reservedBudgetInHours: iteration.reservedBudgetInHours,
  trainingTimeInMinutes: iteration.trainingTimeInMinutes,
  publishName: iteration.publishName,
  originalPublishResourceId: iteration.originalPublishResourceId,
  customBaseModelInfo: iteration.customBaseModel && { ...iteration.customBaseModel },
  trainingErrorDetails: iteration.status === 'Imported' ? importedWithoutModel : iteration.trainingErrorDetails,
});

const fromScores = (scores: Scores) => ({
  precision: float(scores.precision),
  precisionStdDeviation: float(scores.precisionStdDeviation),
  recall: float(scores.recall),
  recallStdDeviation: float(scores.recallStdDeviation),
  averagePrecision: float(scores.averagePrecision),
});

/** The performance of an iteration, tag by tag and in all. */
export const fromIterationPerformance = (performance: IterationPerformance): wire.IterationPerformance => ({
  perTagPerformance: performance.perTag.map((tag) => ({ id: tag.id, name: tag.name, ...fromScores(tag) })),
  ...fromScores(performance),
});

/** One tag that was predicted; where, for detectors. */
export const fromPrediction = ({ probability, tagId, tagName, tagType, box }: Prediction): wire.Prediction => ({
  probability: float(probability),
  tagId,
  tagName,
  ...(box !== null && { boundingBox: fromBox(box) }),
  tagType,
});

/** What was predicted for a picture. */
export const fromImagePrediction = (prediction: ImagePrediction): wire.ImagePrediction => ({
  id: prediction.id,
  project: prediction.projectId,
  iteration: prediction.iterationId,
  created: dateWithZone(prediction.created),
  predictions: prediction.predictions.map(fromPrediction),
});

/** An image of an iteration with what was predicted for it. */
export const fromImagePerformance = (
  { image, predictions }: ImagePerformance,
  links: Links,
): wire.ImagePerformance => ({
  predictions: predictions.map(fromPrediction),
  id: image.id,
  created: dateWithoutZone(image.created),
  width: image.width,
  height: image.height,
  imageUri: links.image(image.projectId, image.id, 'original'),
  thumbnailUri: links.image(image.projectId, image.id, 'thumbnail'),
  ...labelsOf(image),
});

/** Where things may be in an image. */
export const fromRegionProposals = (
  projectId: string,
  imageId: string,
  proposals: readonly RegionProposal[],
): wire.ImageRegionProposal => ({
  projectId,
  imageId,
  proposals: proposals.map(({ confidence, box }) => ({ confidence: float(confidence), boundingBox: fromBox(box) })),
});

/** A page of stored predictions; the token repeats the query, and its `continuation` asks for the next page. */
export function fromPredictionQuery(
  query: PredictionQuery,
  session: string,
  page: { readonly results: readonly StoredPrediction[]; readonly continuation: string | null },
  links: Links,
): wire.PredictionQueryResult {
  const date = (moment: number | null) => (moment === null ? null : dateWithZone(moment));
  return {
    token: {
      session,
      continuation: page.continuation,
      maxCount: query.maxCount,
      orderBy: query.orderBy,
      tags:
        query.tags.length === 0
          ? null
          : query.tags.map(({ id, minThreshold, maxThreshold }) => ({
              id,
              minThreshold: float(minThreshold),
              maxThreshold: float(maxThreshold),
            })),
      iterationId: query.iterationId,
      startTime: date(query.startTime),
      endTime: date(query.endTime),
      application: query.application,
    },
    results: page.results.map((stored) => {
      const original = links.prediction(stored.projectId, stored.id, 'original');
      const { id, project, iteration, created, predictions } = fromImagePrediction(stored);
      return {
        resizedImageUri: original,
        thumbnailUri: links.prediction(stored.projectId, stored.id, 'thumbnail'),
        originalImageUri: original,
        domain: stored.domainId,
        id,
        project,
        iteration,
        created,
        predictions,
      };
    }),
  };
}

/** What an iteration suggests for an image. */
export const fromSuggestion = (suggestion: Suggestion): wire.SuggestedTagAndRegion => ({
  ...fromImagePrediction(suggestion),
  predictionUncertainty: suggestion.uncertainty,
});

/** A page of suggestions; the token repeats the query, and its `continuation` asks for the next page. */
export const fromSuggestionQuery = (
  { tagIds, threshold, maxCount, sortBy }: SuggestionQuery,
  session: string,
  page: { readonly results: readonly StoredSuggestion[]; readonly continuation: string | null },
  links: Links,
): wire.SuggestedTagAndRegionQuery => ({
  token: { tagIds: [...tagIds], threshold, session, continuation: page.continuation, maxCount, sortBy },
  results: page.results.map((stored) => {
    const original = links.image(stored.projectId, stored.id, 'original');
    return {
      width: stored.image.width,
      height: stored.image.height,
      resizedImageUri: original,
      thumbnailUri: links.image(stored.projectId, stored.id, 'thumbnail'),
      originalImageUri: original,
      domain: stored.domainId,
      ...fromSuggestion(stored),
    };
  }),
});

/** `downloadUri` is null until the file is made. */
export const fromExport = (made: Export, links: Links): wire.Export => ({
  platform: made.platform,
  status: made.status,
  downloadUri: made.status === 'Done' ? links.export(made) : null,
  flavor: made.flavor,
  newerVersionAvailable: false,
});
