import { type Transferable, Worker } from 'node:worker_threads';
import { AppError } from '../errors.ts';
import type { Run } from '../run.ts';
import { type Order, type Report, thrownFrom } from './protocol.ts';
import type { TaskTypes } from './serve.ts';

/** How a pool is made. */
export interface PoolOptions {
  /** The module each thread runs; it calls `serveTasks`. */
  readonly entry: URL;
  /** Threads at most; one is started when there is work and all others have some. */
  readonly threads: number;
  /** Given to each thread as `workerData`. */
  readonly data?: unknown;
}

/** Threads that do tasks. */
export interface Pool<T extends TaskTypes> {
  /**
   * Does a task in some thread. Urgent tasks go before others and join a thread even when it is busy: tasks there take
   * turns. Aborting rejects at once; the thread stops at its next look. `transfer`: buffers to hand over rather than
   * copy.
   * @throws what the task throws, AppErrors with their code; `ComputeThreadFailed` when its thread broke off (others
   * then take over); `ComputeClosed`.
   */
  run<Name extends keyof T & string>(
    name: Name,
    input: T[Name]['input'],
    run?: Run,
    transfer?: readonly Transferable[],
  ): Promise<T[Name]['output']>;
  /** Threads that are running now. */
  size(): number;
  /** Rejects what waits and what runs, and ends the threads, by force after two seconds. */
  close(): Promise<void>;
}

interface Job {
  readonly order: Order & { do: 'run' };
  readonly run: Run;
  readonly transfer: readonly Transferable[];
  resolve(output: unknown): void;
  reject(error: unknown): void;
}

interface Thread {
  readonly worker: Worker;
  readonly jobs: Map<number, Job>;
}

/**
 * Tasks of one kind (urgent or not) that a thread has at the same time: while one computes, the other's picture is
 * decoded.
 */
const inFlight = 2;
/** Milliseconds a thread has to end by itself. */
const patience = 2_000;

/** A pool without threads as yet. */
export function createPool<T extends TaskTypes>({ entry, threads: most, data }: PoolOptions): Pool<T> {
  const threads = new Set<Thread>();
  const waiting: { urgent: Job[]; background: Job[] } = { urgent: [], background: [] };
  let closed = false;
  let lastId = 0;

  const load = (thread: Thread, urgent: boolean): number =>
    [...thread.jobs.values()].filter((job) => (job.run.urgent ?? false) === urgent).length;

  const dispatch = (): void => {
    for (const lane of ['urgent', 'background'] as const) {
      const queue = waiting[lane];
      for (let thread = free(lane); queue.length > 0 && thread !== undefined; thread = free(lane))
        give(thread, queue.shift()!);
    }
  };

  /** An idle thread, else a new one, else the least busy one that may take more of this lane. */
  const free = (lane: 'urgent' | 'background'): Thread | undefined => {
    if (waiting[lane].length === 0) return undefined;
    const idle = [...threads].find(({ jobs }) => jobs.size === 0);
    if (idle !== undefined) return idle;
    if (threads.size < most) return start();
    const able = [...threads].filter((thread) => load(thread, lane === 'urgent') < inFlight);
    const busy = (thread: Thread): number => load(thread, true) * (inFlight + 1) + load(thread, false);
    return able.sort((a, b) => busy(a) - busy(b))[0];
  };

  const give = (thread: Thread, job: Job): void => {
    thread.jobs.set(job.order.id, job);
    thread.worker.ref();
    try {
      thread.worker.postMessage(job.order, job.transfer);
    } catch (error) {
      end(thread, job.order.id)?.reject(error);
    }
  };

  const end = (thread: Thread, id: number): Job | undefined => {
    const job = thread.jobs.get(id);
    thread.jobs.delete(id);
    // An idle thread keeps no program alive.
    if (thread.jobs.size === 0) thread.worker.unref();
    return job;
  };

  const start = (): Thread => {
    const thread: Thread = { worker: new Worker(entry, { workerData: data }), jobs: new Map() };
    threads.add(thread);
    let failure: unknown;
    thread.worker.on('message', (report: Report) => {
      if (report.is === 'progress') return thread.jobs.get(report.id)?.run.onProgress?.(report.fraction);
      if (report.is === 'news') return thread.jobs.get(report.id)?.run.onNews?.(report.news);
      const job = end(thread, report.id);
      if (report.is === 'done') job?.resolve(report.output);
      else if (report.is === 'failed') job?.reject(thrownFrom(report));
      dispatch();
    });
    thread.worker.on('error', (error) => {
      failure = error;
    });
    thread.worker.on('exit', () => {
      threads.delete(thread);
      const error = new AppError(
        'ComputeThreadFailed',
        'the thread that computed this broke off; another one takes its place',
        failure,
      );
      for (const job of thread.jobs.values()) job.reject(error);
      thread.jobs.clear();
      if (!closed) dispatch();
    });
    return thread;
  };

  const abort = (job: Job): void => {
    job.reject(job.run.signal!.reason);
    for (const queue of Object.values(waiting)) if (queue.includes(job)) queue.splice(queue.indexOf(job), 1);
    const { id } = job.order;
    for (const { worker, jobs } of threads) if (jobs.has(id)) worker.postMessage({ do: 'abort', id } satisfies Order);
  };

  return {
    run<Name extends keyof T & string>(
      name: Name,
      input: T[Name]['input'],
      run: Run = {},
      transfer: readonly Transferable[] = [],
    ) {
      const { signal } = run;
      const result = new Promise<T[Name]['output']>((resolve, reject) => {
        if (closed) throw closing();
        signal?.throwIfAborted();
        const job: Job = { order: { do: 'run', id: ++lastId, name, input }, run, transfer, resolve, reject };
        const onAbort = (): void => abort(job);
        signal?.addEventListener('abort', onAbort, { once: true });
        job.resolve = (output) => {
          signal?.removeEventListener('abort', onAbort);
          resolve(output as T[Name]['output']);
        };
        job.reject = (error) => {
          signal?.removeEventListener('abort', onAbort);
          reject(error);
        };
        waiting[run.urgent ? 'urgent' : 'background'].push(job);
        dispatch();
      });
      return result;
    },
    size: () => threads.size,
    async close() {
      closed = true;
      for (const job of [...waiting.urgent.splice(0), ...waiting.background.splice(0)]) job.reject(closing());
      await Promise.all(
        [...threads].map(async ({ worker, jobs }) => {
          for (const job of jobs.values()) job.reject(closing());
          const ended = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
          worker.ref();
          worker.postMessage({ do: 'end' } satisfies Order);
          const force = setTimeout(() => void worker.terminate(), patience);
          await ended;
          clearTimeout(force);
        }),
      );
    },
  };
}

const closing = (): AppError => new AppError('ComputeClosed', 'the server is stopping');
