import { setImmediate } from 'node:timers/promises';
import type { Run } from '../../base/run.ts';
import { accuracy } from '../metrics/accuracy.ts';
import { averagePrecisions } from '../metrics/average-precision.ts';
import type { ClassifierKind } from './classifier.ts';

/** Scores of n pictures for C labels and what is true of them. */
export interface Scored {
  readonly kind: ClassifierKind;
  readonly classes: number;
  /** float32 [n, C] */
  readonly logits: Float32Array;
  /** 1 where the picture has the label: [n, C] */
  readonly targets: ArrayLike<number>;
}

/** The temperature is kept within these: data that is told apart perfectly would drive it to 0, noise to infinity. */
const coldest = 0.25;
const hottest = 4;

/** Probabilities float32 [n, C] of scores at a temperature: softmax per picture, or a sigmoid per label. */
export function probabilities({ kind, classes, logits }: Omit<Scored, 'targets'>, temperature: number): Float32Array {
  if (kind === 'multilabel') return logits.map((z) => 1 / (1 + Math.exp(-z / temperature)));
  const out = new Float32Array(logits.length);
  for (let row = 0; row < logits.length; row += classes) {
    const top = highest(logits, row, classes);
    let total = 0;
    for (let i = row; i < row + classes; i++) total += Math.exp((logits[i]! - top) / temperature);
    for (let i = row; i < row + classes; i++) out[i] = Math.exp((logits[i]! - top) / temperature) / total;
  }
  return out;
}

/**
 * Mean log loss in nats: per picture when multiclass, per picture and label when multilabel. Never infinite: it is
 * computed from scores.
 */
export function logLoss({ kind, classes, logits, targets }: Scored, temperature: number): number {
  let loss = 0;
  if (kind === 'multilabel') {
    for (let i = 0; i < logits.length; i++) {
      const z = logits[i]! / temperature;
      loss += Math.max(z, 0) + Math.log1p(Math.exp(-Math.abs(z))) - z * targets[i]!;
    }
    return loss / logits.length;
  }
  for (let row = 0; row < logits.length; row += classes) {
    const top = highest(logits, row, classes);
    let total = 0;
    let own = 0;
    for (let i = row; i < row + classes; i++) {
      total += Math.exp((logits[i]! - top) / temperature);
      own += targets[i]! * (logits[i]! - top);
    }
    loss += Math.log(total) - own / temperature;
  }
  return (loss * classes) / logits.length;
}

/** The mean log loss of probabilities, as {@link logLoss}; one of 0 for what is true counts as a millionth. */
export function probabilityLoss({ kind, classes, targets }: Omit<Scored, 'logits'>, found: ArrayLike<number>): number {
  const said = (p: number): number => -Math.log(Math.max(p, 1e-6));
  let loss = 0;
  for (let i = 0; i < found.length; i++) {
    if (targets[i] === 1) loss += said(found[i]!);
    else if (kind === 'multilabel') loss += said(1 - found[i]!);
  }
  return kind === 'multilabel' ? loss / found.length : (loss * classes) / found.length;
}

/** Scores made into probabilities. */
export interface Calibrated {
  readonly temperature: number;
  /** The log loss at that temperature. */
  readonly loss: number;
  /** How well the pictures are told apart, 0..1: the accuracy when multiclass, else the mean average precision. */
  readonly score: number;
  /** float32 [n, C] */
  readonly probabilities: Float32Array;
}

/**
 * The temperature, 0.25..4, that makes the log loss least, to 0.1 %, or 1 if none is better. Source: Guo et al., On
 * Calibration of Modern Neural Networks, 2017, section 4.2; golden section search over its logarithm (the loss is
 * convex in the reciprocal, so has one valley).
 */
export async function calibrate(scored: Scored, { signal }: Run = {}): Promise<Calibrated> {
  const ratio = (Math.sqrt(5) - 1) / 2;
  const at = async (x: number) => {
    await setImmediate();
    signal?.throwIfAborted();
    return { x, loss: logLoss(scored, Math.exp(x)) };
  };
  let low = Math.log(coldest);
  let high = Math.log(hottest);
  let left = await at(high - ratio * (high - low));
  let right = await at(low + ratio * (high - low));
  while (high - low > 1e-3) {
    if (left.loss <= right.loss) {
      high = right.x;
      right = left;
      left = await at(high - ratio * (high - low));
    } else {
      low = left.x;
      left = right;
      right = await at(low + ratio * (high - low));
    }
  }
  const asItIs = await at(0);
  const best = left.loss <= right.loss ? left : right;
  const { x, loss } = best.loss < asItIs.loss ? best : asItIs;
  const temperature = Math.exp(x);
  const found = probabilities(scored, temperature);
  return { temperature, loss, probabilities: found, score: score(scored, found) };
}

function score({ kind, classes, targets }: Scored, probabilities: Float32Array): number {
  if (kind === 'multiclass') return accuracy(probabilities, targets, classes).value;
  return averagePrecisions(probabilities, targets, classes).reduce((sum, area) => sum + area, 0) / classes;
}

function highest(values: Float32Array, from: number, length: number): number {
  let top = values[from]!;
  for (let i = from + 1; i < from + length; i++) top = Math.max(top, values[i]!);
  return top;
}
