import { setImmediate } from 'node:timers/promises';
import { AppError, expected } from '../../base/errors.ts';
import type { Run } from '../../base/run.ts';
import type { Calibrated, Scored } from './calibrate.ts';
import type { Classifier, ClassifierFit, ClassifierSet } from './classifier.ts';
import type { Solution, SolveTask } from './solve.ts';
import { partScaling, type Standardised, type StandardiseTask } from './standardise.ts';

/**
 * Who does the work: in this thread or in others, several tasks at once. Arrays on shared memory are used where they
 * lie.
 */
export interface FitWorkers {
  standardise(task: StandardiseTask, run?: Run): Promise<Standardised>;
  solve(task: SolveTask, run?: Run): Promise<Solution>;
  calibrate(scored: Scored, run?: Run): Promise<Calibrated>;
}

/** Penalties tried, strongest first: each start from the solution of the one before. */
const penalties = [1, 0.3, 0.1, 0.03, 0.01, 0.003, 0.001, 0.0003];
/** Weaker penalties are tried as long as they lower the held-out log loss by more than this part of it. */
const worthwhile = 0.002;

/**
 * Learns a linear classifier: for every penalty one model per fold, without that fold's pictures, and one of all. The
 * penalty, and with it the temperature, is the one whose held-out log loss, pooled over the folds, is least. What
 * standardises features is taken from the pictures a model learns from. A fold without pictures is passed over; a label
 * that no picture learned from has gets low odds from the bias alone. The result is a function of the set: rows are
 * sorted by fold and `order` first, and every sum has a fixed order.
 * @throws AppError `BadClassifierSet` when the arrays do not fit each other or are empty, `BadFeatures` when a feature
 * is not finite.
 */
export async function fitClassifier(set: ClassifierSet, workers: FitWorkers, run: Run = {}): Promise<ClassifierFit> {
  const length = check(set);
  const sorted = await sortRows(set, length);
  const { classes, kind } = set;
  const quiet: Run = {
    ...(run.signal && { signal: run.signal }),
    ...(run.urgent !== undefined && { urgent: run.urgent }),
  };
  const base = await workers.standardise({ ...sorted, length }, quiet);
  const rowsPerFold = sorted.starts.slice(1).map((end, fold) => end - sorted.starts[fold]!);
  const solvable = (fold: number): boolean => rowsPerFold[fold]! > 0 && rowsPerFold[fold]! < sorted.rows.length;
  const parts = [...[...rowsPerFold.keys()].filter(solvable), undefined].map((fold) => ({
    heldOut: fold === undefined ? ([0, 0] as const) : ([sorted.starts[fold]!, sorted.starts[fold + 1]!] as const),
    ...partScaling(base, rowsPerFold, fold),
  }));

  let solutions: (Solution | undefined)[] = parts.map(() => undefined);
  let best: (Calibrated & { penalty: number; solutions: readonly Solution[] }) | undefined;
  for (const [tried, penalty] of penalties.entries()) {
    const { features, targets } = sorted;
    const tasks = parts.map(
      (part, i): SolveTask => ({
        kind,
        classes,
        features,
        length,
        targets,
        penalty,
        start: solutions[i]?.parameters,
        ...part,
      }),
    );
    const found = await Promise.all(tasks.map((task) => workers.solve(task, quiet)));
    solutions = found;
    const logits = pool(parts, found, sorted.rows.length, classes);
    const calibrated = await workers.calibrate({ kind, classes, logits, targets: sorted.labels }, quiet);
    const better = best === undefined || calibrated.loss < best.loss * (1 - worthwhile);
    if (better) best = { penalty, ...calibrated, solutions: found };
    run.onProgress?.((tried + 1) / penalties.length);
    const { loss, score } = calibrated;
    run.onNews?.({ phase: 'head', step: tried + 1, steps: penalties.length, loss, score });
    if (!better) break;
  }
  run.onProgress?.(1);
  const { penalty, temperature, probabilities } = best!;
  const heldOut = new Float32Array(probabilities.length);
  for (const [at, row] of sorted.rows.entries())
    heldOut.set(probabilities.subarray(at * classes, (at + 1) * classes), row * classes);
  const learned = parts.map((part, i) =>
    assemble(set, length, base, part, best!.solutions[i]!.parameters, temperature),
  );
  const without: (Classifier | undefined)[] = rowsPerFold.map(() => undefined);
  for (const [i, fold] of [...rowsPerFold.keys()].filter(solvable).entries()) without[fold] = learned[i];
  return { classifier: learned.at(-1)!, heldOut, penalty, without };
}

/** The pictures in the one order that everything is computed in. */
interface SortedSet extends Pick<SolveTask, 'features' | 'targets'> {
  /** Their positions in the caller's arrays. */
  readonly rows: readonly number[];
  readonly starts: readonly number[];
  /** Targets once per picture, uint8 [n, C]. */
  readonly labels: Uint8Array;
}

/** Number of features per picture. */
function check({ kind, classes, features, targets, folds, order }: ClassifierSet): number {
  const count = order.length;
  const length = features.length / count;
  const bad = (what: string, name: string, received: unknown): AppError =>
    new AppError('BadClassifierSet', expected(what, name, received));
  if (count === 0 || classes < 2) throw bad('pictures of at least two labels', 'the set', `${count} of ${classes}`);
  if (!Number.isInteger(length) || length === 0) throw bad(`${count} rows`, 'the features', features.length);
  if (targets.length !== count * classes) throw bad(`${count} x ${classes} numbers`, 'the targets', targets.length);
  if (folds.length !== count) throw bad(`${count} numbers`, 'the folds', folds.length);
  if (new Set(order).size !== count) throw bad('a different key for every picture', 'the order', 'the same key twice');
  if (kind === 'multiclass')
    for (let row = 0; row < count; row++) {
      const labels = targets.subarray(row * classes, (row + 1) * classes).reduce((sum, target) => sum + target, 0);
      if (labels !== 1) throw bad('exactly one label', 'a picture of a multiclass set', labels);
    }
  return length;
}

async function sortRows(
  { classes, features, targets, folds, order }: ClassifierSet,
  length: number,
): Promise<SortedSet> {
  const rows = [...order.keys()].sort((a, b) => folds[a]! - folds[b]! || (order[a]! < order[b]! ? -1 : 1));
  const shared = (numbers: number): Float32Array => new Float32Array(new SharedArrayBuffer(numbers * 4));
  const sorted = {
    rows,
    features: shared(features.length),
    targets: shared(targets.length),
    labels: new Uint8Array(targets.length),
  };
  for (const [at, row] of rows.entries()) {
    sorted.features.set(features.subarray(row * length, (row + 1) * length), at * length);
    const labels = targets.subarray(row * classes, (row + 1) * classes);
    sorted.labels.set(labels, at * classes);
    sorted.targets.set(labels, at * classes);
    if (at % 256 === 255) await setImmediate();
  }
  const last = folds.reduce((most, fold) => Math.max(most, fold), 0);
  const starts = Array.from({ length: last + 2 }, (_, fold) => rows.filter((row) => folds[row]! < fold).length);
  return { ...sorted, starts };
}

/**
 * The folds' held-out scores as one array. Where nothing could be held out, the model of all stands at even odds:
 * scores 0.
 */
function pool(
  parts: readonly { heldOut: readonly [number, number] }[],
  found: readonly Solution[],
  count: number,
  classes: number,
): Float32Array {
  const logits = new Float32Array(count * classes);
  for (const [i, { heldOut }] of parts.entries()) logits.set(found[i]!.logits, heldOut[0] * classes);
  return logits;
}

function assemble(
  { kind, classes }: ClassifierSet,
  length: number,
  base: Standardised,
  part: { mean: Float64Array; scale: Float64Array },
  parameters: Float64Array,
  temperature: number,
): Classifier {
  const weights = new Float32Array(classes * length);
  for (let i = 0; i < length; i++)
    for (let label = 0; label < classes; label++) weights[label * length + i] = parameters[i * classes + label]!;
  return {
    kind,
    classes,
    mean: Float32Array.from(base.mean, (mean, i) => mean + base.scale[i]! * part.mean[i]!),
    scale: Float32Array.from(base.scale, (scale, i) => scale * part.scale[i]!),
    weights,
    bias: Float32Array.from(parameters.subarray(length * classes)),
    temperature,
  };
}
