import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import type { Readable } from 'node:stream';
import { type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import Fastify from 'fastify';
import { until } from '../../test/fixtures/until.ts';
import { registerStreaming } from './streaming.ts';

const piece = Buffer.alloc(1 << 16);
const statusLine = (status: number): string => `HTTP/1.1 ${status} `;

/** A server that answers 507 at the first piece of a body, and 200 with the length of one that begins with a 1. */
async function listening(t: TestContext, linger: number): Promise<number> {
  const server = Fastify({ forceCloseConnections: true });
  t.after(() => server.close());
  registerStreaming(
    server,
    {
      method: 'POST',
      url: '/',
      async handler(request, reply) {
        let length = 0;
        for await (const some of (request.body as Readable).iterator({ destroyOnReturn: false })) {
          if (length === 0 && some[0] !== 1) throw Object.assign(new Error('full'), { statusCode: 507 });
          length += some.length;
        }
        return reply.send(String(length));
      },
    },
    linger,
  );
  await server.listen({ host: '127.0.0.1', port: 0 });
  return (server.server.address() as { port: number }).port;
}

/** A connection that has announced a body. */
async function begin(t: TestContext, port: number, length: number) {
  const socket = connect(port, '127.0.0.1');
  const said: Buffer[] = [];
  let failure: unknown;
  socket.on('data', (bytes) => said.push(bytes));
  socket.on('error', (error) => {
    failure = error;
  });
  await once(socket, 'connect');
  t.after(() => socket.destroy());
  socket.write(`POST / HTTP/1.1\r\nHost: here\r\nContent-Type: application/zip\r\nContent-Length: ${length}\r\n\r\n`);
  const write = async (bytes: Buffer): Promise<void> => {
    socket.write(bytes);
    while (socket.writableLength > bytes.length && !socket.destroyed) await pause(1);
  };
  return { socket, write, said: () => Buffer.concat(said).toString(), failure: () => failure };
}

test('a client that is still writing a body nobody wants any more reads the answer, and may ask again', async (t) => {
  const pieces = 512;
  const client = await begin(t, await listening(t, 10_000), pieces * piece.length);
  for (let one = 0; one < pieces; one++) await client.write(piece);
  await until(
    async () => client.said(),
    (said) => said.includes('full'),
    20,
  );
  assert.ok(client.said().startsWith(statusLine(507)), client.said());
  client.socket.write(
    'POST / HTTP/1.1\r\nHost: here\r\nContent-Type: application/zip\r\nContent-Length: 3\r\n\r\n\x01\x01\x01',
  );
  await until(
    async () => client.said(),
    (said) => said.includes(statusLine(200)),
    20,
  );
  assert.match(client.said(), /\r\n3$/);
  assert.equal(client.failure(), undefined);
});

test('one that never stops is cut off after a while', async (t) => {
  const client = await begin(t, await listening(t, 300), Number.MAX_SAFE_INTEGER);
  const begun = performance.now();
  while (!client.socket.destroyed && performance.now() < begun + 20_000) {
    await client.write(piece);
    await pause(1);
  }
  assert.ok(client.socket.destroyed);
  assert.ok(performance.now() - begun > 290);
  assert.ok(client.said().startsWith(statusLine(507)), client.said());
});
