import type { Static, TSchema } from 'typebox';
import type { ProblemCode } from '../domain/problems.ts';
import type { OperationId, Operations, Version } from './operation.ts';
import type * as wire from './wire.ts';

/** The named objects of the hub, by name. */
export type Models = { [M in keyof typeof wire]: (typeof wire)[M] extends TSchema ? Static<(typeof wire)[M]> : never };

/** How a version had a model other than the next newer version has it. */
export interface ModelChange<M> {
  /** Properties it did not have yet. */
  readonly omit?: readonly (keyof M & string)[];
  /** Properties of answers that had another name then, by the name they have now. */
  readonly rename?: { readonly [Name in keyof M & string]?: string };
  /** Properties of answers that no newer version has: `rewrite` gives them, or the answer to an operation of that time. */
  readonly add?: Readonly<Record<string, TSchema>>;
  /**
   * What else was different about answers: from the newer form to the older, after `omit` and `rename`. What is within is
   * in the newest form still.
   */
  readonly rewrite?: (newer: M) => object;
}

/** How a version had an operation other than the next newer version has it. */
export interface OperationChange<Op extends OperationId> {
  /** Where it was, with the same parameters in braces. */
  readonly path?: string;
  readonly omitQuery?: readonly (keyof Operations[Op]['query']['properties'] & string)[];
  /** Parameters that were not yet optional. */
  readonly requireQuery?: readonly (keyof Operations[Op]['query']['properties'] & string)[];
  readonly omitBody?: true;
  readonly success?: readonly number[];
}

/**
 * One version, told by its differences from the next newer one. Requests need no more than that: an older version asks
 * for a part of what the newer one understands.
 *
 * What only older versions had is said where the newest version is told: an operation has `until` in its table, a
 * property or parameter `x-until` in its schema. Handlers always give and take all of it; each version shows its part.
 */
export interface Step {
  readonly version: Version;
  readonly models?: { readonly [M in keyof Models]?: ModelChange<Models[M]> };
  readonly operations?: { readonly [Op in OperationId]?: OperationChange<Op> };
  /** Codes it did not know yet, and the nearest that it knows. */
  readonly problems?: { readonly [C in ProblemCode]?: ProblemCode };
  /** How it wrote property names. */
  readonly naming?: (name: string) => string;
}
