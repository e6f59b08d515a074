import type { Micros } from '../base/clock.ts';
import { phases } from '../base/run.ts';
import type { TimeLeft } from '../base/time-left.ts';

/** The states a training can be in. `Cancelled` is told only to those who watch: then there is no iteration any more. */
export const trainingStates = ['Waiting', 'Running', 'Completed', 'Failed', 'Cancelled'] as const;
/** One of {@link trainingStates}. */
export type TrainingState = (typeof trainingStates)[number];

/** What a training can be at: what learning can be at, and then what was learned is stored. */
export const trainingPhases = [...phases, 'storing'] as const;
/** One of {@link trainingPhases}. */
export type TrainingPhase = (typeof trainingPhases)[number];

/** One thing that a training told. */
export interface TrainingLine {
  readonly time: Micros;
  readonly phase: TrainingPhase;
  /** Done of this phase, and how many there are at most. */
  readonly step: number | null;
  readonly steps: number | null;
  /** What is being minimised. */
  readonly loss: number | null;
  /** How well held-out pictures are told apart, 0..1. */
  readonly score: number | null;
  readonly note: string | null;
}

/** How far a training is, or how it ended. */
export interface TrainingProgress {
  readonly iterationId: string;
  /** `Forgetting`: it is trained anew without images it is to forget, and answers meanwhile. */
  readonly purpose: 'Training' | 'Forgetting';
  readonly state: TrainingState;
  /** The state and phase in words. */
  readonly says: string;
  readonly begun: Micros | null;
  readonly phase: TrainingPhase | null;
  readonly step: number | null;
  readonly steps: number | null;
  readonly loss: number | null;
  readonly score: number | null;
  /** 0..1 */
  readonly fraction: number;
  /** `null` while it cannot be told. */
  readonly secondsLeft: TimeLeft | null;
  /** Oldest first. */
  readonly log: readonly TrainingLine[];
  /** Why it failed, and what to do. */
  readonly reason: string | null;
}
