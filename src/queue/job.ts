import type { Tx } from '../store/database.ts';

/**
 * Every kind of background work and its payload: ids only, never user data. `jobs/handlers.ts` has exactly one handler
 * for each.
 */
export interface Jobs {
  /** Computes the features of a project's images that wait for them. */
  features: { accountId: string; projectId: string };
  /** Trains an iteration whose row says `Training`. */
  train: { accountId: string; projectId: string; iterationId: string };
  /** The same where a network learns, for minutes or hours: what takes seconds is not held up by it. */
  'train-network': { accountId: string; projectId: string; iterationId: string };
  /** Trains an iteration anew in place, without the images that it is to forget. */
  forget: { accountId: string; projectId: string; iterationId: string };
  /** Builds, checks and stores the zip of an export whose row says `Exporting`. */
  export: { accountId: string; projectId: string; exportId: string };
  /** Tells where a project wants it told that a training or, with an export, that has ended; and puts its model there. */
  announce: { accountId: string; projectId: string; iterationId: string; exportId?: string };
  /** Erases what is in an account's trash and due. */
  trash: { accountId: string; projectId?: never };
  /** Brings what belongs into a project whose row says `Importing`. */
  'import-project': { accountId: string; projectId: string };
  /** Removes a project's predictions and exports whose time is over. */
  retention: { accountId: string; projectId: string };
  /** Removes an account's takeouts and restores whose time is over. */
  transfers: { accountId: string; projectId?: never };
  /**
   * Removes for good what was deleted in a project or account: rows nothing refers to, loose blobs, keys; empties the
   * database log.
   */
  purge: { accountId: string; projectId?: string };
}
/** The name of a kind of work. */
export type JobName = keyof Jobs;

/** What a running job is given beside its payload. */
export interface JobRun {
  readonly id: string;
  /**
   * Aborted within a second of a cancel request, a lost lease or a stop of the server; the handler then leaves by
   * throwing.
   */
  readonly signal: AbortSignal;
  /** 1 on the first try. */
  readonly attempt: number;
  /** True on the last try: what fails now has failed for good. */
  readonly last: boolean;
  /**
   * The fence before a job's effect: called first in the transaction that writes it; throws when the job is no longer
   * this worker's or was cancelled.
   */
  fence(tx: Tx): Promise<void>;
  /** Reports how far the work is, 0..1. Cheap; written at most once a second. */
  progress(fraction: number): void;
}
