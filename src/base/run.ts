/** How a long computation is to be run. */
export interface Run {
  /** Aborting rejects with the signal's reason, at the latest after the step in hand (well under a second). */
  readonly signal?: AbortSignal;
  /** Somebody is waiting for the answer: goes before background work. */
  readonly urgent?: boolean;
  /** Called now and then with the part that is done, 0..1. */
  readonly onProgress?: (fraction: number) => void;
}
