import type { Links } from '../contract/from-domain.ts';
import type { BodyOf, OperationId, Operations, QueryOf, ReplyOf } from '../contract/operation.ts';
import type { Role } from '../domain/role.ts';
import type { App, ProjectScope } from '../services/context.ts';
import type { UploadedFile } from './uploads.ts';

type ParametersOf<Path> = Path extends `${string}{${infer Name}}${infer Rest}`
  ? { readonly [N in Name]: string } & ParametersOf<Rest>
  : unknown;

/** A request whose key, address, query and body have been read. */
export interface Call<Op extends OperationId> {
  readonly app: App;
  readonly accountId: string;
  /** The key that came with it, as the account's log names it; empty where none is asked for. */
  readonly key: string;
  /** The id of that key. */
  readonly keyId: string;
  /** What that key is for; of no meaning where none is asked for. */
  readonly role: Role;
  /** The account of the key with the project of the address: not checked to belong together, services do that. */
  readonly scope: ProjectScope;
  readonly params: ParametersOf<Operations[Op]['path']>;
  readonly query: QueryOf<Op>;
  readonly body: BodyOf<Op>;
  /** The pictures of the body, at least one; empty for operations that take none. */
  readonly files: readonly UploadedFile[];
  /** The request's own id, also in the answer's headers. */
  readonly id: string;
  readonly links: Links;
  /** What the client likes to read, best first, as language tags of `Accept-Language`; may be empty. */
  readonly languages: readonly string[];
  /** Aborted when the client is gone or the server stops: for answers that take long. */
  readonly signal: AbortSignal;
}

/** What goes back, in the newest version's terms. */
export interface Answer<Reply> {
  readonly body: Reply;
  /** When not the usual one; a version that does not know it answers its usual one. */
  readonly status?: number;
}

/** Decode, call one service, encode. */
export type Handler<Op extends OperationId> = (call: Call<Op>) => Promise<Answer<ReplyOf<Op>>>;
/** A handler for each operation. */
export type Handlers = { readonly [Op in OperationId]: Handler<Op> };

/** The answer without a body. */
export const nothing: Answer<undefined> = { body: undefined };
