/**
 * What learning is at: it computes what the pictures look like to the backbone; learns a head on the backbone as it is;
 * learns head and backbone together; has held what it learned against pictures it had not seen.
 */
export const phases = ['features', 'head', 'whole', 'judged'] as const;
/** One of {@link phases}. */
export type Phase = (typeof phases)[number];

/** What is told while something is learned. */
export interface News {
  readonly phase: Phase;
  /** The step of this phase just done, from 1, and how many there are at most. */
  readonly step?: number;
  readonly steps?: number;
  /** What is being minimised, as it is now. */
  readonly loss?: number;
  /** How well it does on held-out pictures so far, 0..1. */
  readonly score?: number;
  /** What else there is to say, in words of our own: nothing a user typed. */
  readonly note?: string;
}

/** How a long computation is to be run. */
export interface Run {
  /** Aborting rejects with the signal's reason, at the latest after the step in hand (well under a second). */
  readonly signal?: AbortSignal;
  /** Somebody is waiting for the answer: goes before background work. */
  readonly urgent?: boolean;
  /** Called now and then with the part that is done, 0..1. */
  readonly onProgress?: (fraction: number) => void;
  /** Called after each step of learning. */
  readonly onNews?: (news: News) => void;
}
