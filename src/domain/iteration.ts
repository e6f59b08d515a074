import type { Micros } from '../base/clock.ts';
import type { ClassificationType } from './project.ts';

/** `Training` until it has ended, one way or the other. */
export type IterationStatus = 'Training' | 'Completed' | 'Failed';
/** `Regular`: a head on fixed features; `Advanced`: the whole network within a budget of time. */
export type TrainingType = 'Regular' | 'Advanced';

/** One training of a project and what came of it. */
export interface Iteration {
  readonly id: string;
  readonly projectId: string;
  readonly name: string;
  readonly status: IterationStatus;
  readonly created: Micros;
  readonly lastModified: Micros;
  readonly trainedAt: Micros | null;
  /** `null` until training has ended. */
  readonly domainId: string | null;
  readonly classificationType: ClassificationType | null;
  readonly trainingType: TrainingType;
  readonly reservedBudgetInHours: number;
  /** Rounded up. */
  readonly trainingTimeInMinutes: number;
  readonly exportable: boolean;
  /** `null` until training has ended. */
  readonly exportableTo: readonly string[] | null;
  readonly publishName: string | null;
  readonly originalPublishResourceId: string | null;
  /** Why training failed. */
  readonly trainingErrorDetails: string | null;
}
