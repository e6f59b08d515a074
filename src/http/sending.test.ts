import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { type TestContext, test } from 'node:test';
import Fastify from 'fastify';
import type { FileReply, ServerEvent } from '../contract/operation.ts';
import type { VersionedOperation } from '../contract/version.ts';
import { createErrorHandler } from './errors.ts';
import { send } from './sending.ts';

const operation = (reply: 'file' | 'events') => ({ success: [200], reply }) as unknown as VersionedOperation;
const silent = { error() {}, warn() {}, info() {} };

/** A server whose only answer is `body`; its address. */
async function serve(t: TestContext, reply: 'file' | 'events', body: unknown): Promise<string> {
  const server = Fastify({ forceCloseConnections: true });
  server.setErrorHandler(createErrorHandler({ log: silent } as never));
  server.get('/', (request, answer) => send(request, answer, operation(reply), { body }));
  t.after(() => server.close());
  return server.listen({ host: '127.0.0.1', port: 0 });
}

const content = Buffer.from(Array.from({ length: 1000 }, (_, at) => at % 251));
const file = (more: Partial<FileReply> = {}): FileReply => ({
  name: 'all mine “2026”.zip',
  mediaType: 'application/zip',
  size: content.length,
  tag: 'v1',
  open: async (from, to) => Readable.from([content.subarray(from, to)]),
  ...more,
});

test('a file comes whole, with its name, its size and its tag', async (t) => {
  const answer = await fetch(await serve(t, 'file', file()));
  assert.equal(answer.status, 200);
  assert.equal(answer.headers.get('content-length'), '1000');
  assert.equal(answer.headers.get('etag'), '"v1"');
  assert.equal(answer.headers.get('content-type'), 'application/zip');
  assert.equal(
    answer.headers.get('content-disposition'),
    `attachment; filename="all mine _2026_.zip"; filename*=UTF-8''all%20mine%20%E2%80%9C2026%E2%80%9D.zip`,
  );
  assert.deepEqual(Buffer.from(await answer.arrayBuffer()), content);
});

test('a part of a file, as a download that goes on asks for it', async (t) => {
  const address = await serve(t, 'file', file());
  const part = async (range: string, more: Record<string, string> = {}) => {
    const answer = await fetch(address, { headers: { range, ...more } });
    const bytes = Buffer.from(await answer.arrayBuffer());
    return { status: answer.status, range: answer.headers.get('content-range'), bytes };
  };
  const cases: readonly (readonly [string, number, number])[] = [
    ['bytes=0-0', 0, 1],
    ['bytes=990-', 990, 1000],
    ['bytes=10-19', 10, 20],
    ['bytes=10-99999', 10, 1000],
    ['bytes=-5', 995, 1000],
    ['bytes=-5000', 0, 1000],
  ];
  for (const [range, from, to] of cases)
    assert.deepEqual(
      await part(range),
      { status: 206, range: `bytes ${from}-${to - 1}/1000`, bytes: content.subarray(from, to) },
      range,
    );
  for (const range of ['bytes=1-2,4-5', 'pictures=1-2', 'bytes=9-3', 'bytes=-'])
    assert.deepEqual(await part(range), { status: 200, range: null, bytes: content }, range);
  for (const range of ['bytes=1000-', 'bytes=5000-6000', 'bytes=-0']) {
    const refused = await part(range);
    assert.deepEqual([refused.status, refused.range], [416, 'bytes */1000'], range);
    assert.equal((JSON.parse(refused.bytes.toString()) as { code: string }).code, 'RangeNotSatisfiable');
  }
  assert.equal((await part('bytes=5-', { 'if-range': '"v1"' })).status, 206);
  assert.equal((await part('bytes=5-', { 'if-range': '"v0"' })).status, 200, 'another file than the one begun');
});

test('a file of unknown size comes whole', async (t) => {
  const address = await serve(t, 'file', file({ size: undefined }));
  const answer = await fetch(address, { headers: { range: 'bytes=5-' } });
  assert.deepEqual([answer.status, answer.headers.get('accept-ranges')], [200, null]);
  assert.deepEqual(Buffer.from(await answer.arrayBuffer()), content);
});

test('a file is read no faster than it is taken, and let go when the client goes', async (t) => {
  let given = 0;
  let ended = () => {};
  const letGo = new Promise<void>((resolve) => {
    ended = resolve;
  });
  async function* endless() {
    const chunk = Buffer.alloc(1024 * 1024);
    try {
      for (;;) {
        given += chunk.length;
        yield chunk;
      }
    } finally {
      ended();
    }
  }
  const address = await serve(t, 'file', file({ size: undefined, open: async () => Readable.from(endless()) }));
  const client = new AbortController();
  const answer = await fetch(address, { signal: client.signal });
  const reader = answer.body!.getReader();
  const hash = createHash('sha256');
  for (let taken = 0; taken < 4 * 1024 * 1024; ) {
    const { value } = await reader.read();
    taken += value!.length;
    hash.update(value!);
  }
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.ok(given < 64 * 1024 * 1024, `${given} bytes were read for a client that took 4 MiB`);
  client.abort();
  await letGo;
});

test('events come one by one, as they happen', async (t) => {
  let happen = (_event: ServerEvent | undefined) => {};
  const next = () =>
    new Promise<ServerEvent | undefined>((resolve) => {
      happen = resolve;
    });
  async function* events() {
    yield { event: 'progress', data: { part: 0.5 }, id: '1' };
    const last = await next();
    if (last) yield last;
  }
  const answer = await fetch(await serve(t, 'events', events()));
  assert.equal(answer.headers.get('content-type'), 'text/event-stream; charset=utf-8');
  const reader = answer.body!.pipeThrough(new TextDecoderStream()).getReader();
  assert.equal((await reader.read()).value, 'id: 1\nevent: progress\ndata: {"part":0.5}\n\n');
  happen({ event: 'done', data: 'two\nlines' });
  assert.equal((await reader.read()).value, 'event: done\ndata: "two\\nlines"\n\n');
  assert.equal((await reader.read()).done, true);
});
