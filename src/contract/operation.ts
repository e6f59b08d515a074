import type { Readable } from 'node:stream';
import type { Static, TObject, TSchema } from 'typebox';
import type { KeyPurpose } from '../domain/account.ts';
import type { ownsightOperations } from './ownsight.ts';
import type { predictionOperations } from './prediction.ts';
import type { trainingOperations } from './training.ts';
import type { trainingOperationsOf1 } from './training-1.ts';

/** The two APIs of Custom Vision, and `ownsight`: what it never had. */
export type Api = KeyPurpose | 'ownsight';

/** Which of the account's keys opens each API. */
export const keyPurposes: Readonly<Record<Api, KeyPurpose>> = {
  training: 'training',
  prediction: 'prediction',
  ownsight: 'training',
};
/** The header that carries each kind of key. */
export const keyHeaders: Readonly<Record<KeyPurpose, string>> = {
  training: 'Training-Key',
  prediction: 'Prediction-Key',
};

/** Where the operations of an API's version begin. */
export const baseOfApi = (api: Api, version: Version): string =>
  api === 'ownsight' ? `/ownsight/v${version}` : `/customvision/v${version}/${api}`;

/** Every version an API had, oldest first. Those served are in `served.ts`. */
export const history = {
  training: ['1.0', '1.1', '1.2', '2.0', '2.1', '2.2', '3.0', '3.1', '3.2', '3.3', '3.4-preview'],
  prediction: ['1.0', '1.1', '2.0', '3.0', '3.1'],
  ownsight: ['1'],
} as const satisfies Record<Api, readonly string[]>;
/** A version as addresses name it, without the `v`. */
export type Version = (typeof history)[Api][number];

/** In which versions something is there: from `since`, or the first, to `until`, or the newest. */
export interface Lifetime {
  readonly since?: Version | undefined;
  readonly until?: Version | undefined;
}

/** Whether a version has what has this lifetime. Versions of both APIs of Custom Vision are one row of numbers. */
export const isIn = (version: Version, { since = version, until = version }: Lifetime): boolean =>
  Number.parseFloat(since) <= Number.parseFloat(version) && Number.parseFloat(version) <= Number.parseFloat(until);

/**
 * What a body holds: JSON of a schema, pictures (`most` at most; as multipart/form-data or as plain bytes), or a stream
 * of bytes of any length, which the handler reads at its own pace.
 */
export type Body =
  | { readonly kind: 'json'; readonly schema: TSchema; readonly required: boolean; readonly large?: true }
  | { readonly kind: 'pictures'; readonly most: number }
  | { readonly kind: 'stream' };

/** A file as an answer, of any size. It is read as fast as the client takes it, and let go when the client goes. */
export interface FileReply {
  /** What a browser saves it as. */
  readonly name: string;
  readonly mediaType: string;
  /** In bytes; `undefined`: not known beforehand, so that parts of it cannot be asked for. */
  readonly size: number | undefined;
  /** Changes whenever the bytes do: lets a client go on with a download it began. */
  readonly tag?: string;
  /** Further headers. */
  readonly headers?: Readonly<Record<string, string>>;
  /** What is known only when all bytes are sent, as trailers (RFC 9110, section 6.5): for files of unknown size. */
  readonly trailers?: Readonly<Record<string, () => string>>;
  /**
   * The bytes from `from` to the one before `to`; 0 and `size` for all of them. `to` is `undefined` when the size is.
   */
  open(from: number, to: number | undefined): Promise<Readable>;
}

/** One message of an answer that goes on and on. `data` is sent as JSON. */
export interface ServerEvent {
  readonly event: string;
  readonly data: unknown;
  /** What a client that lost its connection sends back as `Last-Event-ID`. */
  readonly id?: string;
}

/** One thing a client can ask for, as the newest version of its API has it. */
export interface Operation {
  /** Which API, and so which of the account's keys opens it. */
  readonly api: Api;
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** What Azure calls it, where its id here is another: the answer was another than that of its later namesake. */
  readonly name?: string;
  /** Answers without a key. */
  readonly open?: true;
  /** Answers HEAD as well: a file whose size is known before it is made. */
  readonly head?: true;
  /** Below {@link baseOfApi}; parameters in braces. */
  readonly path: string;
  /** The first version that has it. */
  readonly since: Version;
  /** The last version that has it; absent: the newest. */
  readonly until?: Version;
  readonly summary: string;
  readonly query: TObject;
  readonly body?: Body;
  /**
   * The answer's JSON; `bytes`: a small file; `file`: a {@link FileReply}; `events`: Server-Sent Events; absent: none.
   */
  readonly reply?: TSchema | 'bytes' | 'file' | 'events';
  /** The statuses of success, the usual one first. */
  readonly success: readonly number[];
}

/** Every operation served, by id. */
export type Operations = typeof trainingOperations &
  typeof trainingOperationsOf1 &
  typeof predictionOperations &
  typeof ownsightOperations;
/** The id of an operation: as Azure and its SDKs name it, but for those with a `name`. */
export type OperationId = keyof Operations;

/** The query of an operation, read. */
export type QueryOf<Op extends OperationId> = Static<Operations[Op]['query']>;
/** The JSON body of an operation, read. */
export type BodyOf<Op extends OperationId> = Operations[Op] extends {
  readonly body: { readonly kind: 'json'; readonly schema: infer S extends TSchema };
}
  ? Static<S>
  : Operations[Op] extends { readonly body: { readonly kind: 'stream' } }
    ? Readable
    : undefined;
/** What an operation answers, in the newest version's terms. */
export type ReplyOf<Op extends OperationId> = Operations[Op] extends { readonly reply: infer R }
  ? R extends TSchema
    ? Static<R>
    : R extends 'file'
      ? FileReply
      : R extends 'events'
        ? AsyncIterable<ServerEvent>
        : Uint8Array
  : undefined;
