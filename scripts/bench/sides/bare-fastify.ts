/** A web server that does nothing but answer: the peer of GetTag. */
import fastify from 'fastify';
import { serveSide } from '../side.ts';

serveSide<{ body: object }, undefined, string>(async ({ body }) => {
  const server = fastify({ logger: false });
  server.get('/customvision/v3.3/training/projects/:projectId/tags/:tagId', async () => body);
  const address = await server.listen({ host: '127.0.0.1', port: 0 });
  return { round: async () => address, close: () => server.close() };
});
