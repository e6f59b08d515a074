import type { News } from '../run.ts';

/** What a pool and a thread say to each other. `id` names a task; only one of the two numbers them: the pool. */

/** From the pool to a thread. */
export type Order =
  | { readonly do: 'run'; readonly id: number; readonly name: string; readonly input: unknown }
  | { readonly do: 'abort'; readonly id: number }
  /** Give up what runs, and end. */
  | { readonly do: 'end' };

/** From a thread to the pool. */
export type Report =
  | { readonly id: number; readonly is: 'done'; readonly output: unknown }
  | { readonly id: number; readonly is: 'failed'; readonly code: string | undefined; readonly error: Error }
  | { readonly id: number; readonly is: 'progress'; readonly fraction: number }
  | { readonly id: number; readonly is: 'news'; readonly news: News };
