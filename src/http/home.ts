import type { FastifyInstance } from 'fastify';
import type { App } from '../services/context.ts';
import { baseOf } from './base-address.ts';

/** `/`: a page for people who open the address in a browser. `/health`: 200 while the server answers, for machines. */
export function registerHome(server: FastifyInstance, app: App): void {
  server.get('/health', async () => ({ status: 'ok' }));
  server.get('/', async (request, reply) => {
    reply.header('content-security-policy', "default-src 'none'; style-src 'unsafe-inline'");
    return reply.type('text/html; charset=utf-8').send(page(inHtml(baseOf(app, request))));
  });
}

const inHtml = (text: string): string => text.replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);

const page = (base: string): string => `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Ownsight</title>
<style>body{font:16px/1.6 system-ui,sans-serif;max-width:40rem;margin:4rem auto;padding:0 1rem}code{background:#8882;padding:.1em .3em}</style>
</head>
<body>
<h1>Ownsight is running</h1>
<p>Programs written for Azure Custom Vision work here with this endpoint and a key of this server:</p>
<p><code>${base}</code></p>
<ul>
<li>Training: <code>${base}/customvision/v3.3/training</code></li>
<li>Prediction: <code>${base}/customvision/v3.1/prediction</code></li>
</ul>
<p>The keys are shown where the server was started, and by <code>ownsight account keys</code>.</p>
<p><a href="/docs">Every address, documented</a></p>
</body>
</html>
`;
