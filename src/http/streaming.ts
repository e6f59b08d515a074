import type { FastifyInstance, RouteOptions } from 'fastify';

/** How long a client may go on with a body that is of no use any more, ms: until it has seen the answer. */
const lingerTime = 10_000;

/**
 * Registers a route whose handler is given the body as a stream, of any length, instead of all its bytes at once. When it
 * answers without having read all of it, and has not destroyed it, the rest is thrown away for a while: a client that is
 * still writing would see the end of the connection instead of the answer (RFC 9112, section 9.6).
 */
export function registerStreaming(server: FastifyInstance, route: RouteOptions, linger = lingerTime): void {
  server.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', (_request, body, done) => done(null, body));
    scope.addHook('onResponse', async ({ raw }) => {
      if (raw.complete) return;
      raw.resume();
      const timer = setTimeout(() => raw.destroy(), linger).unref();
      for (const end of ['end', 'close']) raw.once(end, () => clearTimeout(timer));
    });
    scope.route({ ...route, bodyLimit: Number.MAX_SAFE_INTEGER });
  });
}
