import { AppError } from '../base/errors.ts';
import { isStorageFull } from '../store/storage-full.ts';

/** Why a training fails. */
export interface TrainingFailure {
  /** What happened, and what to do next. */
  readonly reason: string;
  /** How often it is worth trying; `undefined`: as often as the queue does. */
  readonly tries: number | undefined;
}

/** What would happen again, to the last bit: the message is for the user. */
const certain = new Set(['TrainingSetGone', 'TrainingDiverged', 'PictureUnreadable', 'BadFeatures']);
/** What may have been an accident once, but is not twice: it may take minutes each time. */
const rare = new Set(['ComputeProcessFailed', 'ComputeThreadFailed']);

/** What a training that met this error tells its owner, and whether to try again. */
export function trainingFailure(error: unknown): TrainingFailure {
  if (isStorageFull(error))
    return {
      reason: 'The disk of the server is full: what was learned could not be stored. Free some space and train again.',
      tries: 1,
    };
  if (!(error instanceof AppError))
    return { reason: 'The training broke off inside the server; its log says more. Train again.', tries: undefined };
  const tries = certain.has(error.code) ? 1 : rare.has(error.code) ? 2 : undefined;
  return { reason: error.message, tries };
}

/** The failure of a training whose server ended every time. */
export const serverDied = new AppError(
  'ServerDied',
  'The server ended each time while it trained, perhaps for want of memory. Free some memory, or train with less, and train again.',
);
