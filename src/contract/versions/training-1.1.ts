import { timeSpan } from '../json.ts';
import type { Step } from '../step.ts';

/**
 * Training 1.1, of which nothing is published: it answers as 1.2 does, and has the addresses of 1.0 as well, which
 * programs written for it ask. Durations were not in ISO 8601 yet: clients of that time could not read it.
 */
export const training11: Step = {
  version: '1.1',
  models: {
    Quota: {
      rewrite: ({ timeUntilReset, ...quota }) => ({
        ...quota,
        timeUntilReset: timeUntilReset ? timeSpan(timeUntilReset) : null,
      }),
    },
  },
};
