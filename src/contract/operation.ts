import type { Static, TObject, TSchema } from 'typebox';
import type { KeyPurpose } from '../domain/account.ts';
import type { predictionOperations } from './prediction.ts';
import type { trainingOperations } from './training.ts';

/** The APIs of Custom Vision. Its name is also the last fixed part of an address: `/customvision/v3.3/training/…`. */
export type Api = KeyPurpose;

/** The header that carries the key of each API. */
export const keyHeaders: Readonly<Record<Api, string>> = { training: 'Training-Key', prediction: 'Prediction-Key' };

/** Every version an API had, oldest first. Those served are in `served.ts`. */
export const history = {
  training: ['1.0', '1.2', '2.0', '2.1', '2.2', '3.0', '3.1', '3.2', '3.3', '3.4-preview'],
  prediction: ['1.1', '2.0', '3.0', '3.1'],
} as const satisfies Record<Api, readonly string[]>;
/** A version as addresses name it, without the `v`. */
export type Version = (typeof history)[Api][number];

/** What a body holds: JSON of a schema, or pictures (`most` at most; as multipart/form-data or as plain bytes). */
export type Body =
  | { readonly kind: 'json'; readonly schema: TSchema; readonly required: boolean; readonly large?: true }
  | { readonly kind: 'pictures'; readonly most: number };

/** One thing a client can ask for, as the newest version of its API has it. */
export interface Operation {
  /** Which API, and so which of the account's keys opens it. */
  readonly api: Api;
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** Below `/customvision/{version}/{api}`; parameters in braces. */
  readonly path: string;
  /** The first version that has it. */
  readonly since: Version;
  /** The last version that has it; absent: the newest. */
  readonly until?: Version;
  readonly summary: string;
  readonly query: TObject;
  readonly body?: Body;
  /** The answer's JSON; `bytes`: a file; absent: none. */
  readonly reply?: TSchema | 'bytes';
  /** The statuses of success, the usual one first. */
  readonly success: readonly number[];
}

/** Every operation served, by id. */
export type Operations = typeof trainingOperations & typeof predictionOperations;
/** The id of an operation, as Azure and its SDKs name it. */
export type OperationId = keyof Operations;

/** The query of an operation, read. */
export type QueryOf<Op extends OperationId> = Static<Operations[Op]['query']>;
/** The JSON body of an operation, read. */
export type BodyOf<Op extends OperationId> = Operations[Op] extends {
  readonly body: { readonly kind: 'json'; readonly schema: infer S extends TSchema };
}
  ? Static<S>
  : undefined;
/** What an operation answers, in the newest version's terms. */
export type ReplyOf<Op extends OperationId> = Operations[Op] extends { readonly reply: infer R }
  ? R extends TSchema
    ? Static<R>
    : Uint8Array
  : undefined;
