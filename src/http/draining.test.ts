import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { test } from 'node:test';
import Fastify from 'fastify';
import { drainBody } from './draining.ts';

test('a client that is refused while it still writes, and wants the connection closed, reads the refusal', async (t) => {
  const server = Fastify({ forceCloseConnections: true });
  t.after(() => server.close());
  server.route({
    method: 'POST',
    url: '/',
    onSend: drainBody,
    async onRequest() {
      throw Object.assign(new Error('who are you?'), { statusCode: 401 });
    },
    handler: async () => 'welcome',
  });
  await server.listen({ host: '127.0.0.1', port: 0 });
  const socket = connect((server.server.address() as { port: number }).port, '127.0.0.1');
  t.after(() => socket.destroy());
  let said = '';
  socket.setEncoding('utf8').on('data', (some: string) => {
    said += some;
  });
  const closed = once(socket, 'close');
  const pieces = 64;
  const piece = Buffer.alloc(1 << 16, 'x');
  const head = ['POST / HTTP/1.1', 'Host: here', 'Connection: close', 'Content-Type: application/json'];
  socket.write(`${head.join('\r\n')}\r\nContent-Length: ${pieces * piece.length}\r\n\r\n`);
  for (let n = 0; n < pieces; n++) {
    // One after the other, each when the one before was taken: the server has long known that it refuses.
    await new Promise<void>((resolve, reject) => socket.write(piece, (error) => (error ? reject(error) : resolve())));
    await new Promise(setImmediate);
  }
  await closed;
  assert.match(said, /^HTTP\/1\.1 401 [\s\S]*who are you\?/);
});
