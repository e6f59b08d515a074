import { AppError } from '../errors.ts';
import { serveApart } from './serve-apart.ts';

/** Tasks for the tests of processes. */
export type FixtureApartTasks = {
  /** The sum of the bytes read under these names, and the id of the process. */
  sum: { input: readonly string[]; output: { sum: number; process: number; bytes: Float32Array } };
  /** Computes for good, without ever looking up. */
  stuck: { input: null; output: never };
  refuse: { input: string; output: never };
  crash: { input: null; output: never };
  data: { input: null; output: unknown };
};

// The entry of a process for tests.
serveApart<FixtureApartTasks>({
  async sum(names, { read, onProgress, onNews }) {
    let sum = 0;
    for (const [at, name] of names.entries()) {
      for (const byte of await read(name)) sum += byte;
      onProgress?.((at + 1) / names.length);
      onNews?.({ phase: 'head', step: at + 1, steps: names.length });
    }
    return { sum, process: process.pid, bytes: Float32Array.of(sum) };
  },
  async stuck(_, { onNews }) {
    onNews?.({ phase: 'whole' });
    await new Promise((resolve) => setTimeout(resolve, 20));
    for (;;);
  },
  async refuse(code) {
    throw new AppError(code, 'expected this', new Error('inner'));
  },
  crash: () => new Promise(() => process.kill(process.pid, 'SIGABRT')),
  data: async () => JSON.parse(process.argv[2]!),
});
