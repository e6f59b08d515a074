import { AppError } from '../errors.ts';
import type { News } from '../run.ts';

/** What those who want tasks done and the threads or processes that do them say to each other; `id` names a task. */

/** To a thread. */
export type Order =
  | Task
  | { readonly do: 'abort'; readonly id: number }
  /** Give up what runs, and end. */
  | { readonly do: 'end' };

/** To a process that does one task. */
export type ToTask =
  | Task
  | { readonly do: 'answer'; readonly question: number; readonly bytes: Uint8Array }
  | ({ readonly do: 'answer'; readonly question: number } & Failed);

interface Task {
  readonly do: 'run';
  readonly id: number;
  readonly name: string;
  readonly input: unknown;
}

/** From a thread or process. */
export type Report =
  | { readonly id: number; readonly is: 'done'; readonly output: unknown }
  | ({ readonly id: number; readonly is: 'failed' } & Failed)
  | { readonly id: number; readonly is: 'progress'; readonly fraction: number }
  | { readonly id: number; readonly is: 'news'; readonly news: News }
  /** A process wants the bytes of this name, in an `answer`. */
  | { readonly id: number; readonly is: 'asking'; readonly question: number; readonly name: string };

/** An error as it travels: what becomes of its class is told by its code. */
export interface Failed {
  readonly code: string | undefined;
  readonly error: Error;
}

/** What was thrown, to be sent. */
export function failed(thrown: unknown): Failed {
  const error = thrown instanceof Error ? thrown : new Error(String(thrown));
  return { code: error instanceof AppError ? error.code : undefined, error };
}

/** What is to be thrown where it arrives. */
export const thrownFrom = ({ code, error }: Failed): Error =>
  code === undefined ? error : new AppError(code, error.message, error.cause);
