import { setTimeout } from 'node:timers/promises';

/** Knows how much of something is under way, so that other work can stay out of its way. */
export interface Gauge {
  /** Runs `work`, counted while it runs. */
  during<T>(work: () => Promise<T>): Promise<T>;
  /**
   * Resolves once nothing was under way for `pause` ms, at the latest after `patience` ms.
   * @throws the signal's reason.
   */
  quiet(pause: number, patience: number, signal: AbortSignal): Promise<void>;
}

/** How often a waiting piece of work looks, ms. */
const lookEvery = 50;

/** A gauge at zero. */
export function gauge(): Gauge {
  let underWay = 0;
  let lastEnd = Number.NEGATIVE_INFINITY;
  return {
    async during(work) {
      underWay++;
      try {
        return await work();
      } finally {
        underWay--;
        lastEnd = performance.now();
      }
    },
    async quiet(pause, patience, signal) {
      const begun = performance.now();
      while (performance.now() - begun < patience) {
        signal.throwIfAborted();
        if (underWay === 0 && performance.now() - lastEnd >= pause) return;
        await setTimeout(lookEvery, undefined, { signal });
      }
    },
  };
}
