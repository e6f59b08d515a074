import type { Clock, Micros } from '../base/clock.ts';
import { AppError } from '../base/errors.ts';
import { newId } from '../base/id.ts';
import type { Log } from '../base/log.ts';
import type { JobName, JobRun, Jobs } from './job.ts';
import type { ClaimedJob, Outcome, Queue } from './queue.ts';

/** What a worker is made of. */
export interface WorkerParts {
  readonly queue: Queue;
  readonly clock: Clock;
  readonly log: Log;
  /** This process, in one word; each claim gets a holder of its own below it. */
  readonly holder: string;
  /** How many jobs of each name run at a time; those of other names are done by others. */
  readonly concurrency: { readonly [N in JobName]?: number };
  /** Does a job. It leaves by throwing when `run.signal` is aborted. */
  readonly handle: <N extends JobName>(name: N, payload: Jobs[N], run: JobRun) => Promise<void>;
  /** Told of a job whose worker died in its last try, so that what waits for it learns that nothing will come. */
  readonly giveUp?: <N extends JobName>(name: N, payload: Jobs[N]) => Promise<void>;
}

/** A running worker. */
export interface Worker {
  /** Whether a job is being done. */
  isBusy(): boolean;
  /** Claims nothing more, aborts what runs and gives it back without losing an attempt. Resolves within 4.5 s. */
  stop(): Promise<void>;
}

/** Between heartbeats, and between looks for work that another process enqueued or that was put off, ms. */
const beatEvery = 1000;
/** How long handlers have to leave when the worker stops, ms. */
const leaveWithin = 4000;

interface Running {
  readonly job: ClaimedJob;
  readonly holder: string;
  readonly abort: AbortController;
  progress: number;
  /** How long the lease is, and until when it holds. */
  readonly lease: Micros;
  leaseUntil: Micros;
  ended: Promise<void>;
}

/** Does jobs until it is stopped. Errors of handlers are logged by their code and retried by the queue. */
export function startWorker(parts: WorkerParts): Worker {
  const { queue, clock, log, concurrency, holder } = parts;
  const running = new Set<Running>();
  const stopping = new AbortController();
  // Aborted and replaced when a place becomes free.
  let freed = new AbortController();

  const freeNames = (): JobName[] =>
    (Object.keys(concurrency) as JobName[]).filter(
      (name) => [...running].filter((one) => one.job.name === name).length < concurrency[name]!,
    );

  const start = (job: ClaimedJob, jobHolder: string): void => {
    const run: Running = {
      job,
      holder: jobHolder,
      abort: new AbortController(),
      progress: 0,
      lease: job.leaseUntil - clock.now(),
      leaseUntil: job.leaseUntil,
      ended: Promise.resolve(),
    };
    running.add(run);
    run.ended = perform(parts, run, stopping.signal).finally(() => {
      running.delete(run);
      freed.abort();
    });
  };

  const beat = async (): Promise<void> => {
    await Promise.all([...running].map((run) => heartbeat(parts, run)));
  };
  let beating: Promise<void> = Promise.resolve();
  const timer = setInterval(() => {
    beating = beating.then(beat);
  }, beatEvery);

  const loop = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      freed = new AbortController();
      try {
        const names = freeNames();
        const jobHolder = `${holder}/${newId()}`;
        const job = names.length === 0 ? undefined : await queue.claim(jobHolder, names);
        if (job !== undefined) {
          start(job, jobHolder);
          continue;
        }
      } catch (error) {
        log.error('job-claim-failed', error);
      }
      const reason = await queue.wait(beatEvery, AbortSignal.any([stopping.signal, freed.signal]));
      if (reason === 'cancelled') await beat();
    }
  };
  const looping = loop();

  return {
    isBusy: () => running.size > 0,
    async stop() {
      stopping.abort(new AppError('Stopping', 'The server is stopping.'));
      await looping;
      for (const run of running) run.abort.abort(stopping.signal.reason);
      const { promise: late, resolve } = Promise.withResolvers<void>();
      const patience = setTimeout(resolve, leaveWithin);
      await Promise.race([Promise.all([...running].map((run) => run.ended)), late]);
      clearTimeout(patience);
      clearInterval(timer);
      // Whoever has not left by now finds at its fence that the job is no longer its own.
      for (const run of running) await settle(parts, run, { state: 'released' });
      await beating;
    },
  };
}

async function heartbeat({ queue, clock, log }: WorkerParts, run: Running): Promise<void> {
  try {
    const answer = await queue.heartbeat(run.job.id, run.holder, run.progress);
    if (answer === 'cancel') run.abort.abort(new AppError('JobCancelled', 'The job was cancelled.'));
    else if (answer === 'lost') run.abort.abort(jobLost());
    else run.leaseUntil = clock.now() + run.lease;
  } catch (error) {
    log.error('job-heartbeat-failed', error, { job: run.job.id });
    if (clock.now() > run.leaseUntil) run.abort.abort(jobLost());
  }
}

const jobLost = (): AppError => new AppError('JobLost', 'The job is no longer this worker’s.');

async function perform(parts: WorkerParts, run: Running, stopping: AbortSignal): Promise<void> {
  const { job, holder, abort } = run;
  const fields = { job: job.id, name: job.name, attempt: job.attempt };
  if (job.cancelled) return settle(parts, run, { state: 'cancelled' });
  try {
    if (job.attempt > job.attempts) {
      parts.log.warn('job-given-up', fields);
      await parts.giveUp?.(job.name, job.payload);
      return await settle(parts, run, { state: 'failed', error: 'WorkerDied' });
    }
    await parts.handle(job.name, job.payload, {
      id: job.id,
      signal: abort.signal,
      attempt: job.attempt,
      last: job.attempt >= job.attempts,
      async fence(tx) {
        abort.signal.throwIfAborted();
        if (!(await parts.queue.holds(tx, job.id, holder))) throw jobLost();
      },
      progress(fraction) {
        run.progress = Math.min(1, Math.max(0, fraction));
      },
    });
    await settle(parts, run, { state: 'done' });
  } catch (error) {
    if (stopping.aborted) return settle(parts, run, { state: 'released' });
    const code = (abort.signal.reason as AppError | undefined)?.code;
    if (code === 'JobLost') return;
    if (code === 'JobCancelled') return settle(parts, run, { state: 'cancelled' });
    parts.log.error('job-failed', error, fields);
    await settle(parts, run, { state: 'retry', error: error instanceof AppError ? error.code : 'ErrorUnknown' });
  }
}

/** Ends the job; when even that fails its lease runs out and it is tried again. */
async function settle({ queue, log }: WorkerParts, run: Running, outcome: Outcome): Promise<void> {
  try {
    await queue.finish(run.job.id, run.holder, outcome);
  } catch (error) {
    log.error('job-finish-failed', error, { job: run.job.id });
  }
}
