import type { Step } from '../step.ts';

/** Training 3.1 as it differs from 3.2: projects have no status (nothing imports them), training takes no body. */
export const training31: Step = {
  version: '3.1',
  models: { Project: { omit: ['status'] } },
  operations: { TrainProject: { omitBody: true } },
  problems: {
    BadRequestExportWhileTraining: 'BadRequest',
    BadRequestIterationValidationFailed: 'BadRequest',
    BadRequestInvalidImportToken: 'BadRequest',
    ErrorProjectImportRequestFailed: 'ErrorUnknown',
  },
};
