import type { Micros } from '../base/clock.ts';
import type { Tx } from '../store/database.ts';
import type { JobName, Jobs } from './job.ts';

/** A claimed job: this worker's alone until `leaseUntil`, and longer with every heartbeat. */
export interface ClaimedJob<N extends JobName = JobName> {
  readonly id: string;
  readonly name: N;
  readonly payload: Jobs[N];
  readonly attempt: number;
  readonly leaseUntil: Micros;
}

/** Options of {@link Queue.enqueue}. */
export interface EnqueueOptions {
  /** With this key at most one job waits: enqueueing again while one waits changes nothing. */
  once?: string;
  /** Earliest start; default at once. */
  runAt?: Micros;
}

/**
 * Work that waits, kept as durably as the data itself. Every implementation passes `test/suites/queue.ts`.
 * A job runs at least once; its effect happens once because handlers write their result in one transaction that first
 * checks {@link Queue.holds}.
 */
export interface Queue {
  /** Adds a job inside the caller's transaction: it exists exactly if the transaction commits. Returns its id (of the one waiting already, with `once`). */
  enqueue<N extends JobName>(tx: Tx, name: N, payload: Jobs[N], options?: EnqueueOptions): Promise<string>;
  /** The oldest job that may start now, of one of `names`, leased to `holder`; also one whose lease ran out. */
  claim(holder: string, names: readonly JobName[]): Promise<ClaimedJob | undefined>;
  /** Extends the lease; tells whether the job is still ours and whether somebody wants it cancelled. */
  heartbeat(id: string, holder: string, progress: number): Promise<'ours' | 'cancel' | 'lost'>;
  /** Whether `holder` still holds the job, read inside the caller's transaction: the fence before a job's effect. */
  holds(tx: Tx, id: string, holder: string): Promise<boolean>;
  /** Ends a claimed job: done, given up for good, cancelled, or to be tried again after a growing pause. */
  finish(id: string, holder: string, outcome: { state: 'done' | 'cancelled' } | { state: 'failed' | 'retry'; error: string }): Promise<void>;
  /** Asks for the cancellation of all waiting and running jobs whose payload names the project (or, without one, the account): waiting ones are cancelled at once, running ones at their next heartbeat. */
  cancel(tx: Tx, scope: { accountId: string; projectId?: string; jobName?: JobName; iterationId?: string }): Promise<void>;
  /** Resolves when something was enqueued in this process or `timeoutMs` have passed, whichever is first. */
  wait(timeoutMs: number, signal: AbortSignal): Promise<void>;
}
