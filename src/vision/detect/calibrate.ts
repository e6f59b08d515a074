import { type Tensor, tensor } from '../graph/tensor.ts';
import { type JudgedPicture, matchesOf } from '../metrics/detection.ts';
import { strides } from './cells.ts';

/** What becomes of the logits x of a label's scores: gain x + shift, so that their sigmoid is a probability. */
export interface Line {
  readonly gain: number;
  readonly shift: number;
}

/** What overlaps a marked thing by so much has found it. */
const overlap = 0.5;
/** Scores below this say little of those that people look at. */
const leastScore = 0.05;
/** A label of which fewer are right, or fewer wrong, goes by what holds for all labels together. */
const fewest = 10;
/** Scores keep their order. */
const leastGain = 0.05;

interface Seen {
  /** The logit of a score. */
  readonly x: number;
  /** 1: it found what it said, else 0. */
  readonly right: number;
}

/**
 * How scores become probabilities, label by label, from what was found in pictures that are held out: the logistic
 * regression of whether it was right on the logit of its score (Platt, Probabilistic outputs for support vector machines,
 * 1999), drawn to leaving scores as they are. It turns no order around: average precision stays what it is.
 */
export function calibration(judged: readonly JudgedPicture[], classes: number): Line[] {
  const labels = Array.from({ length: classes }, (_, label) =>
    judged.flatMap((picture): Seen[] => {
      const { scores, right } = matchesOf(picture, label, overlap);
      return scores.flatMap((score, at) => (score < leastScore ? [] : [{ x: logit(score), right: right[at]! }]));
    }),
  );
  const together = lineOf(labels.flat());
  return labels.map((seen) => {
    const right = seen.reduce((sum, one) => sum + one.right, 0);
    return Math.min(right, seen.length - right) < fewest ? together : lineOf(seen);
  });
}

/** Scores of 0 and 1, which have no logit, count as the nearest single-precision sigmoids that do. */
const logit = (score: number): number => {
  const inside = Math.min(1 - 2 ** -24, Math.max(2 ** -24, score));
  return Math.log(inside / (1 - inside));
};

/**
 * The least of J(a, b) = Σ log(1 + e^z) - t z + ((a - 1)² + b²) / 2 with z = a x + b: of a convex function, by Newton's
 * method with halved steps (Lin, Lin & Weng, A note on Platt's probabilistic outputs, Machine Learning 68, 2007,
 * section 3). A gain below the least is set to it, and the shift found anew.
 */
function lineOf(seen: readonly Seen[]): Line {
  const free = newton(seen, { gain: 1, shift: 0 }, 1);
  return free.gain >= leastGain ? free : newton(seen, { gain: leastGain, shift: 0 }, 0);
}

/** `moves`: 1 where the gain is sought too, 0 where it stays. */
function newton(seen: readonly Seen[], start: Line, moves: 0 | 1): Line {
  const cost = ({ gain, shift }: Line): number =>
    seen.reduce(
      (sum, { x, right }) => {
        const z = gain * x + shift;
        return sum + Math.max(z, 0) + Math.log1p(Math.exp(-Math.abs(z))) - right * z;
      },
      ((gain - 1) ** 2 + shift ** 2) / 2,
    );
  let at = start;
  for (let round = 0; round < 100; round++) {
    // Gradient [g, h] and Hessian [[p, q], [q, r]], the penalty's first.
    let [g, h, p, q, r] = [at.gain - 1, at.shift, 1, 0, 1];
    for (const { x, right } of seen) {
      const probability = 1 / (1 + Math.exp(-(at.gain * x + at.shift)));
      const [wrong, bend] = [probability - right, probability * (1 - probability)];
      g += wrong * x;
      h += wrong;
      p += bend * x * x;
      q += bend * x;
      r += bend;
    }
    if (moves === 0) [g, p, q] = [0, 1, 0];
    const determinant = p * r - q * q;
    const [gain, shift] = [(r * g - q * h) / determinant, (p * h - q * g) / determinant];
    const before = cost(at);
    let next = at;
    for (let part = 1; part > 1e-6; part /= 2) {
      next = { gain: at.gain - part * gain, shift: at.shift - part * shift };
      if (cost(next) < before) break;
      next = at;
    }
    if (next === at) return at;
    at = next;
  }
  return at;
}

/**
 * The head's weights with the lines inside: of the last layer for labels, W becomes gain W and the bias gain b + shift.
 */
export function calibrated(
  weights: Readonly<Record<string, Tensor>>,
  lines: readonly Line[],
): Readonly<Record<string, Tensor>> {
  const changed: Record<string, Tensor> = {};
  strides.forEach((_, level) => {
    const [matrix, bias] = [weights[`labels${level}.weights`]!, weights[`labels${level}.bias`]!];
    const inputs = matrix.data.length / lines.length;
    changed[`labels${level}.weights`] = tensor(
      'float32',
      matrix.shape,
      (matrix.data as Float32Array).map((value, at) => lines[Math.floor(at / inputs)]!.gain * value),
    );
    changed[`labels${level}.bias`] = tensor(
      'float32',
      bias.shape,
      (bias.data as Float32Array).map((value, label) => lines[label]!.gain * value + lines[label]!.shift),
    );
  });
  return { ...weights, ...changed };
}
