import type { FastifyRequest } from 'fastify';
import type { App } from '../services/context.ts';

/** How the client of this request reaches the server, without a slash at the end: as configured, else as it came. */
export const baseOf = (app: Pick<App, 'config'>, request: FastifyRequest): string =>
  app.config.publicUrl ?? `${request.protocol}://${request.host}`;
