/** A share with the bounds it lies between with 95 % confidence; each 0..1. */
export interface Share {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

/** 97.5 % of a normal distribution lies below this many deviations. */
const z = 1.959964;

/**
 * The share of `right` among `count`, with its 95 % interval: Wilson, JASA 22 (1927). Of nothing nothing is known: 0,
 * between 0 and 1.
 */
export function share(right: number, count: number): Share {
  if (count === 0) return { value: 0, low: 0, high: 1 };
  const value = right / count;
  const centre = (right + (z * z) / 2) / (count + z * z);
  const half = (z / (count + z * z)) * Math.sqrt((right * (count - right)) / count + (z * z) / 4);
  return { value, low: Math.max(0, centre - half), high: Math.min(1, centre + half) };
}

/**
 * Of n pictures with one label each, the share whose most probable label (the first of equals) is the true one.
 * `probabilities` and `targets`: [n, C].
 */
export function accuracy(probabilities: ArrayLike<number>, targets: ArrayLike<number>, classes: number): Share {
  const count = probabilities.length / classes;
  let right = 0;
  for (let row = 0; row < count; row++) {
    let best = 0;
    for (let label = 1; label < classes; label++)
      if (probabilities[row * classes + label]! > probabilities[row * classes + best]!) best = label;
    if (targets[row * classes + best] === 1) right++;
  }
  return share(right, count);
}
