import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { type TestContext, test } from 'node:test';
import { limitTime } from './body-time.ts';

/** Sends `pieces` of 100 bytes, one every 20 ms, and then says no more; returns what was answered. */
async function drip(t: TestContext, pieces: number, length: number): Promise<string> {
  const server = createServer((request, response) => {
    limitTime(request, 200, 1000);
    request.on('error', () => undefined);
    request.resume().once('end', () => response.end('whole'));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  t.after(() => socket.destroy());
  let said = '';
  socket.on('data', (bytes) => {
    said += bytes;
  });
  socket.on('error', () => undefined);
  socket.write(`POST / HTTP/1.1\r\nHost: here\r\nConnection: close\r\nContent-Length: ${length}\r\n\r\n`);
  let sent = 0;
  const timer = setInterval(() => (sent++ < pieces ? socket.write(Buffer.alloc(100)) : clearInterval(timer)), 20);
  t.after(() => clearInterval(timer));
  await once(socket, 'close');
  return said;
}

test('a body that stops coming is given up', async (t) => {
  assert.equal(await drip(t, 1, 1000), '');
});

test('a body that comes at a pace may take longer', async (t) => {
  assert.match(await drip(t, 30, 3000), /whole/);
});
