import { withSevenDigits } from '../json.ts';
import type { Step } from '../step.ts';

/** Prediction 3.0 as it differs from 3.1: no types of predicted tags, seven digits in dates. */
export const prediction30: Step = {
  version: '3.0',
  models: {
    Prediction: { omit: ['tagType'] },
    ImagePrediction: { rewrite: (prediction) => ({ ...prediction, created: withSevenDigits(prediction.created) }) },
  },
  problems: {
    BadRequestImageDimensions: 'BadRequestImageSizeBytes',
    BadRequestOperationNotSupported: 'BadRequestNotSupported',
  },
};
