import { withSevenDigits } from '../json.ts';
import type { Step } from '../step.ts';

/**
 * Training 3.0 as it differs from 3.1. The order of a project's settings and the dates are those of recorded answers.
 */
export const training30: Step = {
  version: '3.0',
  models: {
    ProjectSettings: {
      omit: ['imageProcessingSettings'],
      rewrite: ({ domainId, classificationType, useNegativeSet, detectionParameters, targetExportPlatforms }) => ({
        domainId,
        classificationType,
        useNegativeSet,
        detectionParameters,
        targetExportPlatforms,
      }),
    },
    ProjectSettingsUpdate: { omit: ['imageProcessingSettings'] },
    Iteration: { omit: ['trainingTimeInMinutes'] },
    ImagePrediction: { rewrite: (prediction) => ({ ...prediction, created: withSevenDigits(prediction.created) }) },
    StoredImagePrediction: {
      rewrite: (prediction) => ({ ...prediction, created: withSevenDigits(prediction.created) }),
    },
  },
  operations: {
    DeleteImages: { omitQuery: ['allImages', 'allIterations'], requireQuery: ['imageIds'], success: [204] },
    QuickTestImage: { omitQuery: ['store'] },
    QuickTestImageUrl: { omitQuery: ['store'] },
  },
  problems: { BadRequestProjectImagePreprocessingSettings: 'BadRequestInvalid' },
};
