import type { Step } from '../step.ts';

/** Training 3.2 as it differs from 3.3: no metadata, no types of predicted tags, no 207. */
export const training32: Step = {
  version: '3.2',
  models: {
    ProjectSettingsUpdate: { omit: ['exportModelContainerUri', 'notificationQueueUri'] },
    Image: { omit: ['metadata'] },
    ImageFileCreateBatch: { omit: ['metadata'] },
    ImageUrlCreateBatch: { omit: ['metadata'] },
    ImageIdCreateBatch: { omit: ['metadata'] },
    Prediction: { omit: ['tagType'] },
    Tag: { rewrite: (tag) => ({ ...tag, type: tag.type === 'GeneralProduct' ? 'Regular' : tag.type }) },
  },
  operations: {
    ImportProject: { omitQuery: ['name'] },
    CreateImagesFromData: { success: [200] },
    CreateImagesFromFiles: { success: [200] },
    CreateImagesFromUrls: { success: [200] },
    CreateImagesFromPredictions: { success: [200] },
    CreateImageRegions: { success: [200] },
    PublishIteration: { omitQuery: ['overwrite'] },
    CreateProject: { omitQuery: ['exportModelContainerUri', 'notificationQueueUri'] },
  },
  problems: {
    BadRequestMultipleGeneralProductTag: 'BadRequestTagType',
    BadRequestImageDimensions: 'BadRequestImageSizeBytes',
    BadRequestImageMetadataKey: 'BadRequestInvalid',
    BadRequestImageMetadataValue: 'BadRequestInvalid',
    BadRequestOperationNotSupported: 'BadRequestNotSupported',
    BadRequestInvalidArtifactUri: 'BadRequestInvalid',
  },
};
