import type { Runtime } from '../runtime/runtime.ts';
import type { DetectorBody } from './network.ts';

/** How long a detector learns, and how. */
export interface DetectorPlan {
  /** Pixels. */
  readonly size: number;
  /** Steps with the backbone as it is, then with all but its first layers. */
  readonly steps: { readonly head: number; readonly whole: number };
  /** After so many seconds it ends with what it has. Without it no step looks at a clock. */
  readonly seconds?: number;
}

/** Pixels a detector looks at: what Azure's exported detectors take, so that programs made for them fit. */
const size = 320;
/** How often the whole network sees each picture, and how many pictures it sees in a step. */
const [rounds, batch] = [27, 8];
/** Steps of the whole network: fewer teach little, more take longer than a few minutes on two cores. */
const [fewest, most] = [100, 480];

/** The plan of a regular training from so many pictures, a fifth of which will be held out: a few minutes on two cores. */
export const regularPlan = (pictures: number): DetectorPlan => ({
  size,
  steps: { head: 120, whole: Math.min(most, Math.max(fewest, Math.round((0.8 * pictures * rounds) / batch))) },
});

/** A step of the whole network at that size, in seconds, as it is assumed: so that a plan is the same everywhere. */
const nominalStep = 0.77;
/** The part of a budget that steps are planned for, and that after which a slow or busy machine ends with what it has. */
const [planned, atMost] = [0.8, 0.95];
/** What advanced training takes of it, if it may. */
const advanced = { head: 200, rounds: 40, fewest: 800 };
/** After the steps of the whole network come so many more on all pictures, in parts of them. */
export const lastPart = 0.15;

/** The plan of an advanced training within a budget of time: more rounds, as far as the budget reaches. */
export function advancedPlan(pictures: number, hours: number): DetectorPlan {
  const wanted = Math.max(advanced.fewest, Math.round((0.8 * pictures * advanced.rounds) / batch));
  const affordable = (planned * hours * 3600) / nominalStep - advanced.head;
  return {
    size,
    steps: { head: advanced.head, whole: Math.min(wanted, Math.floor(affordable / (1 + lastPart))) },
    seconds: atMost * hours * 3600,
  };
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
