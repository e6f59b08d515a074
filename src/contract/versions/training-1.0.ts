import { id } from '../schema.ts';
import type { Step } from '../step.ts';

/** Training 1.0 as it differs from 1.2: labels instead of tags on images, and less of everything. */
export const training10: Step = {
  version: '1.0',
  models: {
    Domain: { omit: ['exportable'] },
    Image: { rename: { tags: 'labels' } },
    // An image carries a tag once, so that the tag names the label.
    ImageTag: { add: { labelId: id() }, rewrite: ({ tagId, created }) => ({ labelId: tagId, created, tagId }) },
    ImageCreateResult: {
      rewrite: (result) => ({
        ...result,
        status: result.status === 'ErrorTagLimitExceed' ? 'ErrorLimitExceed' : result.status,
      }),
    },
    Iteration: { omit: ['projectId', 'exportable', 'domainId'] },
    TagPerformance: { rename: { id: 'tagId', name: 'tagName' } },
  },
};
