import { setPriority } from 'node:os';
import { parentPort, type Transferable } from 'node:worker_threads';
import type { Run } from '../run.ts';
import { failed, type Order, type Report } from './protocol.ts';

/** What the tasks of a thread are called, take and give. Only what structured cloning carries. */
export type TaskTypes = { [Name in string]: { readonly input: unknown; readonly output: unknown } };

/** The function behind every name; the buffers it puts into `handOver` are moved to the asker rather than copied. */
export type TaskTable<T extends TaskTypes> = {
  readonly [Name in keyof T]: (
    input: T[Name]['input'],
    run: Run,
    handOver: Transferable[],
  ) => Promise<T[Name]['output']>;
};

/** Steps of niceness below the thread that answers requests, which so gets a core whenever it needs one. */
const nicer = 2;

/**
 * Makes the calling worker thread do the tasks its pool sends, several at once where they wait for something. Ends with
 * the pool; `close` is called last.
 */
export function serveTasks<T extends TaskTypes>(
  table: TaskTable<T>,
  close: () => Promise<void> = async () => {},
): void {
  const port = parentPort!;
  // Elsewhere than on Linux this would slow the whole process.
  if (process.platform === 'linux') setPriority(0, nicer);
  const running = new Map<number, { abort: AbortController; end: Promise<void> }>();
  const report = (message: Report, handOver: Transferable[] = []): void => port.postMessage(message, handOver);

  const run = async (id: number, name: string, input: unknown, signal: AbortSignal): Promise<void> => {
    try {
      const handOver: Transferable[] = [];
      const how: Run = {
        signal,
        onProgress: (fraction) => report({ id, is: 'progress', fraction }),
        onNews: (news) => report({ id, is: 'news', news }),
      };
      const output = await table[name]!(input, how, handOver);
      report({ id, is: 'done', output }, handOver);
    } catch (thrown) {
      report({ id, is: 'failed', ...failed(thrown) });
    }
    running.delete(id);
  };
  port.on('message', async (order: Order) => {
    if (order.do === 'run') {
      const abort = new AbortController();
      running.set(order.id, { abort, end: run(order.id, order.name, order.input, abort.signal) });
    } else if (order.do === 'abort') running.get(order.id)?.abort.abort();
    else {
      const ends = [...running.values()];
      for (const { abort } of ends) abort.abort();
      await Promise.all(ends.map(({ end }) => end));
      await close();
      port.close();
    }
  });
}
