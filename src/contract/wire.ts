import type { Static } from 'typebox';
import { limits } from '../domain/limits.ts';
import { augmentationMethods } from '../domain/project.ts';
import {
  boolean,
  dateTime,
  flags,
  float32,
  float64,
  id,
  ids,
  int32,
  listOf,
  model,
  nullable,
  oneOf,
  optional,
  stringMap,
  text,
} from './schema.ts';

/**
 * The hub: what travels in the newest version of each API (Training 3.4-preview, Prediction 3.1). Older versions say
 * in `versions/` how they differ. Order of properties = order on the wire. Optional = absent when there is none;
 * nullable = present as null; `x-until` = only older versions have it. Source: the published Swagger files; order and nulls from recorded answers.
 */

const platforms = ['CoreML', 'TensorFlow', 'DockerFile', 'ONNX', 'VAIDK', 'OpenVino'] as const;
const flavors = [
  'Linux',
  'Windows',
  'ONNX10',
  'ONNX12',
  'ARM',
  'TensorFlowNormal',
  'TensorFlowLite',
  'OnnxFloat16',
  'CoreMLFloat16',
  'TensorFlowLiteFloat16',
  'TensorFlowSavedModel',
  'TensorFlowJs',
  'NoPostProcess',
] as const;
const unsupportedPlatform = { 'x-problem': 'BadRequestProjectUnsupportedExportPlatform' } as const;
const noSuchExport = { 'x-problem': 'BadRequestExportValidationFailed' } as const;

/** A platform to export to. */
export const Platform = oneOf(platforms, { ...noSuchExport, description: 'The platform to export for.' });
/** A kind of file within a platform. The last six are in use but in no published list. */
export const Flavor = oneOf(flavors, {
  ...noSuchExport,
  description: 'The flavor of the platform; its plain one when absent.',
});
export const ClassificationType = oneOf(['Multiclass', 'Multilabel'], {
  'x-problem': 'BadRequestProjectUnknownClassification',
  description: 'One tag a picture, or any number. Multilabel when absent.',
});
export const TargetPlatforms = listOf(oneOf(platforms, unsupportedPlatform), {
  ...unsupportedPlatform,
  description: 'Where the model is meant to run.',
});
export const TagType = oneOf(['Regular', 'Negative', 'GeneralProduct'], { 'x-problem': 'BadRequestTagType' });
export const TrainingType = oneOf(['Regular', 'Advanced']);
export const OrderBy = oneOf(['Newest', 'Oldest'], { description: 'Newest first unless told otherwise.' });

const projectName = text({ minLength: 1, maxLength: limits.nameLength, 'x-problem': 'BadRequestProjectName' });
const tagName = text({ minLength: 1, maxLength: limits.nameLength, 'x-problem': 'BadRequestTagName' });
const domainId = id({ 'x-problem': 'BadRequestProjectUnknownDomain' });

// Errors

/** Every refusal, in every version. */
export const CustomVisionError = model('CustomVisionError', { code: text(), message: text() });
export type CustomVisionError = Static<typeof CustomVisionError>;

// Account

export const KeyPair = model('KeyPair', { primaryKey: text(), secondaryKey: text() });
export const ApiKeys = model('ApiKeys', { trainingKeys: KeyPair, predictionKeys: KeyPair });
export const Quota = model('Quota', {
  total: int32({ description: '2147483647: as much as the disk holds.' }),
  used: int32(),
  timeUntilReset: optional(nullable(text({ description: 'A duration of ISO 8601; null: it does not reset.' }))),
});
export const PerProjectQuota = model('PerProjectQuota', {
  projectId: id(),
  iterations: Quota,
  images: Quota,
  tags: Quota,
});
export const AccountQuota = model('AccountQuota', {
  tier: text(),
  projects: Quota,
  predictions: Quota,
  perProject: listOf(PerProjectQuota),
});
export const Account = model('Account', {
  userName: text(),
  email: nullable(text()),
  keys: ApiKeys,
  quotas: AccountQuota,
});
export type Account = Static<typeof Account>;

/** How much there may be of something, and is. */
export const CurrentQuota = model('CurrentQuota', { total: int32(), current: int32() });
export const TrainingQuota = model('TrainingQuota', { tier: text(), projectQuota: CurrentQuota });
export type TrainingQuota = Static<typeof TrainingQuota>;

// Domains

export const ModelInformation = model('ModelInformation', {
  estimatedModelSizeInMegabytes: int32(),
  description: text(),
});
export const Domain = model('Domain', {
  id: id(),
  name: text(),
  type: oneOf(['Classification', 'ObjectDetection']),
  exportable: boolean(),
  enabled: boolean(),
  exportablePlatforms: listOf(text()),
  modelInformation: nullable(ModelInformation),
});
export type Domain = Static<typeof Domain>;

// Projects

const augmentation = Object.fromEntries(augmentationMethods.map((name) => [name, boolean()])) as Readonly<
  Record<(typeof augmentationMethods)[number], ReturnType<typeof boolean>>
>;
export const ImageProcessingSettings = model('ImageProcessingSettings', {
  augmentationMethods: model('AugmentationMethods', augmentation),
});
export const ProjectSettings = model('ProjectSettings', {
  domainId: id(),
  classificationType: nullable(ClassificationType),
  targetExportPlatforms: listOf(text()),
  useNegativeSet: boolean(),
  detectionParameters: nullable(text()),
  imageProcessingSettings: ImageProcessingSettings,
  exportModelContainerUri: optional(text()),
  notificationQueueUri: optional(text()),
});
export type ProjectSettings = Static<typeof ProjectSettings>;
export const Project = model('Project', {
  id: id(),
  name: text(),
  description: text(),
  settings: ProjectSettings,
  created: dateTime(),
  lastModified: dateTime(),
  thumbnailUri: nullable(text()),
  drModeEnabled: boolean(),
  status: oneOf(['Succeeded', 'Importing', 'Failed']),
});
export type Project = Static<typeof Project>;

export const ProjectExport = model('ProjectExport', {
  iterationCount: int32(),
  imageCount: int32(),
  tagCount: int32(),
  regionCount: int32(),
  estimatedImportTimeInMS: int32(),
  token: text(),
});
export type ProjectExport = Static<typeof ProjectExport>;
/** What ImportProject takes in its query. */
export const ProjectImport = {
  token: text({
    minLength: 1,
    maxLength: 4096,
    'x-problem': 'BadRequestInvalidImportToken',
    description: 'What ExportProject answered, of this server or another one; URL-encoded.',
  }),
  name: optional(text({ ...projectName, description: 'When absent, the name it had and the first free number.' })),
};

const address = { maxLength: limits.addressLength, 'x-problem': 'BadRequestInvalidUri' } as const;
/** Where exported models are put, and messages are sent. Empty: nowhere. */
const connections = {
  exportModelContainerUri: optional(
    text({ ...address, description: 'Exported models are put below it: a container with its signature, or a folder.' }),
  ),
  notificationQueueUri: optional(
    text({ ...address, description: 'Told when a training or export ends: a web address, a queue, or a folder.' }),
  ),
};
export const CreateProjectOptions = model('CreateProjectOptions', connections);
/** What CreateProject takes in its query. */
export const ProjectCreation = {
  name: projectName,
  description: optional(text({ maxLength: limits.descriptionLength, 'x-problem': 'BadRequestProjectDescription' })),
  domainId: optional(
    id({ 'x-problem': 'BadRequestProjectUnknownDomain', description: 'General classification when absent.' }),
  ),
  classificationType: optional(ClassificationType),
  targetExportPlatforms: optional(TargetPlatforms),
  // Documented like this for 3.3; in the body of 3.4-preview.
  ...connections,
};
export const ProjectSettingsUpdate = model('ProjectSettingsUpdate', {
  domainId: optional(domainId),
  classificationType: optional(ClassificationType),
  targetExportPlatforms: optional(TargetPlatforms),
  imageProcessingSettings: optional(
    model(
      'ImageProcessingSettingsUpdate',
      { augmentationMethods: optional(flags({ description: 'The methods named change, the others stay.' })) },
      { 'x-problem': 'BadRequestProjectImagePreprocessingSettings' },
    ),
  ),
  ...connections,
});
export type ProjectSettingsUpdate = Static<typeof ProjectSettingsUpdate>;
/** A whole project may be sent; these are the parts that can be changed. What is absent stays. */
export const ProjectUpdate = model('ProjectUpdate', {
  name: optional(projectName),
  description: ProjectCreation.description,
  settings: optional(ProjectSettingsUpdate),
});
export type ProjectUpdate = Static<typeof ProjectUpdate>;

// Tags

export const Tag = model('Tag', {
  id: id(),
  name: text(),
  description: nullable(text()),
  type: TagType,
  imageCount: int32(),
});
export type Tag = Static<typeof Tag>;
/** What CreateTag takes in its query. */
export const TagCreation = {
  name: tagName,
  description: optional(text({ maxLength: limits.descriptionLength, 'x-problem': 'BadRequestTagDescription' })),
  type: optional(TagType),
};
export const TagUpdate = model('TagUpdate', {
  name: optional(tagName),
  description: TagCreation.description,
  type: TagCreation.type,
});
export type TagUpdate = Static<typeof TagUpdate>;

// Images

const box = { left: float32(), top: float32(), width: float32(), height: float32() };
export const BoundingBox = model('BoundingBox', box);
export const ImageTag = model('ImageTag', { tagId: id(), tagName: nullable(text()), created: dateTime() });
export const ImageRegion = model('ImageRegion', {
  regionId: id(),
  tagName: nullable(text()),
  created: dateTime(),
  tagId: id(),
  ...box,
});
export const Image = model('Image', {
  id: id(),
  created: dateTime(),
  width: int32(),
  height: int32(),
  resizedImageUri: text(),
  thumbnailUri: text(),
  originalImageUri: text(),
  tags: optional(listOf(ImageTag)),
  regions: optional(listOf(ImageRegion)),
  metadata: optional(stringMap()),
});
export type Image = Static<typeof Image>;
export const ImageCreateResult = model('ImageCreateResult', {
  sourceUrl: text(),
  status: oneOf([
    'OK',
    'OKDuplicate',
    'ErrorSource',
    'ErrorImageFormat',
    'ErrorImageSize',
    'ErrorStorage',
    'ErrorLimitExceed',
    'ErrorTagLimitExceed',
    'ErrorRegionLimitExceed',
    'ErrorUnknown',
    'ErrorNegativeAndRegularTagOnSameImage',
    'ErrorImageDimensions',
    'ErrorInvalidTag',
  ]),
  image: optional(Image),
});
export type ImageCreateResult = Static<typeof ImageCreateResult>;
export const ImageCreateSummary = model('ImageCreateSummary', {
  isBatchSuccessful: boolean(),
  images: listOf(ImageCreateResult),
});
export type ImageCreateSummary = Static<typeof ImageCreateSummary>;

export const Region = model('Region', { tagId: id(), ...box });
export const Metadata = stringMap({ 'x-problem': 'BadRequestImageMetadataValue' });
const shared = { tagIds: optional(ids(limits.tagsPerBatch)), metadata: optional(Metadata) };
const entries = <S extends Parameters<typeof listOf>[0]>(entry: S, most: number) =>
  listOf(entry, { maxItems: most, 'x-problem': 'BadRequestExceededBatchSize' });
const labels = { tagIds: optional(ids(undefined)), regions: optional(listOf(Region)) };
export const ImageFileCreateBatch = model('ImageFileCreateBatch', {
  images: entries(
    model('ImageFileCreateEntry', {
      name: optional(text()),
      contents: text(),
      ...labels,
    }),
    limits.imagesPerBatch,
  ),
  ...shared,
});
export type ImageFileCreateBatch = Static<typeof ImageFileCreateBatch>;
export const ImageUrlCreateBatch = model('ImageUrlCreateBatch', {
  images: entries(model('ImageUrlCreateEntry', { url: text(), ...labels }), limits.imagesPerBatch),
  ...shared,
});
export type ImageUrlCreateBatch = Static<typeof ImageUrlCreateBatch>;
export const ImageIdCreateBatch = model('ImageIdCreateBatch', {
  images: entries(model('ImageIdCreateEntry', { id: id(), ...labels }), limits.imagesPerBatch),
  ...shared,
});
export type ImageIdCreateBatch = Static<typeof ImageIdCreateBatch>;

export const ImageTagCreateEntry = model('ImageTagCreateEntry', { imageId: id(), tagId: id() });
export const ImageTagCreateBatch = model('ImageTagCreateBatch', {
  tags: entries(ImageTagCreateEntry, limits.imageTagPairs),
});
export const ImageTagCreateSummary = model('ImageTagCreateSummary', {
  created: listOf(ImageTagCreateEntry),
  duplicated: listOf(ImageTagCreateEntry),
  exceeded: listOf(ImageTagCreateEntry),
});
export type ImageTagCreateSummary = Static<typeof ImageTagCreateSummary>;
export const ImageRegionCreateEntry = model('ImageRegionCreateEntry', { imageId: id(), tagId: id(), ...box });
export const ImageRegionCreateBatch = model('ImageRegionCreateBatch', {
  regions: entries(ImageRegionCreateEntry, limits.regionsPerBatch),
});
export const ImageRegionCreateResult = model('ImageRegionCreateResult', {
  imageId: id(),
  regionId: id(),
  tagName: nullable(text()),
  created: dateTime(),
  tagId: id(),
  ...box,
});
export const ImageRegionCreateSummary = model('ImageRegionCreateSummary', {
  created: listOf(ImageRegionCreateResult),
  duplicated: listOf(ImageRegionCreateEntry),
  exceeded: listOf(ImageRegionCreateEntry),
});
export type ImageRegionCreateSummary = Static<typeof ImageRegionCreateSummary>;

export const ImageMetadataUpdateSummary = model('ImageMetadataUpdateSummary', {
  isBatchSuccessful: boolean(),
  images: listOf(
    model('ImageMetadataUpdateEntry', {
      imageId: id(),
      status: oneOf(['OK', 'ErrorImageNotFound', 'ErrorLimitExceed', 'ErrorUnknown']),
      metadata: nullable(stringMap()),
    }),
  ),
});
export type ImageMetadataUpdateSummary = Static<typeof ImageMetadataUpdateSummary>;

// Iterations

export const CustomBaseModelInfo = model('CustomBaseModelInfo', { projectId: id(), iterationId: id() });
export const TrainingParameters = model('TrainingParameters', {
  selectedTags: optional(ids(undefined)),
  customBaseModelInfo: optional(CustomBaseModelInfo),
});
export const Iteration = model('Iteration', {
  id: id(),
  name: text(),
  isDefault: boolean({ 'x-until': '2.2' }),
  status: text(),
  created: dateTime(),
  lastModified: dateTime(),
  trainedAt: optional(dateTime()),
  projectId: id(),
  exportable: boolean(),
  exportableTo: nullable(listOf(text())),
  domainId: nullable(id()),
  classificationType: nullable(ClassificationType),
  trainingType: TrainingType,
  reservedBudgetInHours: int32(),
  trainingTimeInMinutes: int32(),
  publishName: nullable(text()),
  originalPublishResourceId: nullable(text()),
  customBaseModelInfo: nullable(CustomBaseModelInfo),
  trainingErrorDetails: nullable(text()),
});
export type Iteration = Static<typeof Iteration>;
/** A whole iteration may be sent; these are the parts that can be changed. What is absent stays. */
export const IterationUpdate = model('IterationUpdate', {
  name: optional(text({ minLength: 1, maxLength: limits.nameLength, 'x-problem': 'BadRequestIterationName' })),
  isDefault: optional(
    boolean({ 'x-until': '2.2', description: 'Whether it answers predictions that name no iteration.' }),
  ),
});
export type IterationUpdate = Static<typeof IterationUpdate>;

const scores = {
  precision: float32(),
  precisionStdDeviation: float32(),
  recall: float32(),
  recallStdDeviation: float32(),
  averagePrecision: float32(),
};
export const TagPerformance = model('TagPerformance', { id: id(), name: text(), ...scores });
export const IterationPerformance = model('IterationPerformance', {
  perTagPerformance: listOf(TagPerformance),
  ...scores,
});
export type IterationPerformance = Static<typeof IterationPerformance>;

export const Export = model('Export', {
  platform: text(),
  status: oneOf(['Exporting', 'Failed', 'Done']),
  downloadUri: nullable(text()),
  flavor: nullable(text()),
  newerVersionAvailable: boolean(),
});
export type Export = Static<typeof Export>;

// Region proposals

export const RegionProposal = model('RegionProposal', { confidence: float32(), boundingBox: BoundingBox });
export const ImageRegionProposal = model('ImageRegionProposal', {
  projectId: id(),
  imageId: id(),
  proposals: listOf(RegionProposal),
});
export type ImageRegionProposal = Static<typeof ImageRegionProposal>;

// Predictions

export const ImageUrl = model('ImageUrl', { url: text() });
export const Prediction = model('Prediction', {
  probability: float32(),
  tagId: id(),
  tagName: text(),
  boundingBox: optional(BoundingBox),
  tagType: TagType,
});
export type Prediction = Static<typeof Prediction>;
export const ImagePrediction = model('ImagePrediction', {
  id: id(),
  project: id(),
  iteration: id(),
  created: dateTime(),
  predictions: listOf(Prediction),
});
export type ImagePrediction = Static<typeof ImagePrediction>;
export const ImagePerformance = model('ImagePerformance', {
  predictions: listOf(Prediction),
  id: id(),
  created: dateTime(),
  width: int32(),
  height: int32(),
  imageUri: text(),
  thumbnailUri: text(),
  tags: optional(listOf(ImageTag)),
  regions: optional(listOf(ImageRegion)),
});
export type ImagePerformance = Static<typeof ImagePerformance>;
export const StoredImagePrediction = model('StoredImagePrediction', {
  resizedImageUri: text(),
  thumbnailUri: text(),
  originalImageUri: text(),
  domain: id(),
  id: id(),
  project: id(),
  iteration: id(),
  created: dateTime(),
  predictions: listOf(Prediction),
});
export const PredictionQueryTag = model('PredictionQueryTag', {
  id: id(),
  minThreshold: optional(float32()),
  maxThreshold: optional(float32()),
});
export const PredictionQueryToken = model(
  'PredictionQueryToken',
  {
    session: optional(nullable(text())),
    continuation: optional(nullable(text())),
    maxCount: optional(int32({ minimum: 0 })),
    orderBy: optional(oneOf(['Newest', 'Oldest', 'Suggested'])),
    tags: optional(
      nullable(
        listOf(PredictionQueryTag, {
          maxItems: limits.predictionQueryTags,
          'x-problem': 'BadRequestPredictionTagsExceededCount',
        }),
      ),
    ),
    iterationId: optional(nullable(id())),
    startTime: optional(nullable(dateTime())),
    endTime: optional(nullable(dateTime())),
    application: optional(nullable(text())),
  },
  { 'x-problem': 'BadRequestPredictionInvalidQueryParameters' },
);
export type PredictionQueryToken = Static<typeof PredictionQueryToken>;
export const PredictionQueryResult = model('PredictionQueryResult', {
  token: PredictionQueryToken,
  results: listOf(StoredImagePrediction),
});
export type PredictionQueryResult = Static<typeof PredictionQueryResult>;

// Suggested tags and regions

const suggested = {
  id: id(),
  project: id(),
  iteration: id(),
  created: dateTime(),
  predictions: listOf(Prediction),
  predictionUncertainty: float64(),
};
export const SuggestedTagAndRegion = model('SuggestedTagAndRegion', suggested);
export type SuggestedTagAndRegion = Static<typeof SuggestedTagAndRegion>;
export const StoredSuggestedTagAndRegion = model('StoredSuggestedTagAndRegion', {
  width: int32(),
  height: int32(),
  resizedImageUri: text(),
  thumbnailUri: text(),
  originalImageUri: text(),
  domain: id(),
  ...suggested,
});
export const TagFilter = model('TagFilter', {
  tagIds: optional(nullable(ids(limits.suggestionQueryTags))),
  threshold: optional(float64()),
});
export type TagFilter = Static<typeof TagFilter>;
export const SuggestedTagAndRegionQueryToken = model('SuggestedTagAndRegionQueryToken', {
  tagIds: optional(nullable(ids(limits.suggestionQueryTags))),
  threshold: optional(float64()),
  session: optional(nullable(text())),
  continuation: optional(nullable(text())),
  maxCount: optional(int32({ minimum: 0 })),
  sortBy: optional(oneOf(['UncertaintyAscending', 'UncertaintyDescending'])),
});
export type SuggestedTagAndRegionQueryToken = Static<typeof SuggestedTagAndRegionQueryToken>;
export const SuggestedTagAndRegionQuery = model('SuggestedTagAndRegionQuery', {
  token: SuggestedTagAndRegionQueryToken,
  results: listOf(StoredSuggestedTagAndRegion),
});
export type SuggestedTagAndRegionQuery = Static<typeof SuggestedTagAndRegionQuery>;
