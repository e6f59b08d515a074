import { Readable } from 'node:stream';
import type { FastifyInstance, FastifyRequest, RouteOptions } from 'fastify';
import { AppError, expected } from '../base/errors.ts';
import { withDashes } from '../base/id.ts';
import type { OperationId } from '../contract/operation.ts';
import { read } from '../contract/read.ts';
import { servedVersions } from '../contract/served.ts';
import type { ServedVersion, VersionedOperation } from '../contract/version.ts';
import { type ProblemCode, problem } from '../domain/problems.ts';
import type { App } from '../services/context.ts';
import { requireProject } from '../services/projects.ts';
import { createRates } from '../services/rates.ts';
import { asked, requireKey } from './auth.ts';
import { baseOf } from './base-address.ts';
import { drainBody } from './draining.ts';
import type { Answer, Call, Handlers } from './handler.ts';
import { accountHandlers } from './handlers/account.ts';
import { auditHandlers } from './handlers/audit.ts';
import { backboneHandlers } from './handlers/backbones.ts';
import { deletionHandlers } from './handlers/deletions.ts';
import { imageHandlers } from './handlers/images.ts';
import { inventoryHandlers } from './handlers/inventory.ts';
import { iterationHandlers } from './handlers/iterations.ts';
import { labelHandlers } from './handlers/labels.ts';
import { namedKeyHandlers } from './handlers/named-keys.ts';
import { predictionHandlers } from './handlers/predictions.ts';
import { projectHandlers } from './handlers/projects.ts';
import { quotaHandlers } from './handlers/quotas.ts';
import { receiptHandlers } from './handlers/receipts.ts';
import { restoreHandlers } from './handlers/restores.ts';
import { retentionHandlers } from './handlers/retention.ts';
import { suggestionHandlers } from './handlers/suggestions.ts';
import { tagHandlers } from './handlers/tags.ts';
import { takeoutHandlers } from './handlers/takeout.ts';
import { trainingHandlersOf1 } from './handlers/training-1.ts';
import { trainingProgressHandlers } from './handlers/training-progress.ts';
import { trashHandlers } from './handlers/trash.ts';
import { createLinks } from './links.ts';
import { send } from './sending.ts';
import { registerStreaming } from './streaming.ts';
import { goneSignals } from './until-gone.ts';
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
  ...quotaHandlers,
  ...namedKeyHandlers,
  ...projectHandlers,
  ...tagHandlers,
  ...imageHandlers,
  ...labelHandlers,
  ...iterationHandlers,
  ...trainingProgressHandlers,
  ...predictionHandlers,
  ...suggestionHandlers,
  ...takeoutHandlers,
  ...inventoryHandlers,
  ...deletionHandlers,
  ...trainingHandlersOf1,
  ...trashHandlers,
  ...restoreHandlers,
  ...retentionHandlers,
  ...backboneHandlers,
  ...auditHandlers,
  ...receiptHandlers,
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
  const untilGone = goneSignals(server);
  const rates = createRates(app.clock);
  for (const served of servedVersions) {
    for (const operation of served.operations) {
      const route: RouteOptions = {
        method: operation.head ? [operation.method, 'HEAD'] : operation.method,
        url: operation.path.replaceAll(/\{(\w+)\}/g, ':$1'),
        bodyLimit: bodyLimitOf(operation),
        config: { operation, served },
        ...(operation.open ? {} : { onRequest: requireKey(app, rates, served.api, operation.id) }),
        ...(operation.body === undefined || operation.body.kind === 'stream' ? {} : { onSend: drainBody }),
        handler: async (request, reply) => {
          const given = await answer(app, operation, request, () => untilGone(reply));
          return send(request, reply, operation, given);
        },
      };
      if (operation.body?.kind === 'stream') registerStreaming(server, route);
      else server.route(route);
    }
  }
}

function bodyLimitOf({ body }: VersionedOperation): number {
  if (body?.kind === 'pictures') return body.most === 1 ? bodyLimits.picture : bodyLimits.pictures;
  return body?.kind === 'json' && body.large ? bodyLimits.largeJson : bodyLimits.json;
}

async function answer(
  app: App,
  operation: VersionedOperation,
  request: FastifyRequest,
  untilGone: () => AbortSignal,
): Promise<Answer<unknown>> {
  let signal: AbortSignal | undefined;
  const { holder } = request;
  const accountId = holder?.accountId ?? '';
  const params = readParameters(request.params as Record<string, string>);
  const call = {
    app: holder === undefined ? app : asked(app, holder),
    accountId,
    key: holder?.key ?? '',
    keyId: holder?.keyId ?? '',
    role: holder?.role ?? 'reader',
    scope: { accountId, projectId: params.projectId ?? '' },
    params,
    query: ofWorkspace(operation, read(operation.query, request.query, '', 'query') as object, params.projectId),
    ...readBody(operation, request),
    id: request.id,
    links: createLinks(app, accountId, baseOf(app, request)),
    languages: readLanguages(request.headers['accept-language']),
    // Few ask for it, and each one made would cost as much as reading a row.
    get signal() {
      signal ??= untilGone();
      return signal;
    },
  };
  const handler = handlers[operation.id] as (call: unknown) => Promise<Answer<unknown>>;
  try {
    const work = () => handler(call satisfies Record<keyof Call<OperationId>, unknown>);
    return await (erases(operation) ? app.reserve.giveWay(work) : work());
  } catch (error) {
    // A deletion that overtakes a request takes the project's key away under it: the project is not found, then. One that
    // is being imported is not found either by what needs all of it: that is said in other words.
    if (
      params.projectId !== undefined &&
      error instanceof AppError &&
      /^(KeyMissing|NotFoundProject)$/.test(error.code)
    )
      await requireProject(app.db.query, call.scope);
    throw error;
  }
}

/**
 * A query with the workspace asked for by its id, which is that of the project, as one that names no iteration; but where
 * one must be named.
 */
function ofWorkspace({ query }: VersionedOperation, given: object, projectId: string | undefined): object {
  const { iterationId, ...rest } = given as { readonly iterationId?: string };
  return iterationId === undefined || iterationId !== projectId || query.required?.includes('iterationId')
    ? given
    : rest;
}

/** Whether an operation deletes: then it must go on when the disk is full. */
const erases = ({ id, method }: VersionedOperation): boolean => method === 'DELETE' || /^(Delete|Remove)/.test(id);

/** The ids of an address, lower case. One that is no id names nothing. */
function readParameters(params: Record<string, string>): Record<string, string> {
  const result: Record<string, string> = {};
  for (const [name, value] of Object.entries(params)) {
    const code = notFound[name] ?? (name.endsWith('Id') ? 'NotFound' : undefined);
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
  imageId: 'NotFoundImage',
  labelId: 'NotFoundTag',
};

/** The language tags of `Accept-Language` (RFC 9110, section 12.5.4), the one liked best first. */
const readLanguages = (header = ''): string[] =>
  header
    .split(',')
    .map((part) => {
      const [tag = '', ...parameters] = part.split(';').map((one) => one.trim());
      const weight = parameters.find((one) => one.startsWith('q='));
      return { tag, weight: weight === undefined ? 1 : Number(weight.slice(2)) || 0 };
    })
    .filter(({ tag, weight }) => tag !== '' && weight > 0)
    .sort((a, b) => b.weight - a.weight)
    .map(({ tag }) => tag);

function readBody(
  { body }: VersionedOperation,
  request: FastifyRequest,
): { body: unknown; files: Call<OperationId>['files'] } {
  if (body?.kind === 'stream') return { body: request.body ?? Readable.from([]), files: [] };
  const bytes = request.body as Buffer | undefined;
  const contentType = request.headers['content-type'];
  if (body === undefined) return { body: undefined, files: [] };
  if (body.kind === 'pictures')
    return { body: undefined, files: readPictures(bytes ?? Buffer.alloc(0), contentType, body.most) };
  const json = readJson(bytes, contentType);
  if (json !== undefined && json !== null) return { body: read(body.reading, json, '', 'json'), files: [] };
  if (body.required) throw problem('BadRequestRequiredParamIsNull', expected('JSON', 'the body', 'none'));
  return { body: undefined, files: [] };
}
