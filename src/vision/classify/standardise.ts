import { setImmediate } from 'node:timers/promises';
import { AppError, expected } from '../../base/errors.ts';
import type { Run } from '../../base/run.ts';

/** What is to be brought to mean 0 and deviation 1, in place. */
export interface StandardiseTask {
  /** float32 [n, d], the pictures sorted by fold */
  readonly features: Float32Array;
  readonly length: number;
  /** Pictures of fold f: starts[f] up to starts[f + 1]. */
  readonly starts: readonly number[];
}

/** Features as every fold sees them. All float64. */
export interface Standardised {
  /** What was subtracted and divided by, over all pictures: [d], scale > 0. */
  readonly mean: Float64Array;
  readonly scale: Float64Array;
  /** Sums and sums of squares of the standardised features per fold: [folds, d]. */
  readonly sums: Float64Array;
  readonly squares: Float64Array;
}

/** Below this a feature counts as constant: float32 has no more digits. */
const constantBelow = 1e-6;
const rowsPerTurn = 4096;

/**
 * Standardises features in place, in one fixed order of additions, and sums them up by fold, so that each part that
 * is learned from can be standardised by its own pictures alone: see {@link partScaling}. Constant features are only
 * centred.
 * @throws AppError `BadFeatures` when a feature is not a finite number; the features are then partly changed.
 */
export async function standardise(task: StandardiseTask, run: Run = {}): Promise<Standardised> {
  const { features, length } = task;
  const rows = features.length / length;
  const mean = new Float64Array(length);
  const scale = new Float64Array(length);
  await eachRow(rows, run, (row) => {
    for (let i = 0, at = row * length; i < length; i++, at++) mean[i]! += features[at]!;
  });
  for (let i = 0; i < length; i++) mean[i]! /= rows;
  if (!mean.every(Number.isFinite))
    throw new AppError('BadFeatures', expected('finite numbers', 'the features', Number.NaN));
  await eachRow(rows, run, (row) => {
    for (let i = 0, at = row * length; i < length; i++, at++) scale[i]! += (features[at]! - mean[i]!) ** 2;
  });
  for (let i = 0; i < length; i++) {
    const deviation = Math.sqrt(scale[i]! / rows);
    scale[i] = deviation > constantBelow * Math.max(1, Math.abs(mean[i]!)) ? deviation : 1;
  }
  const folds = task.starts.length - 1;
  const sums = new Float64Array(folds * length);
  const squares = new Float64Array(folds * length);
  let fold = 0;
  await eachRow(rows, run, (row) => {
    while (row >= task.starts[fold + 1]!) fold++;
    for (let i = 0, at = row * length, to = fold * length; i < length; i++, at++, to++) {
      const value = Math.fround((features[at]! - mean[i]!) / scale[i]!);
      features[at] = value;
      sums[to]! += value;
      squares[to]! += value * value;
    }
  });
  return { mean, scale, sums, squares };
}

/**
 * Mean and deviation, float64 [d] each, of the standardised features of all folds but one (`undefined`: of all). A
 * constant feature has deviation 1.
 */
export function partScaling(
  { sums, squares }: Pick<Standardised, 'sums' | 'squares'>,
  rowsPerFold: readonly number[],
  without: number | undefined,
): { mean: Float64Array; scale: Float64Array } {
  const length = sums.length / rowsPerFold.length;
  const kept = [...rowsPerFold.keys()].filter((fold) => fold !== without);
  const rows = kept.reduce((total, fold) => total + rowsPerFold[fold]!, 0);
  const over = (values: Float64Array, i: number): number =>
    kept.reduce((total, fold) => total + values[fold * length + i]!, 0) / rows;
  const mean = Float64Array.from({ length }, (_, i) => over(sums, i));
  const scale = mean.map((value, i) => {
    const deviation = Math.sqrt(Math.max(0, over(squares, i) - value * value));
    return deviation > constantBelow ? deviation : 1;
  });
  return { mean, scale };
}

async function eachRow(rows: number, { signal }: Run, step: (row: number) => void): Promise<void> {
  for (let row = 0; row < rows; row++) {
    step(row);
    if (row % rowsPerTurn !== rowsPerTurn - 1) continue;
    await setImmediate();
    signal?.throwIfAborted();
  }
}
