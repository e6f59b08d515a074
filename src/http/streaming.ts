import type { FastifyInstance, RouteOptions } from 'fastify';

/** Registers a route whose handler is given the body as a stream, of any length, instead of all its bytes at once. */
export function registerStreaming(server: FastifyInstance, route: RouteOptions): void {
  server.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', (_request, body, done) => done(null, body));
    scope.route({ ...route, bodyLimit: Number.MAX_SAFE_INTEGER });
  });
}
