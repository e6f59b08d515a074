import type { AppError } from '../base/errors.ts';
import type { RestoreProgress } from './restore/restore.ts';

/** An archive that a client reads at this moment. */
export interface Sending {
  /** Where in the archive the client went on, and where it is now. */
  readonly from: number;
  at: number;
  /** When, in ms of `performance.now()`. */
  readonly begun: number;
  /** Ends it; resolves when nothing of it is written any more. */
  end(): Promise<void>;
}

/** An archive that is put back by this process. */
export interface Receiving {
  progress: RestoreProgress;
  /** Ends it; resolves when what was written of an unfinished project is being removed. */
  end(reason: AppError): Promise<void>;
}

/** What this process sends and puts back at this moment, by the ids of takeouts and restores. */
export interface Transfers {
  readonly takeouts: Map<string, Sending>;
  readonly restores: Map<string, Receiving>;
}

/** No transfers. */
export const createTransfers = (): Transfers => ({ takeouts: new Map(), restores: new Map() });
