import type { Micros } from '../base/clock.ts';
import type { Scores } from './performance.ts';
import type { ClassificationType } from './project.ts';

/**
 * `Training` until it has ended, one way or the other. `Imported`: it ended elsewhere, and came without its model. It
 * cannot answer, but what was told of it is known.
 */
export type IterationStatus = 'Training' | 'Completed' | 'Failed' | 'Imported';
/** `Regular`: a head on fixed features; `Advanced`: the whole network within a budget of time. */
export type TrainingType = 'Regular' | 'Advanced';

/** An iteration that a training begins from. */
export interface CustomBaseModel {
  readonly projectId: string;
  readonly iterationId: string;
}

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
  /** The backbone it learned on, as `name@fingerprint`; `null`: the built-in one. */
  readonly backbone: string | null;
  /** The iteration it was asked to begin from; it may be gone since. */
  readonly customBaseModel: CustomBaseModel | null;
  /** Rounded up. */
  readonly trainingTimeInMinutes: number;
  readonly exportable: boolean;
  /** `null` until training has ended. */
  readonly exportableTo: readonly string[] | null;
  readonly publishName: string | null;
  readonly originalPublishResourceId: string | null;
  /** Whether it answers predictions that name no iteration, as they could before 3.0; one of a project at most. */
  readonly isDefault: boolean;
  /** Why training failed. */
  readonly trainingErrorDetails: string | null;
  /** What the service it was trained at told of it; `null` for all others, and until all of it has come. */
  readonly imported: ImportedIteration | null;
}

/**
 * What a project has to be trained next. It is an iteration too, one that is not trained: the project's own id is its id.
 */
export interface Workspace {
  readonly projectId: string;
  /** What it will be called once it is trained. */
  readonly name: string;
  /** When the last training began; without one, when the project was made. */
  readonly created: Micros;
  readonly lastModified: Micros;
}

/** What another service told of an iteration, word for word. */
export interface ImportedIteration {
  /** The version of the API that was asked. */
  readonly apiVersion: string;
  /** The name it was published under there. */
  readonly publishName: string | null;
  readonly exportableTo: readonly string[];
  /** How many of the pictures it learned from could not be had. */
  readonly missing: number;
  /** Its performance at each threshold that was asked for; `id` is the tag's here. */
  readonly performance: readonly ({
    readonly threshold: number;
    readonly perTag: readonly (Scores & { readonly id: string })[];
  } & Scores)[];
}

/** What an imported iteration says when it is to answer, to be published or exported. */
export const importedWithoutModel =
  'The iteration was imported without its model, which the other service does not give out: train again.';
