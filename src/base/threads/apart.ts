import { type ChildProcess, fork } from 'node:child_process';
import { AppError, expected } from '../errors.ts';
import type { Run } from '../run.ts';
import { failed, type Report, type ToTask, thrownFrom } from './protocol.ts';
import type { TaskTypes } from './serve.ts';

/** A function that gives bytes by name. */
export type Read = (name: string) => Promise<Uint8Array>;

/** How tasks are done apart. */
export interface ApartOptions {
  /** The module each process runs; it calls `serveApart`. */
  readonly entry: URL;
  /** Given to each process as JSON, its first argument. */
  readonly data?: unknown;
}

/** Tasks that take minutes, each in a process of its own. */
export interface Apart<T extends TaskTypes> {
  /**
   * Does a task in a process that is started for it and has ended when this settles: all its memory is given back then.
   * Aborting stops it in the middle of a step. Whatever becomes of the process, which may want more memory than there
   * is, this one goes on. `read`: gives the bytes that the task asks for.
   * @throws what the task throws, AppErrors with their code; `ComputeProcessFailed` when the process broke off;
   * `ComputeClosed`; the signal's reason.
   */
  run<Name extends keyof T & string>(
    name: Name,
    input: T[Name]['input'],
    run?: Run,
    read?: Read,
  ): Promise<T[Name]['output']>;
  /** The ids of the processes that run now. */
  processes(): number[];
  /** Kills what runs, and does no more. */
  close(): Promise<void>;
}

/** No process as yet. */
export function createApart<T extends TaskTypes>({ entry, data = {} }: ApartOptions): Apart<T> {
  const running = new Map<ChildProcess, { reject(error: unknown): void; readonly ended: Promise<unknown> }>();
  let closed = false;
  return {
    async run(name, input, run = {}, read = nothing) {
      if (closed) throw closing();
      run.signal?.throwIfAborted();
      const child = fork(entry, [JSON.stringify(data)], {
        serialization: 'advanced',
        stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      });
      const { promise, resolve, reject } = Promise.withResolvers<unknown>();
      const ended = new Promise((left) => child.once('exit', left).once('error', left));
      running.set(child, { reject, ended });
      const abort = (): void => reject(run.signal!.reason);
      run.signal?.addEventListener('abort', abort, { once: true });
      const say = (message: ToTask): void => {
        // Whoever was killed meanwhile hears no more; that is told by its end.
        if (child.connected) child.send(message, () => undefined);
      };
      child.on('message', (report: Report) => {
        if (report.is === 'progress') run.onProgress?.(report.fraction);
        else if (report.is === 'news') run.onNews?.(report.news);
        else if (report.is === 'asking') void answer(read, report.question, report.name).then(say);
        else if (report.is === 'done') resolve(report.output);
        else reject(thrownFrom(report));
      });
      child.once('error', (error) => reject(brokenOff(error)));
      child.once('exit', (code, signal) => reject(brokenOff(new Error(`it ended with ${signal ?? code}`))));
      say({ do: 'run', id: 1, name, input });
      try {
        return await promise;
      } finally {
        run.signal?.removeEventListener('abort', abort);
        child.kill('SIGKILL');
        await ended;
        running.delete(child);
      }
    },
    processes: () => [...running.keys()].map(({ pid }) => pid!),
    async close() {
      closed = true;
      const all = [...running.values()];
      for (const { reject } of all) reject(closing());
      await Promise.all(all.map(({ ended }) => ended));
    },
  };
}

async function answer(read: Read, question: number, name: string): Promise<ToTask> {
  try {
    return { do: 'answer', question, bytes: await read(name) };
  } catch (thrown) {
    return { do: 'answer', question, ...failed(thrown) };
  }
}

const nothing: Read = async (name) => {
  throw new AppError('NothingToRead', expected('nothing to be asked for', 'a task', name));
};

const brokenOff = (cause: Error): AppError =>
  new AppError(
    'ComputeProcessFailed',
    'The process that learned was ended from outside or ran out of memory. Free some memory, or learn from less, and try again.',
    cause,
  );

const closing = (): AppError => new AppError('ComputeClosed', 'the server is stopping');
