/** Every operation of every version is asked for what is right, nearly right and wrong in every way. */
import { once } from 'node:events';
import { test } from 'node:test';
import { startServer } from '../fixtures/server.ts';
import { stall } from './exchange.ts';
import { fuzz } from './fuzz.ts';
import { everyRoute } from './routes.ts';

const [requests, rounds] = [10_000, 4];

test('ten thousand requests of any kind do no harm', { timeout: 1_800_000 }, (t) =>
  fuzz(t, { routes: everyRoute, each: Math.ceil(requests / rounds / everyRoute.length), rounds, trained: true }),
);

test('a connection that never says what it wants is closed', { timeout: 180_000 }, async (t) => {
  const server = await startServer();
  t.after(() => server.stop());
  const silent = await stall(server.endpoint, '', 1);
  const halfway = await stall(server.endpoint, 'GET / HTTP/1.1\r\nHost', 1);
  await Promise.all([...silent, ...halfway].map((socket) => once(socket, 'close')));
});
