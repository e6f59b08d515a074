import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { AppError, expected } from '../base/errors.ts';
import { withDashes } from '../base/id.ts';
import type { OperationId } from '../contract/operation.ts';
import { read } from '../contract/read.ts';
import { servedVersions } from '../contract/served.ts';
import type { ServedVersion, VersionedOperation } from '../contract/version.ts';
import { type ProblemCode, problem } from '../domain/problems.ts';
import type { App } from '../services/context.ts';
import { requireProject } from '../services/projects.ts';
import { requireKey } from './auth.ts';
import { baseOf } from './base-address.ts';
import type { Answer, Call, Handlers } from './handler.ts';
import { accountHandlers } from './handlers/account.ts';
import { imageHandlers } from './handlers/images.ts';
import { iterationHandlers } from './handlers/iterations.ts';
import { labelHandlers } from './handlers/labels.ts';
import { predictionHandlers } from './handlers/predictions.ts';
import { projectHandlers } from './handlers/projects.ts';
import { tagHandlers } from './handlers/tags.ts';
import { createLinks } from './links.ts';
import { readJson, readPictures } from './uploads.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    readonly operation?: VersionedOperation;
    readonly served?: ServedVersion;
  }
}

/** Who answers what: total, so that an operation in the contract without a handler does not compile. */
const handlers: Handlers = {
  ...accountHandlers,
  ...projectHandlers,
  ...tagHandlers,
  ...imageHandlers,
  ...labelHandlers,
  ...iterationHandlers,
  ...predictionHandlers,
};

const MiB = 1024 * 1024;
/** Bytes a body may have. One picture may be too large by a lot and still be told so properly. */
const bodyLimits = {
  json: 8 * MiB,
  /** 64 pictures in base64; and what a string can hold. */
  largeJson: 512 * MiB - 1024,
  picture: 32 * MiB,
  pictures: 512 * MiB - 1024,
};

/** Registers every operation of every version served. */
export function registerOperations(server: FastifyInstance, app: App): void {
  const hooks = { training: requireKey(app, 'training'), prediction: requireKey(app, 'prediction') };
  for (const served of servedVersions) {
    for (const operation of served.operations) {
      server.route({
        method: operation.method,
        url: operation.path.replaceAll(/\{(\w+)\}/g, ':$1'),
        bodyLimit: bodyLimitOf(operation),
        config: { operation, served },
        onRequest: hooks[served.api],
        handler: async (request, reply) => send(reply, operation, await answer(app, operation, request)),
      });
    }
  }
}

function bodyLimitOf({ body }: VersionedOperation): number {
  if (body?.kind === 'pictures') return body.most === 1 ? bodyLimits.picture : bodyLimits.pictures;
  return body?.large ? bodyLimits.largeJson : bodyLimits.json;
}

async function answer(app: App, operation: VersionedOperation, request: FastifyRequest): Promise<Answer<unknown>> {
  const { accountId } = request;
  const params = readParameters(request.params as Record<string, string>);
  const call = {
    app,
    accountId,
    scope: { accountId, projectId: params.projectId ?? '' },
    params,
    query: read(operation.query, request.query, '', 'query'),
    ...readBody(operation, request),
    id: request.id,
    links: createLinks(app, accountId, baseOf(app, request)),
  };
  const handler = handlers[operation.id] as (call: unknown) => Promise<Answer<unknown>>;
  try {
    return await handler(call satisfies Record<keyof Call<OperationId>, unknown>);
  } catch (error) {
    // A deletion that overtakes a request takes the project's key away under it: the project is not found, then.
    if (params.projectId !== undefined && error instanceof AppError && error.code === 'KeyMissing')
      await requireProject(app.db.query, call.scope);
    throw error;
  }
}

/** The ids of an address, lower case. One that is no id names nothing. */
function readParameters(params: Record<string, string>): Record<string, string> {
  const result: Record<string, string> = {};
  for (const [name, value] of Object.entries(params)) {
    const code = notFound[name];
    const id = code === undefined ? value : withDashes(value.replaceAll('-', ''));
    if (id === undefined) throw problem(code!, expected('an id (a UUID)', name, value));
    result[name] = id;
  }
  return result;
}

const notFound: Readonly<Record<string, ProblemCode>> = {
  projectId: 'NotFoundProject',
  tagId: 'NotFoundTag',
  iterationId: 'NotFoundIteration',
  domainId: 'NotFoundDomain',
};

function readBody(
  { body }: VersionedOperation,
  request: FastifyRequest,
): { body: unknown; files: Call<OperationId>['files'] } {
  const bytes = request.body as Buffer | undefined;
  const contentType = request.headers['content-type'];
  if (body === undefined) return { body: undefined, files: [] };
  if (body.kind === 'pictures')
    return { body: undefined, files: readPictures(bytes ?? Buffer.alloc(0), contentType, body.most) };
  const json = readJson(bytes, contentType);
  if (json !== undefined && json !== null) return { body: read(body.schema, json, '', 'json'), files: [] };
  if (body.required) throw problem('BadRequestRequiredParamIsNull', expected('JSON', 'the body', 'none'));
  return { body: undefined, files: [] };
}

function send(reply: FastifyReply, operation: VersionedOperation, { body, status }: Answer<unknown>): FastifyReply {
  const [usual = 200] = operation.success;
  reply.code(status !== undefined && operation.success.includes(status) ? status : usual);
  if (body === undefined) return reply.header('content-length', '0').send();
  if (operation.reply === 'bytes') return reply.type('application/octet-stream').send(body);
  return reply.type('application/json; charset=utf-8').send(JSON.stringify(operation.encode(body)));
}
