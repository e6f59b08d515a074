import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import Fastify from 'fastify';
import { registerStreaming } from './streaming.ts';

test('a streamed body is read at the pace of its handler, beside routes whose bodies are collected', async (t) => {
  const server = Fastify({ bodyLimit: 1000 });
  server.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
  let sent = 0;
  let begun = () => {};
  const go = new Promise<void>((resolve) => {
    begun = resolve;
  });
  registerStreaming(server, {
    method: 'POST',
    url: '/stream',
    handler: async (request) => {
      let bytes = 0;
      await go;
      for await (const chunk of (request.body ?? Readable.from([])) as Readable) bytes += (chunk as Buffer).length;
      return { bytes };
    },
  });
  server.post('/collected', async (request) => ({ bytes: (request.body as Buffer).length }));
  t.after(() => server.close());
  const address = await server.listen({ host: '127.0.0.1', port: 0 });
  const post = (path: string, body?: unknown, type = 'application/json') =>
    fetch(address + path, {
      method: 'POST',
      ...(body !== undefined && { body, headers: { 'Content-Type': type } }),
      duplex: 'half',
    } as RequestInit);
  async function* pieces() {
    for (; sent < 100; sent++) yield Buffer.alloc(1024 * 1024);
  }
  const large = post('/stream', Readable.toWeb(Readable.from(pieces())));
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.ok(sent < 30, `${sent} MiB were taken before the handler read any`);
  begun();
  assert.deepEqual(await (await large).json(), { bytes: 100 * 1024 * 1024 });
  assert.deepEqual(await (await post('/stream', '{"not": read')).json(), { bytes: 12 });
  assert.deepEqual(await (await post('/stream')).json(), { bytes: 0 });
  assert.deepEqual(await (await post('/collected', 'abc', 'text/x')).json(), { bytes: 3 });
  assert.equal((await post('/collected', 'x'.repeat(1001), 'text/x')).status, 413);
});
