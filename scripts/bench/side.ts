import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

/** One side of a comparison: a process of its own that does rounds of work when asked. */
export interface Side {
  /** Does one round and resolves with what it measured. */
  round<R>(task?: unknown): Promise<R>;
  stop(): Promise<void>;
}

/** Starts `sides/<name>.ts` and waits until it is warm. Its words go to the terminal. */
export async function startSide(name: string, setUp: unknown): Promise<Side> {
  const child = fork(join(import.meta.dirname, 'sides', `${name}.ts`), { serialization: 'advanced' });
  const answer = async (): Promise<unknown> => {
    const [message] = (await Promise.race([once(child, 'message'), ended])) as [{ value?: unknown; error?: string }];
    if (message.error !== undefined) throw new Error(`${name}: ${message.error}`);
    return message.value;
  };
  const ended = once(child, 'exit').then(([code]) => {
    throw new Error(`${name} ended with ${code}`);
  });
  ended.catch(() => undefined);
  child.send({ value: setUp });
  await answer();
  return {
    async round<R>(task?: unknown) {
      child.send({ value: task });
      return (await answer()) as R;
    },
    async stop() {
      child.disconnect();
      await ended.catch(() => undefined);
    },
  };
}

/**
 * The other end, for the side's process: `prepare` is given the set-up and returns what does a round. The process ends
 * when its parent lets go of it, after `close`.
 */
export function serveSide<S, T, R>(
  prepare: (setUp: S) => Promise<{ round: (task: T) => Promise<R>; close?: () => Promise<void> | void }>,
): void {
  let side: ReturnType<typeof prepare> | undefined;
  process.on('message', (message: { value: unknown }) => {
    const first = side === undefined;
    side ??= prepare(message.value as S);
    const work = first ? side.then(() => undefined) : side.then((one) => one.round(message.value as T));
    work.then(
      (value) => process.send!({ value }),
      (error: unknown) =>
        process.send!({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
    );
  });
  process.on('disconnect', async () => {
    await (await side)?.close?.();
    process.exit(0);
  });
}
