import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { until } from '../../test/fixtures/until.ts';
import { AppError } from '../base/errors.ts';
import { createFetcher } from './fetcher-http.ts';

const limit = 1000;
const local = createFetcher({ allowNetworks: ['127.0.0.0/8'], timeoutMs: 5000 });
const strict = createFetcher({ allowNetworks: [], timeoutMs: 2000 });

async function serve(t: TestContext, listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const refused = (pattern: RegExp) => (error: unknown) => {
  assert.ok(error instanceof AppError, String(error));
  assert.equal(error.code, 'BadRequestImageUrl');
  assert.match(error.message, pattern);
  assert.match(error.message, /^expected .* but received /);
  return true;
};

test('an allowed address gives its bytes, asked for with no cookie and no encoding', async (t) => {
  let headers: Record<string, unknown> = {};
  const base = await serve(t, (request, response) => {
    headers = request.headers;
    response.setHeader('set-cookie', 'a=b').end('picture');
  });
  assert.equal((await local.fetch(`${base}/a.jpg?x=1`, limit)).toString(), 'picture');
  assert.equal((await local.fetch(`${base}/a.jpg`, limit)).toString(), 'picture');
  assert.equal(headers.cookie, undefined);
  assert.equal(headers.authorization, undefined);
  assert.equal(headers['accept-encoding'], 'identity');
});

test('a name is looked up, and only its address is replaced', async (t) => {
  let host: string | undefined;
  const base = await serve(t, (request, response) => {
    host = request.headers.host;
    response.end('picture');
  });
  const url = base.replace('127.0.0.1', 'localhost');
  const both = createFetcher({ allowNetworks: ['127.0.0.0/8', '::1'] });
  assert.equal((await both.fetch(url, limit)).toString(), 'picture');
  assert.equal(host, new URL(url).host);
});

test('an encoded answer stays as it is', async (t) => {
  const packed = gzipSync(Buffer.alloc(100_000));
  const base = await serve(t, (_, response) => response.setHeader('content-encoding', 'gzip').end(packed));
  assert.deepEqual(await local.fetch(base, limit), packed);
});

const notPublic = [
  'http://127.0.0.1/',
  'http://127.1/',
  'http://0x7f.1/',
  'http://2130706433/',
  'http://017700000001/',
  'http://localhost/',
  'http://0.0.0.0/',
  'http://10.1.2.3/',
  'http://172.31.255.255/',
  'http://192.168.1.1/',
  'http://100.64.0.1/',
  'http://169.254.169.254/latest/meta-data/',
  'http://168.63.129.16/',
  'http://192.0.0.192/',
  'http://198.18.0.1/',
  'http://224.0.0.1/',
  'http://255.255.255.255/',
  'http://[::]/',
  'http://[::1]/',
  'http://[::ffff:127.0.0.1]/',
  'http://[::ffff:a00:1]/',
  'http://[::ffff:8.8.8.8]/',
  'http://[64:ff9b::7f00:1]/',
  'http://[64:ff9b:1::1]/',
  'http://[fe80::1]/',
  'http://[fd00:ec2::254]/',
  'http://[ff02::1]/',
  'http://[2002:7f00:1::]/',
  'http://[2001:0:1::1]/',
];
for (const url of notPublic)
  test(`${url} is refused before anything is sent`, () =>
    assert.rejects(strict.fetch(url, limit), refused(/public address/)));

test('only http and https, without credentials, are addresses', async () => {
  for (const url of [
    'file:///etc/passwd',
    'data:image/png;base64,AAAA',
    'ftp://example.com/a.png',
    'gopher://example.com/',
  ])
    await assert.rejects(strict.fetch(url, limit), refused(/scheme http or https/), url);
  await assert.rejects(strict.fetch('http://user:secret@example.com/', limit), refused(/user name and password/));
  for (const url of ['', 'picture.png', '//example.com/a.png', 'http://', 'http://[::1'])
    await assert.rejects(strict.fetch(url, limit), refused(/absolute http or https/), url);
});

test('redirects are followed, five of them, each judged anew', async (t) => {
  const base = await serve(t, (request, response) => {
    const left = Number(new URL(request.url!, 'http://x').searchParams.get('left'));
    if (left === 0) response.end('there');
    else response.writeHead(302, { location: `/?left=${left - 1}` }).end();
  });
  assert.equal((await local.fetch(`${base}/?left=5`, limit)).toString(), 'there');
  await assert.rejects(local.fetch(`${base}/?left=6`, limit), refused(/at most 5 redirects/));
});

test('a redirect leads to no private address, no file and no other scheme', async (t) => {
  const to = await serve(t, (request, response) => {
    response.writeHead(307, { location: decodeURIComponent(request.url!.slice(1)) }).end();
  });
  const follow = (location: string) => local.fetch(`${to}/${encodeURIComponent(location)}`, limit);
  await assert.rejects(follow('http://10.0.0.1/'), refused(/public address/));
  await assert.rejects(follow('http://[::ffff:a9fe:a9fe]/'), refused(/public address/));
  await assert.rejects(follow('file:///etc/passwd'), refused(/scheme/));
  await assert.rejects(follow('http://a:b@127.0.0.1/'), refused(/user name/));
});

test('an answer over the limit is cut off, announced or not', async (t) => {
  let sent = 0;
  let closed: () => void;
  const gone = new Promise<void>((done) => {
    closed = done;
  });
  const base = await serve(t, (request, response) => {
    if (request.url === '/announced')
      return void response.setHeader('content-length', 10 * limit).end(Buffer.alloc(10 * limit));
    if (request.url === '/exact') return void response.end(Buffer.alloc(limit));
    const pour = () => {
      while (response.write(Buffer.alloc(64 * 1024))) sent += 64 * 1024;
    };
    response.on('drain', pour).on('close', () => closed());
    pour();
  });
  assert.equal((await local.fetch(`${base}/exact`, limit)).length, limit);
  await assert.rejects(local.fetch(`${base}/announced`, limit), refused(/at most 1000 bytes/));
  await assert.rejects(local.fetch(`${base}/endless`, limit), refused(/at most 1000 bytes/));
  await gone;
  assert.ok(sent < 64 * 1024 * 1024, `the sender was read to ${sent} bytes`);
});

test('whoever never ends answering is left after the time-out', async (t) => {
  const base = await serve(t, (request, response) => {
    if (request.url === '/half') response.writeHead(200, { 'content-length': 100 }).write('half');
  });
  const hasty = createFetcher({ allowNetworks: ['127.0.0.1'], timeoutMs: 100 });
  await assert.rejects(hasty.fetch(`${base}/silent`, limit), refused(/within 0.1 s/));
  await assert.rejects(hasty.fetch(`${base}/half`, limit), refused(/within 0.1 s/));
});

test('a stream takes as long as it comes and is read, has an end, and is left when it pauses, is too long or leads inside', async (t) => {
  const closed: string[] = [];
  const base = await serve(t, async (request, response) => {
    response.once('close', () => closed.push(request.url!));
    response.writeHead(200).write('a'.repeat(600));
    if (request.url === '/slow')
      for (let n = 0; n < 3; n++) {
        await pause(200);
        response.write('b');
      }
    if (request.url !== '/paused') response.end('c'.repeat(request.url === '/long' ? 600 : 1));
  });
  const hasty = createFetcher({ allowNetworks: ['127.0.0.1'], timeoutMs: 500 });
  const never = new AbortController().signal;
  const read = async (path: string): Promise<string> =>
    Buffer.concat(await Array.fromAsync(hasty.stream(base + path, limit, never))).toString();
  assert.equal(await read('/slow'), `${'a'.repeat(600)}bbbc`);
  await assert.rejects(read('/paused'), refused(/bytes again within 0.5 s/));
  await assert.rejects(read('/long'), refused(/at most 1000 bytes/));
  await assert.rejects(Array.fromAsync(strict.stream(base, limit, never)), refused(/public address/));
  // Whoever reads slowly loses nothing, and whoever stops ends it.
  for await (const piece of hasty.stream(`${base}/paused`, limit, never)) {
    assert.equal(piece.length, 600);
    await pause(600);
    break;
  }
  await until(
    async () => closed.length,
    (count) => count === 4,
    5,
  );
  const stop = new AbortController();
  const reading = Array.fromAsync(local.stream(`${base}/paused`, limit, stop.signal));
  stop.abort(new Error('stopped'));
  await assert.rejects(reading, /stopped/);
});

test('other answers, broken ones and missing hosts say what was expected, and nothing of the query', async (t) => {
  const base = await serve(t, (request, response) => {
    if (request.url!.startsWith('/short'))
      response.writeHead(200, { 'content-length': 100 }).write('x', () => response.destroy());
    else response.writeHead(404).end('no');
  });
  const silent = (pattern: RegExp) => (error: Error) => refused(pattern)(error) && !error.message.includes('secret');
  await assert.rejects(local.fetch(`${base}/a?sig=secret`, limit), silent(/status 200.*status 404/));
  await assert.rejects(local.fetch(`${base}/short?sig=secret`, limit), silent(/failed connection/));
  await assert.rejects(local.fetch('http://nowhere.invalid/?sig=secret', limit), silent(/host name that exists/));
});

test('a setting that is no network is refused by name', () => {
  for (const text of ['10.0.0.0/33', 'localhost', '::1/129', '10.0.0.0/x'])
    assert.throws(() => createFetcher({ allowNetworks: [text] }), /OWNSIGHT_ALLOW_NETWORKS/, text);
  createFetcher({ allowNetworks: ['10.0.0.0/8', 'fd00::/8', '127.0.0.1'] });
});

test('what is sent goes to public or allowed addresses alone, and no further than those', async (t) => {
  const came: string[] = [];
  const base = await serve(t, async (request, response) => {
    came.push(`${request.method} ${request.url}`);
    if (request.url === '/moved') response.writeHead(307, { location: '/other' }).end();
    else response.writeHead(204).end();
  });
  const sent = (url: string) =>
    ({ url, method: 'POST', headers: {}, body: Buffer.from('x'), name: 'the hook' }) as const;
  await local.send(sent(`${base}/hook?sig=topsecret`));
  const redirected = { code: 'BadRequestInvalidUri', message: /^expected a status .* for the hook but received 307$/ };
  await assert.rejects(local.send(sent(`${base}/moved`)), redirected);
  for (const url of [`${base}/private?sig=topsecret`, 'http://169.254.169.254/', 'http://[::1]/', 'ftp://example.org/'])
    await assert.rejects(strict.send(sent(url)), (error: AppError) => {
      assert.equal(error.code, 'BadRequestInvalidUri');
      assert.doesNotMatch(error.message, /topsecret|127\.0/);
      return true;
    });
  assert.deepEqual(came, ['POST /hook?sig=topsecret', 'POST /moved']);
});
