import type { Step } from '../step.ts';

/** Training 3.3 as it differs from 3.4-preview. */
export const training33: Step = {
  version: '3.3',
  models: {
    Domain: { omit: ['exportablePlatforms', 'modelInformation'] },
    ImageCreateResult: { rewrite: (result) => ({ ...result, status: knownStatus[result.status] ?? result.status }) },
    Iteration: {
      omit: ['customBaseModelInfo', 'trainingErrorDetails'],
      // Recorded: once it is known that nothing can be exported, an empty list here and null in 3.4.
      rewrite: (it) => ({ ...it, exportableTo: it.exportableTo ?? (it.domainId === null ? null : []) }),
    },
    ProjectSettings: { omit: ['exportModelContainerUri', 'notificationQueueUri'] },
    TrainingParameters: { omit: ['customBaseModelInfo'] },
  },
  problems: {
    BadRequestInvalidUri: 'BadRequestInvalid',
    BadRequestCustomBaseModelIterationStatusNotCompleted: 'BadRequestInvalid',
    BadRequestCustomBaseModelDomainNotCompatible: 'BadRequestInvalid',
    BadRequestCustomBaseModelArchitectureRetired: 'BadRequestInvalid',
  },
  operations: { CreateProject: { omitBody: true } },
};

const knownStatus: Readonly<Record<string, string>> = {
  ErrorImageDimensions: 'ErrorImageSize',
  ErrorInvalidTag: 'ErrorUnknown',
};
