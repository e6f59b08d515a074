import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import type { FastifyInstance } from 'fastify';
import { openApi } from '../contract/openapi.ts';

/** `/docs`: every route, to read and to try out. Works offline; `/docs/json` is the OpenAPI document. */
export async function registerDocs(server: FastifyInstance): Promise<void> {
  const document = openApi() as never;
  await server.register(swagger, { mode: 'static', specification: { document } });
  await server.register(swaggerUi, {
    routePrefix: '/docs',
    staticCSP: true,
    uiConfig: { docExpansion: 'none', filter: true, validatorUrl: null, persistAuthorization: false },
  });
}
