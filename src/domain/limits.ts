/**
 * Every limit that holds for everybody, with its unit; those of some accounts are in `tier.ts`. Source: Azure's "limits and
 * quotas" page (2025-01-22) and the published Swagger files.
 */
export const limits = {
  /** Pictures in one create batch. */
  imagesPerBatch: 64,
  /** Tag ids in one create batch, or in one filter. */
  tagsPerBatch: 20,
  /** Ids in DeleteImages and GetImagesByIds. */
  imageIdsPerRequest: 256,
  /** (image, tag) pairs in CreateImageTags. */
  imageTagPairs: 128,
  /** Image ids in DeleteImageTags. */
  imageIdsPerTagDeletion: 64,
  /** Image ids in SuggestTagsAndRegions. */
  imageIdsPerSuggestion: 64,
  regionsPerBatch: 64,
  predictionIdsPerRequest: 64,
  predictionQueryTags: 2,
  /** Tag ids in QuerySuggestedImages and its count. */
  suggestionQueryTags: 500,
  take: 256,
  defaultTake: 50,
  /** Bytes of a training picture (also quick test): 6 MB. */
  trainingImageBytes: 6 * 1024 * 1024,
  /** Bytes of a picture to predict: 4 MB. */
  predictionImageBytes: 4 * 1024 * 1024,
  /** Bytes of a model, or of an exported one, that comes in an archive. */
  modelBytes: 256 * 1024 * 1024,
  /** Pixels of a picture's longer side. */
  imageSide: 10_240,
  /** Pixels of a picture in all; beyond it decoding is refused before it starts. */
  imagePixels: 10_240 * 10_240,
  /** Fewest pictures per tag that a classifier can be trained from. */
  imagesPerTagClassification: 5,
  /** Fewest pictures per tag that a detector can be trained from. */
  imagesPerTagDetection: 15,
  /** Fewest hours that advanced training can be given. */
  advancedHours: 1,
  /** Fewest tags that a classifier can be trained from. */
  tagsForTraining: 2,
  /** Characters (UTF-16 code units) of a project's, tag's, iteration's or publish name. */
  nameLength: 128,
  descriptionLength: 2048,
  /** Characters of an address that a project sends to. */
  addressLength: 2048,
  /** Characters of an e-mail address. Source: RFC 5321, section 4.5.3.1.3. */
  emailLength: 254,
  /** As the Swagger of 3.3 has them; that of 3.4-preview says 10, 128, 256. */
  metadataPairs: 50,
  metadataKeyLength: 256,
  metadataValueLength: 512,
  /** Stored predictions a query gives at most (and by default). */
  predictionsPerQuery: 128,
  /** Hours a link to a picture or an export authorises itself. */
  linkHours: 24,
} as const;
