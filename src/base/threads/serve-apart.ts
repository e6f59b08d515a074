import { writeFileSync } from 'node:fs';
import { setPriority } from 'node:os';
import type { Run } from '../run.ts';
import type { Read } from './apart.ts';
import { failed, type Report, type ToTask, thrownFrom } from './protocol.ts';
import type { TaskTypes } from './serve.ts';

/** How a task that is done apart is run: it may ask for bytes by name. */
export type ApartRun = Omit<Run, 'signal' | 'urgent'> & { readonly read: Read };

/** The function behind every name. */
export type ApartTable<T extends TaskTypes> = {
  readonly [Name in keyof T]: (input: T[Name]['input'], run: ApartRun) => Promise<T[Name]['output']>;
};

/** Steps of niceness below everything else: what takes minutes gets what is left by those who are waited for. */
const nicer = 10;
/** Of 1000; the server has 0. When memory runs out, what can be begun anew goes first. */
const sacrifice = '500';

function giveWay(): void {
  try {
    setPriority(0, nicer);
    if (process.platform === 'linux') writeFileSync('/proc/self/oom_score_adj', sacrifice);
  } catch {
    // A container may forbid it; that is no reason not to do the task.
  }
}

/**
 * Makes the calling process do the task that it was started for. It ends when whoever started it has gone, and leaves
 * the signals of a terminal or a service manager to them.
 */
export function serveApart<T extends TaskTypes>(table: ApartTable<T>): void {
  process.on('disconnect', () => process.exit());
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);
  giveWay();
  const report = (message: Report): void => void process.send!(message);
  const waiting = new Map<number, { resolve(bytes: Uint8Array): void; reject(error: unknown): void }>();
  let questions = 0;

  const run = async (id: number, name: string, input: unknown): Promise<void> => {
    try {
      const output = await table[name]!(input, {
        onProgress: (fraction) => report({ id, is: 'progress', fraction }),
        onNews: (news) => report({ id, is: 'news', news }),
        read: (name) =>
          new Promise((resolve, reject) => {
            waiting.set(++questions, { resolve, reject });
            report({ id, is: 'asking', question: questions, name });
          }),
      });
      report({ id, is: 'done', output });
    } catch (thrown) {
      report({ id, is: 'failed', ...failed(thrown) });
    }
  };
  process.on('message', (message: ToTask) => {
    if (message.do === 'run') return void run(message.id, message.name, message.input);
    if (message.do !== 'answer') return;
    const asked = waiting.get(message.question)!;
    waiting.delete(message.question);
    if ('bytes' in message) asked.resolve(message.bytes);
    else asked.reject(thrownFrom(message));
  });
}
