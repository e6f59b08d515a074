import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import type { FastifyInstance } from 'fastify';
import { openApi } from '../contract/openapi.ts';

const logo =
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 160 40"><text x="0" y="29" font-family="sans-serif" font-size="28" fill="#fff">Ownsight</text></svg>';

/** `/docs`: every route, to read and to try out. Works offline; `/docs/json` is the OpenAPI document. */
export async function registerDocs(server: FastifyInstance): Promise<void> {
  const document = openApi() as never;
  await server.register(swagger, { mode: 'static', specification: { document } });
  await server.register(swaggerUi, {
    routePrefix: '/docs',
    staticCSP: true,
    // Its own lets in other hosts, and upgrades to https, which a server in the house may not have.
    transformStaticCSP: () =>
      "default-src 'self'; img-src 'self' data:; font-src 'self' data:; style-src 'self' 'unsafe-inline'; object-src 'none'; base-uri 'self'; frame-ancestors 'self'",
    theme: { title: 'Ownsight: API' },
    logo: { type: 'image/svg+xml', content: Buffer.from(logo), href: '/' },
    uiConfig: { docExpansion: 'none', filter: true, validatorUrl: null, persistAuthorization: false },
  });
}
