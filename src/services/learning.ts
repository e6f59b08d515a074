import type { Clock, Micros } from '../base/clock.ts';
import type { News } from '../base/run.ts';
import { type Point, type TimeLeft, timeLeft } from '../base/time-left.ts';
import type { TrainingPhase } from '../domain/progress.ts';
import type { JobRun } from '../queue/job.ts';

/** How far a training is that this process does. */
export interface LearningNow {
  readonly begun: Micros;
  /** `undefined` until the first is told. */
  readonly phase: TrainingPhase | undefined;
  /** Of this phase. */
  readonly step: number | undefined;
  readonly steps: number | undefined;
  /** As told last. */
  readonly loss: number | undefined;
  readonly score: number | undefined;
  /** Of the whole, 0..1. */
  readonly fraction: number;
  /** `undefined` while it cannot be told. */
  readonly left: TimeLeft | undefined;
  /** What was told, oldest first; of many steps only some, and in the end only the latest. */
  readonly log: readonly LogEntry[];
}

/** One thing that was told. */
export type LogEntry = Omit<News, 'phase'> & { readonly time: Micros; readonly phase: TrainingPhase };

/** A run of a job that learns: it tells what it is at. */
export interface LearningRun extends JobRun {
  news(news: Omit<News, 'phase'> & { readonly phase: TrainingPhase }): void;
}

/** What this process learns at this moment, by the ids of iterations. Kept in memory only. */
export interface Learning {
  /** Runs what learns an iteration, and keeps what it tells until it has ended. */
  during<T>(iterationId: string, run: JobRun, work: (run: LearningRun) => Promise<T>): Promise<T>;
  /** How far it is; `undefined` when this process does not learn it. */
  of(iterationId: string): LearningNow | undefined;
  /** Resolves when something of an iteration has changed, at the latest after so many ms or when `signal` is aborted. */
  changed(iterationId: string, ms: number, signal: AbortSignal): Promise<void>;
}

/** Lines of the log that are kept. */
const linesKept = 200;
/** Of a phase with many steps, about so many are in the log. */
const linesOfSteps = 20;
/** Steps that the pace is taken from. */
const stepsLookedAt = 50;

/** Nothing is learned yet. */
export function createLearning(clock: Clock): Learning {
  const learning = new Map<string, { now: LearningNow; points: Point[] }>();
  const waiting = new Map<string, Set<() => void>>();
  const wake = (iterationId: string): void => {
    for (const one of waiting.get(iterationId) ?? []) one();
  };
  return {
    async during(iterationId, run, work) {
      const nothing = { phase: undefined, step: undefined, steps: undefined, loss: undefined, score: undefined };
      const own = {
        now: { begun: clock.now(), ...nothing, fraction: 0, left: undefined, log: [] } as LearningNow,
        points: [{ at: performance.now(), fraction: 0 }],
      };
      learning.set(iterationId, own);
      wake(iterationId);
      try {
        return await work({
          ...run,
          progress(fraction) {
            run.progress(fraction);
            if (fraction <= own.now.fraction) return;
            own.now = { ...own.now, fraction: Math.min(1, fraction) };
            own.points.push({ at: performance.now(), fraction: own.now.fraction });
            if (own.points.length > stepsLookedAt + 1) own.points.shift();
            wake(iterationId);
          },
          news(news) {
            own.now = withNews(own.now, { ...news, time: clock.now() });
            wake(iterationId);
          },
        });
      } finally {
        learning.delete(iterationId);
        wake(iterationId);
      }
    },
    of(iterationId) {
      const own = learning.get(iterationId);
      return own && { ...own.now, left: timeLeft(own.points, performance.now()) };
    },
    changed(iterationId, ms, signal) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const all = waiting.get(iterationId) ?? new Set();
      waiting.set(iterationId, all.add(resolve));
      const timer = setTimeout(resolve, ms);
      const aborted = (): void => resolve();
      signal.addEventListener('abort', aborted);
      if (signal.aborted) resolve();
      return promise.finally(() => {
        signal.removeEventListener('abort', aborted);
        clearTimeout(timer);
        all.delete(resolve);
        if (all.size === 0 && waiting.get(iterationId) === all) waiting.delete(iterationId);
      });
    },
  };
}

function withNews(now: LearningNow, entry: LogEntry): LearningNow {
  const { phase, step, steps, loss = now.loss, score = now.score } = entry;
  const logged = phase !== now.phase || entry.score !== undefined || entry.note !== undefined || isMilestone(entry);
  return {
    ...now,
    phase,
    step,
    steps,
    loss,
    score,
    log: logged ? [...now.log, entry].slice(-linesKept) : now.log,
  };
}

const isMilestone = ({ step, steps }: LogEntry): boolean =>
  step !== undefined && steps !== undefined && (step === steps || step % Math.ceil(steps / linesOfSteps) === 0);
