import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { AppError } from '../base/errors.ts';
import { isProblemCode, type ProblemCode, problem, problems } from '../domain/problems.ts';
import type { App } from '../services/context.ts';

/** What the framework refuses, in the catalogue's terms. */
const frameworkProblems: Readonly<Record<string, ProblemCode>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: 'PayloadTooLarge',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'UnsupportedMediaType',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'BadRequest',
  FST_ERR_BAD_URL: 'BadRequest',
  FST_ERR_MAX_PARAM_LENGTH: 'NotFound',
  FST_STATIC_FORBIDDEN_PATH: 'NotFound',
  // The client went away in the middle of its request.
  ECONNRESET: 'BadRequest',
};

/** Where there is no room left. */
const fullDisk = new Set(['ENOSPC', 'EDQUOT', 'SQLITE_FULL']);

/** Any error in the catalogue's terms; what was not foreseen becomes `ErrorUnknown` with the error as its cause. */
export function toProblem(error: unknown): AppError & { readonly code: ProblemCode } {
  const code = (error as { code?: unknown } | null)?.code;
  if (error instanceof AppError && isProblemCode(error.code)) return error as AppError & { code: ProblemCode };
  if (isAborted(error)) return problem('ErrorPredictionServiceUnavailable') as AppError & { code: ProblemCode };
  const known =
    typeof code !== 'string' ? undefined : fullDisk.has(code) ? ('ErrorStorageFull' as const) : frameworkProblems[code];
  return problem(known ?? 'ErrorUnknown', undefined, error) as AppError & { code: ProblemCode };
}

/** Whether work was given up because the client went away or the server stops: neither is a failure. */
const isAborted = (error: unknown): boolean => error instanceof Error && error.name === 'AbortError';

/** The error handler of the server: every error as `{code, message}` with its status, as the version asked writes it. */
export function createErrorHandler(app: Pick<App, 'log'>) {
  return (error: FastifyError | Error, request: FastifyRequest, reply: FastifyReply): void => {
    const { operation, served } = request.routeOptions.config;
    let refusal = toProblem(error);
    // One picture that is too large is a picture that is too large, however the body was cut off.
    const { body: expects } = operation ?? {};
    if (refusal.code === 'PayloadTooLarge' && expects?.kind === 'pictures' && expects.most === 1)
      refusal = toProblem(problem('BadRequestImageSizeBytes'));
    const status = problems[refusal.code][0];
    // That it is stopping it says itself.
    if (status >= 500 && status !== 503 && !isAborted(error))
      app.log.error('request-failed', refusal.cause ?? refusal, { operation: operation?.id, request: request.id });
    const { message } = refusal;
    const told = { code: served?.problemCode(refusal.code) ?? refusal.code, message };
    // The gateway before Azure's service answers these in a form of its own, whichever version is asked; this is both.
    const isGateway = status === 401 || status === 429;
    const body = isGateway
      ? { ...told, error: { code: String(status), message } }
      : (served?.refusal.encode(told) ?? told);
    reply.code(status).type('application/json; charset=utf-8').send(JSON.stringify(body));
  };
}
