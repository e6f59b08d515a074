import { AppError } from '../../base/errors.ts';
import type { Run } from '../../base/run.ts';
import type { Tensor } from '../graph/tensor.ts';
import { keepAt, rateAt, type Schedule } from './schedule.ts';
import type { Trainer } from './step.ts';

/** A gradient so many times longer than they mostly are is an accident. */
const accident = 20;
/** So many accidents in a row, and learning goes on from an earlier point at half the rate; so often at most. */
const [inARow, times] = [3, 3];
/** Steps between points to go back to. */
const safeEvery = 25;
/** Gradients looked back on. */
const remembered = 51;

/** What is told after each step. */
export interface Told {
  readonly step: number;
  readonly steps: number;
  readonly loss: number;
}

/** How the loop is run. */
export interface LoopRun extends Pick<Run, 'signal'> {
  /** Asked before each step: `true` ends learning here. */
  enough?(): boolean;
  onStep?(told: Told): void;
  /** After each step, 1, 2 …: may look at what was learned before the next; `false` ends learning here. */
  after?(step: number): Promise<unknown>;
}

/**
 * Takes all steps of a schedule. A step that is an accident is left out; after several in a row learning goes back and
 * takes smaller steps.
 * @throws AppError `TrainingDiverged` when that does not help; the signal's reason when aborted, after the step in hand.
 */
export async function learn(
  trainer: Trainer,
  schedule: Schedule,
  feeds: (step: number) => Readonly<Record<string, Tensor>> | Promise<Readonly<Record<string, Tensor>>>,
  run: LoopRun = {},
): Promise<void> {
  let factor = 1;
  let accidents = 0;
  let returns = 0;
  let safe = trainer.average().slice();
  const norms: number[] = [];
  for (let step = 0; step < schedule.steps; step++) {
    run.signal?.throwIfAborted();
    if (run.enough?.()) return;
    const most = norms.length < 10 ? Number.MAX_VALUE : accident * median(norms);
    const { taken, loss, norm } = await trainer.step({
      feeds: await feeds(step),
      rate: factor * rateAt(schedule, step),
      keep: keepAt(schedule.steps, step),
      most,
    });
    if (taken) {
      accidents = 0;
      norms.push(norm);
      if (norms.length > remembered) norms.shift();
      if (step % safeEvery === 0) safe = trainer.average().slice();
      run.onStep?.({ step: step + 1, steps: schedule.steps, loss });
    } else if (++accidents === inARow) {
      if (++returns > times)
        throw new AppError(
          'TrainingDiverged',
          'The training did not settle, even with smaller steps. Look for pictures that are damaged or boxes that are wrong, and train again.',
        );
      trainer.restart(safe);
      factor /= 2;
      accidents = 0;
    }
    if ((await run.after?.(step + 1)) === false) return;
  }
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[sorted.length >> 1]!;
}
