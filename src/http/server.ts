import Fastify, { type FastifyInstance, type FastifyRequest } from 'fastify';
import { newId } from '../base/id.ts';
import { problem } from '../domain/problems.ts';
import type { App } from '../services/context.ts';
import { bodyTime, limitTime } from './body-time.ts';
import { registerDocs } from './docs.ts';
import { createErrorHandler } from './errors.ts';
import { registerExports } from './export-routes.ts';
import { registerHome } from './home.ts';
import { registerLinks } from './link-routes.ts';
import { answerUnknown } from './not-found.ts';
import { registerOperations } from './routes.ts';

/**
 * The path that is meant by one of old clients, or made by hand (`//customvision`); and 3.4-preview by its draft, which it
 * differs from by nothing but that it was never published.
 */
const plainPath = (path: string): string =>
  path.replaceAll(/\/{2,}/g, '/').replace(/^(\/customvision\/v3\.4-preview)\.1(?=\/)/i, '$1');

/** The HTTP server over `app`, ready but not listening. `close()` ends connections; the app itself stays open. */
export async function createServer(app: App): Promise<FastifyInstance> {
  const server = Fastify({
    logger: false,
    genReqId: newId,
    exposeHeadRoutes: false,
    rewriteUrl: (request) => (request.url ?? '/').replace(/^[^?]*/, plainPath),
    routerOptions: { caseSensitive: false, ignoreTrailingSlash: true, maxParamLength: 2048 },
    forceCloseConnections: 'idle',
    // The framework's own answer has another form.
    return503OnClosing: false,
    // No hook runs for these.
    frameworkErrors: (error, request, reply) => handleError(error, request, reply.headers(headersOf(request))),
    clientErrorHandler(_error, socket) {
      if (!socket.writable) return;
      const body = JSON.stringify({ code: 'BadRequest', message: 'Expected an HTTP request but could not read it.' });
      socket.end(
        `HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
      );
    },
  });
  const handleError = createErrorHandler(app);
  server.decorateRequest('holder', undefined);
  let isEnding = false;
  server.addHook('preClose', async () => {
    isEnding = true;
  });
  server.addHook('onRequest', async (request, reply) => {
    reply.headers(headersOf(request));
    if (isEnding) throw problem('ErrorPredictionServiceUnavailable');
    if (request.routeOptions.config.operation?.body?.kind === 'stream') request.raw.socket.setTimeout(bodyTime);
    else limitTime(request.raw);
  });
  // Bodies arrive whole as bytes: what they are is decided by the operation, since clients name wrong media types.
  server.removeAllContentTypeParsers();
  server.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
  server.setErrorHandler(handleError);
  server.setNotFoundHandler(answerUnknown);
  registerOperations(server, app);
  registerLinks(server, app);
  registerExports(server, app);
  registerHome(server, app);
  await registerDocs(server);
  await server.ready();
  return server;
}

/** The headers of every answer. */
const headersOf = (request: FastifyRequest) => ({
  'apim-request-id': request.id,
  'request-id': request.id,
  'strict-transport-security': 'max-age=31536000; includeSubDomains; preload',
  'x-content-type-options': 'nosniff',
});
