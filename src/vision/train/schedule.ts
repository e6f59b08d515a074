/** How the learning rate goes from the first to the last step. */
export interface Schedule {
  readonly steps: number;
  readonly rate: number;
  /** So many steps it rises, in a straight line. */
  readonly warmUp: number;
  /** Then it stays until this part of all steps, 0..1. */
  readonly flat: number;
  /** And falls along a cosine to this part of it (Loshchilov and Hutter, SGDR, ICLR 2017, eq. 5). */
  readonly last: number;
}

/** The learning rate of step 0, 1, 2 … */
export function rateAt({ steps, rate, warmUp, flat, last }: Schedule, step: number): number {
  if (step < warmUp) return (rate * (step + 1)) / warmUp;
  const begin = Math.max(warmUp, flat * steps);
  if (step <= begin) return rate;
  const part = Math.min(1, (step - begin) / Math.max(1, steps - 1 - begin));
  return rate * (last + (1 - last) * 0.5 * (1 + Math.cos(Math.PI * part)));
}

/**
 * The weight of what was there in a moving average over a tenth of `steps`, at step 0, 1, 2 …: less at first, so that
 * where it began is soon forgotten.
 */
export const keepAt = (steps: number, step: number): number =>
  Math.min(Math.max(0, 1 - 10 / steps), (1 + step) / (10 + step));
