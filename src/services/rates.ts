import { type Clock, type Micros, second } from '../base/clock.ts';

/** Counts calls where only so many a second are allowed. */
export interface Rates {
  /**
   * Counts one call of an account, of which `perSecond` are allowed, and returns 0; or counts nothing and returns for how
   * long there is no room for another.
   */
  take(accountId: string, kind: string, perSecond: number): Micros;
}

/** Beyond so many counts those that tell nothing any more are dropped. */
const countsKept = 1000;

/**
 * Token buckets that hold one second's calls and fill evenly, in the form that needs one number each: the generic cell rate
 * algorithm (ITU-T I.371, annex A). Exact, in the memory of this process only.
 */
export function createRates(clock: Clock): Rates {
  /** When each bucket is full again. */
  const full = new Map<string, Micros>();
  return {
    take(accountId, kind, perSecond) {
      const now = clock.now();
      if (full.size > countsKept) for (const [name, at] of full) if (at <= now) full.delete(name);
      const name = `${accountId} ${kind}`;
      const next = Math.max(full.get(name) ?? now, now) + second / perSecond;
      if (next - now > second) return next - now - second;
      full.set(name, next);
      return 0;
    },
  };
}
