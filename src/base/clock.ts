/** A moment: whole microseconds since 1970-01-01 UTC. Fits a double exactly until the year 2255. */
export type Micros = number;

/** Microseconds in one second. */
export const second = 1_000_000;
/** Microseconds in one day. */
export const day = 86_400 * second;

/** Where time comes from. Passed in, so that tests can turn it by hand. */
export interface Clock {
  /**
   * The present moment. Strictly increases from call to call within a process, by at least one microsecond,
   * so that records made one after the other sort by it; never falls back when the system clock is set back.
   */
  now(): Micros;
}

/**
 * The machine's own clock. Set back, it goes on at its pace from where it was, so that what is due still comes; until
 * the process ends.
 */
export function systemClock(
  wall: () => number = () => Date.now(),
  elapsed: () => number = () => performance.now(),
): Clock {
  let last = 0;
  let lastElapsed = elapsed();
  return {
    now() {
      const ticks = elapsed();
      last = Math.max(last + 1, last + Math.floor((ticks - lastElapsed) * 1000), Math.round(wall() * 1000));
      lastElapsed = ticks;
      return last;
    },
  };
}
