/** How long something takes yet, in seconds: most likely, and between what with 95 % confidence. */
export interface TimeLeft {
  readonly likely: number;
  readonly low: number;
  readonly high: number;
}

/** How far something was when. */
export interface Point {
  /** In ms. */
  readonly at: number;
  /** 0..1 */
  readonly fraction: number;
}

/** Fewer steps say too little about how much they differ. */
const leastSteps = 5;
/** 97.5 % of a normal distribution lies below this many deviations. */
const z = 1.959964;

/**
 * What the pace of the last steps says of those to come; `undefined` while they are too few. `points`: after each step,
 * in order. A step that covers d of the whole is taken to last r d ± √(v d): r and v are estimated by weighted least
 * squares, and what is left, R, then lasts r R with the variance v R + v R² / (sum of all d): that of the steps to come, and that of
 * the estimate (the prediction interval of regression through the origin; Draper & Smith, Applied Regression Analysis,
 * 3rd ed. 1998, section 3.4). `now`: in ms, as the points.
 */
export function timeLeft(points: readonly Point[], now: number): TimeLeft | undefined {
  const steps = points.length - 1;
  const [first, last] = [points[0], points.at(-1)];
  if (first === undefined || last === undefined || steps < leastSteps) return undefined;
  const covered = last.fraction - first.fraction;
  const rate = (last.at - first.at) / covered;
  let squares = 0;
  for (let i = 1; i < points.length; i++) {
    const part = points[i]!.fraction - points[i - 1]!.fraction;
    squares += (points[i]!.at - points[i - 1]!.at - rate * part) ** 2 / part;
  }
  const rest = 1 - last.fraction;
  const deviation = Math.sqrt((squares / (steps - 1)) * rest * (1 + rest / covered));
  const since = now - last.at;
  const seconds = (ms: number): number => Math.max(0, ms - since) / 1000;
  return {
    likely: seconds(rate * rest),
    low: seconds(rate * rest - z * deviation),
    high: seconds(rate * rest + z * deviation),
  };
}
