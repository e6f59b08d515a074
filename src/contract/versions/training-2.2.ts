import type { Step } from '../step.ts';

/**
 * Training 2.2 as it differs from 3.0: one iteration is the default instead of any number being published, and nothing
 * can be said about a training. It had no list of error codes: those of 3.0 it is.
 */
export const training22: Step = {
  version: '2.2',
  models: {
    Project: { omit: ['drModeEnabled'] },
    // The last two are in recorded answers of 3.0; there are none of 2.x.
    ProjectSettings: { omit: ['targetExportPlatforms', 'useNegativeSet', 'detectionParameters'] },
    ProjectSettingsUpdate: { omit: ['targetExportPlatforms'] },
    Iteration: {
      omit: ['exportableTo', 'trainingType', 'reservedBudgetInHours', 'publishName', 'originalPublishResourceId'],
    },
  },
  operations: {
    CreateProject: { omitQuery: ['targetExportPlatforms'] },
    TrainProject: {
      omitQuery: ['trainingType', 'reservedBudgetInHours', 'forceTrain', 'notificationEmailAddress'],
    },
    GetImageRegionProposals: { path: '/{projectId}/images/{imageId}/regionproposals' },
  },
};
