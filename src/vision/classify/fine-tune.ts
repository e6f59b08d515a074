import { mapConcurrently } from '../../base/concurrency.ts';
import { AppError } from '../../base/errors.ts';
import type { Run } from '../../base/run.ts';
import { type Calibrated, probabilityLoss, type Scored } from './calibrate.ts';
import type { Classifier, ClassifierFit, ClassifierSet } from './classifier.ts';
import type { FineTunePlan } from './fine-tune-plan.ts';
import type { Labelled, Setting, WholeSolution, WholeTask } from './learn-whole.ts';

/** The pictures a classifier was fitted to; `order` has the keys by which they are read. */
export type FineTuneSet = Omit<ClassifierSet, 'features'>;

/** Who does the work: several networks at once, each in a thread. */
export interface FineTuneWorkers {
  /** Networks learned at the same time, at most. */
  readonly atOnce: number;
  learnWhole(task: WholeTask, run?: Run): Promise<WholeSolution>;
  calibrate(scored: Scored, run?: Run): Promise<Calibrated>;
}

/** When time is up. Without them no step looks at a clock. */
export interface TimeLimits {
  /** Settings that have not learned by then are passed over. */
  readonly trials?: AbortSignal;
  /** Networks that have not learned by then are done without. */
  readonly all?: AbortSignal;
}

/** The result of fine-tuning. */
export interface FineTuned {
  /** The better one: with a backbone of its own, or the one it began with. */
  readonly classifier: Classifier;
  /**
   * By picture, in the caller's order, float32 [C]: probabilities by a network that had not seen it; absent where time
   * was up before that had learned.
   */
  readonly heldOut: readonly (Float32Array | undefined)[];
  /** The setting that won; absent when the classifier it began with did. */
  readonly setting?: Setting;
}

/** Rows of the set: those a network learns from, those it is judged by, and what it begins with. */
interface Part {
  readonly learned: readonly number[];
  readonly heldOut: readonly number[];
  readonly start: Classifier;
}

/**
 * Fine-tunes a fitted classifier together with its backbone. Every setting of the plan learns without one fold, the
 * largest, whose log loss then decides on the setting and on the step to stop at. With these a network learns without
 * each other fold, and one from all pictures. That one is the result if the log loss held out, over all folds, is lower
 * than that of the classifier it began with; else that classifier is. What diverges is passed over. When time is up
 * first, the network that decided is the result, and only what it had not seen is held out. A function of the set and
 * the plan, unless time is up.
 * @throws what reading a picture throws; the signal's reason when aborted, after the step in hand.
 */
export async function fineTune(
  set: FineTuneSet,
  quick: ClassifierFit,
  plan: FineTunePlan,
  workers: FineTuneWorkers,
  run: Run & { readonly limits?: TimeLimits } = {},
): Promise<FineTuned> {
  const { kind, classes, order, targets } = set;
  const signalOnly: Run = { ...(run.signal && { signal: run.signal }) };
  const labelled = (rows: readonly number[]): Labelled => ({
    keys: rows.map((row) => order[row]!),
    targets: gather(targets, rows, classes),
  });
  const asItWas: FineTuned = { classifier: quick.classifier, heldOut: rowsOf(quick.heldOut, classes) };
  const [deciding, ...others] = partsOf(set, quick);
  if (deciding === undefined) return asItWas;
  const lossBefore = (rows: readonly number[]): number =>
    probabilityLoss({ kind, classes, targets: gather(targets, rows, classes) }, gather(quick.heldOut, rows, classes));
  const note = (text: string, score?: number): void =>
    run.onNews?.({ phase: 'judged', note: text, ...(score !== undefined && { score }) });
  const counter = countSteps((plan.settings.length + others.length + 1) * plan.steps, run);

  /** A network that learns with a setting; `undefined` when it does not come to an end. */
  const learn = async (
    setting: Setting,
    { learned, heldOut, start }: Part,
    looks: readonly number[],
    limit: AbortSignal | undefined,
  ): Promise<WholeSolution | undefined> => {
    const counted = counter(plan.steps);
    try {
      return await workers.learnWhole(
        { learned: labelled(learned), heldOut: labelled(heldOut), start, setting, steps: plan.steps, looks },
        { ...either(run.signal, limit), onNews: counted.onNews },
      );
    } catch (error) {
      run.signal?.throwIfAborted();
      const diverged = error instanceof AppError && error.code === 'TrainingDiverged';
      if (!diverged && !limit?.aborted) throw error;
      note(`${setting.name}: ${diverged ? 'did not settle' : 'time was up'}`);
      return undefined;
    } finally {
      counted.end();
    }
  };

  const trials = await mapConcurrently(plan.settings, workers.atOnce, (setting) =>
    learn(setting, deciding, plan.looks, run.limits?.trials),
  );
  const best = trials.reduce((one, other) => (other && !(one && one.loss <= other.loss) ? other : one), undefined);
  const setting = plan.settings[trials.indexOf(best)];
  if (best === undefined || setting === undefined || best.loss >= lossBefore(deciding.heldOut)) {
    note('No setting is better than the classifier on the backbone as it is, which stays.');
    return asItWas;
  }

  const all: Part = { learned: sorted(set), heldOut: [], start: quick.classifier };
  const [final, ...rest] = await mapConcurrently([all, ...others], workers.atOnce, (part) =>
    learn(setting, part, [best.look], run.limits?.all),
  );
  const known = [best, ...rest].map((solution, i) => ({ solution, rows: [deciding, ...others][i]!.heldOut }));
  const judged = (final === undefined ? known.slice(0, 1) : known).filter(({ solution }) => solution !== undefined);
  const rows = judged.flatMap((one) => one.rows);
  const logits = Float32Array.from(judged.flatMap(({ solution }) => [...solution!.logits]));
  const held = await workers.calibrate({ kind, classes, logits, targets: gather(targets, rows, classes) }, signalOnly);
  if (held.loss >= lossBefore(rows)) {
    note('Over all folds it is no better than the classifier on the backbone as it is, which stays.', held.score);
    return asItWas;
  }
  if (judged.length < known.length) note('Time was up: what had learned by then is used.');
  note(`${setting.name}, ${best.look} steps: held-out log loss ${held.loss.toFixed(3)}`, held.score);
  const probabilities = rowsOf(held.probabilities, classes);
  const heldOut: (Float32Array | undefined)[] = order.map(() => undefined);
  for (const [i, row] of rows.entries()) heldOut[row] = probabilities[i];
  return {
    classifier: { ...(final ?? best).classifier, temperature: held.temperature },
    heldOut,
    setting,
  };
}

/** All rows of a set, in the order of their keys. */
const sorted = ({ order }: FineTuneSet): number[] => [...order.keys()].sort((a, b) => (order[a]! < order[b]! ? -1 : 1));

/** The folds that can be held out, the largest first. */
function partsOf(set: FineTuneSet, { without }: ClassifierFit): Part[] {
  const rows = sorted(set);
  return without
    .flatMap((start, fold) => {
      const heldOut = rows.filter((row) => set.folds[row] === fold);
      return start === undefined ? [] : [{ start, heldOut, learned: rows.filter((row) => set.folds[row] !== fold) }];
    })
    .sort((a, b) => b.heldOut.length - a.heldOut.length);
}

/** Some rows, in this order, of a matrix with so many columns. */
function gather<T extends Float32Array | Uint8Array>(matrix: T, rows: readonly number[], columns: number): T {
  const out = matrix.slice(0, rows.length * columns) as T;
  for (const [to, row] of rows.entries()) out.set(matrix.subarray(row * columns, (row + 1) * columns), to * columns);
  return out;
}

const rowsOf = (matrix: Float32Array, columns: number): Float32Array[] =>
  Array.from({ length: matrix.length / columns }, (_, row) => matrix.slice(row * columns, (row + 1) * columns));

const either = (...signals: readonly (AbortSignal | undefined)[]): { readonly signal?: AbortSignal } => {
  const given = signals.filter((signal) => signal !== undefined);
  return given.length === 0 ? {} : { signal: AbortSignal.any(given) };
};

/** Adds the steps of several networks up: what each tells is told as if all were one. */
function countSteps(steps: number, run: Run) {
  let done = 0;
  return (own: number) => {
    let last = 0;
    const add = (step: number): void => {
      done += step - last;
      last = step;
      run.onProgress?.(done / steps);
    };
    return {
      onNews(news: Parameters<NonNullable<Run['onNews']>>[0]): void {
        if (news.step !== undefined) add(news.step);
        run.onNews?.({ ...news, step: done, steps });
      },
      /** It ended, early or not. */
      end: () => add(own),
    };
  };
}
