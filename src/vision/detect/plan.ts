import type { Runtime } from '../runtime/runtime.ts';
import type { DetectorBody } from './network.ts';

/** How long a detector learns, and how. */
export interface DetectorPlan {
  /** Pixels. */
  readonly size: number;
  /** Steps with the backbone as it is, then with all but its first layers. */
  readonly steps: { readonly head: number; readonly whole: number };
}

/** What learning a detector needs besides pictures. */
export interface DetectorTools {
  readonly runtime: Runtime;
  /** Threads one step may use. */
  readonly threads: number;
  /** The backbone for pictures of `size` pixels, `count` at a time. */
  body(count: number, size: number): Promise<DetectorBody>;
}

/** At first a label's score only says that something is there; after a fifth of the steps how well its box fits. */
export const qualityAt = (step: number, steps: number): number => Math.min(1, step / (0.2 * steps));
