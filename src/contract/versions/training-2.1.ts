import type { Step } from '../step.ts';

/**
 * Training 2.1 as it differs from 2.2: one address of an image, and no types of tags (one that is negative looks like any
 * other).
 */
export const training21: Step = {
  version: '2.1',
  models: {
    Image: { omit: ['originalImageUri'], rename: { resizedImageUri: 'imageUri' } },
    StoredImagePrediction: { omit: ['originalImageUri'], rename: { resizedImageUri: 'imageUri' } },
    ImageCreateResult: {
      rewrite: (result) => ({
        ...result,
        status: result.status === 'ErrorNegativeAndRegularTagOnSameImage' ? 'ErrorUnknown' : result.status,
      }),
    },
    Tag: { omit: ['type'] },
    TagUpdate: { omit: ['type'] },
  },
  operations: { CreateTag: { omitQuery: ['type'] } },
};
