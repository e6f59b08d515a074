import type { Micros } from '../base/clock.ts';
import type { Tx } from '../store/database.ts';
import type { JobName, Jobs } from './job.ts';

/** A claimed job: this worker's alone until `leaseUntil`, and longer with every heartbeat. */
export interface ClaimedJob<N extends JobName = JobName> {
  readonly id: string;
  readonly name: N;
  readonly payload: Jobs[N];
  /**
   * 1 on the first try. Above `attempts`: the worker of the last try died without a word, so there is to be no further
   * one.
   */
  readonly attempt: number;
  /** How often a job is tried. */
  readonly attempts: number;
  /** Somebody asked for its cancellation while nobody was there to hear. */
  readonly cancelled: boolean;
  readonly leaseUntil: Micros;
}

/** Options of {@link Queue.enqueue}. */
export interface EnqueueOptions {
  /** With this key at most one job waits: enqueueing again while one waits at most makes that one due earlier, with all its tries. */
  once?: string;
  /** Earliest start; default at once. */
  runAt?: Micros;
}

/**
 * How a claimed job ended: `retry` after a growing pause, or `failed` when it was its last try; `released` waits again
 * as if it had not been claimed.
 */
export type Outcome = { state: 'done' | 'cancelled' | 'released' } | { state: 'failed' | 'retry'; error: string };

/** Why {@link Queue.wait} returned. */
export type WakeReason = 'enqueued' | 'cancelled' | 'timeout';

/**
 * Work that waits, kept as durably as the data itself. Every implementation passes `test/suites/queue.ts`.
 * A job runs at least once; its effect happens once because handlers write their result in one transaction that also
 * checks {@link Queue.holds}.
 */
export interface Queue {
  /**
   * Adds a job inside the caller's transaction: it exists exactly if the transaction commits. Returns its id (of the
   * one waiting already, with `once`).
   */
  enqueue<N extends JobName>(tx: Tx, name: N, payload: Jobs[N], options?: EnqueueOptions): Promise<string>;
  /**
   * The oldest job that may start now, of one of `names`, leased to `holder`; also one whose lease ran out. `holder` is
   * new for each claim.
   */
  claim(holder: string, names: readonly JobName[]): Promise<ClaimedJob | undefined>;
  /** Extends the lease; tells whether the job is still ours and whether somebody wants it cancelled. */
  heartbeat(id: string, holder: string, progress: number): Promise<'ours' | 'cancel' | 'lost'>;
  /**
   * Whether `holder` still holds the job and nobody wants it cancelled, read inside the caller's transaction: the fence
   * before a job's effect.
   */
  holds(tx: Tx, id: string, holder: string): Promise<boolean>;
  /**
   * Ends a claimed job. Rows of ended jobs go at once, of failed ones after 30 days. Does nothing when `holder` does
   * not hold it.
   */
  finish(id: string, holder: string, outcome: Outcome): Promise<void>;
  /**
   * Asks for the cancellation of all waiting and running jobs of the project (or, without one, the account): waiting
   * ones are removed at once, running ones told at their next heartbeat. Purges only when `jobName` says so.
   */
  cancel(
    tx: Tx,
    scope: { accountId: string; projectId?: string; jobName?: JobName; iterationId?: string },
  ): Promise<void>;
  /**
   * Resolves when something was enqueued or cancelled in this process, `timeoutMs` have passed or `signal` is aborted,
   * whichever is first.
   */
  wait(timeoutMs: number, signal: AbortSignal): Promise<WakeReason>;
}
