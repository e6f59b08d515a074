import { setImmediate } from 'node:timers/promises';
import { threadId } from 'node:worker_threads';
import { AppError } from '../errors.ts';
import { serveTasks } from './serve.ts';

/** Tasks for the tests of the pool. */
export type FixtureTasks = {
  /** Gives the number of the thread and the bytes back. */
  echo: { input: Uint8Array; output: { thread: number; bytes: Uint8Array } };
  /** A new buffer of so many bytes, and how many are left here of those given before. */
  give: { input: number; output: { bytes: Uint8Array; left: number } };
  /** Spins, turn by turn, until the word at `flag` is not 0 or it is aborted; counts its turns in the word after. */
  turns: { input: Int32Array; output: number };
  refuse: { input: string; output: never };
  throwPlain: { input: string; output: never };
  crash: { input: null; output: never };
  exit: { input: null; output: never };
};

const given: Uint8Array[] = [];

// The entry of a thread for tests.
serveTasks<FixtureTasks>({
  echo: async (bytes) => ({ thread: threadId, bytes }),
  async give(count, _, handOver) {
    const left = given.reduce((sum, { length }) => sum + length, 0);
    const bytes = new Uint8Array(count).fill(7);
    given.push(bytes);
    handOver.push(bytes.buffer);
    return { bytes, left };
  },
  async turns(words, { signal, onProgress, onNews }) {
    for (let turn = 0; Atomics.load(words, 0) === 0; turn++) {
      await setImmediate();
      signal?.throwIfAborted();
      Atomics.add(words, 1, 1);
      if (turn === 0) onNews?.({ phase: 'head', step: 1, loss: 0.25 });
      if (turn === 0) onProgress?.(0.5);
    }
    return threadId;
  },
  async refuse(code) {
    throw new AppError(code, 'expected this', new Error('inner'));
  },
  async throwPlain(message) {
    throw new TypeError(message);
  },
  crash: () =>
    new Promise(() => {
      setTimeout(() => {
        throw new Error('broken');
      });
    }),
  exit: async () => process.exit(3),
});
