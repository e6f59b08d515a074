import type { Step } from '../step.ts';

/** Training 2.0 as it differs from 2.1: every project is Multilabel when it is made, and none says so. */
export const training20: Step = {
  version: '2.0',
  models: {
    ProjectSettings: { omit: ['classificationType'] },
    ProjectSettingsUpdate: { omit: ['classificationType'] },
    Iteration: { omit: ['classificationType'] },
    Export: { omit: ['newerVersionAvailable'] },
  },
  operations: { CreateProject: { omitQuery: ['classificationType'] } },
};
