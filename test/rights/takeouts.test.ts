/** An archive that was begun is gone on with by any client, after a lost connection and a killed server. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { get, type IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { after, before, test } from 'node:test';
import { newestClients } from '../fixtures/clients.ts';
import { runOwnsight, startServer, type TestServer } from '../fixtures/server.ts';
import { type TrainedAccount, trainAccount } from '../fixtures/trained-account.ts';
import { until } from '../fixtures/until.ts';
import { unzip } from '../fixtures/unzip.ts';

interface Takeout {
  readonly id: string;
  readonly projectId: string | null;
  readonly state: string;
  readonly bytes: number;
  readonly sent: number;
  readonly missing: number;
  readonly link: string;
}

let folder: string;
let home: string;
let server: TestServer;
let account: TrainedAccount;

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'ownsight-takeouts-'));
  home = join(folder, 'data');
  server = await startServer({ home });
  account = await trainAccount(server);
});
after(async () => {
  await server?.stop();
  rmSync(folder, { recursive: true, force: true });
});

async function call<T>(method: string, path: string, body?: unknown, key = server.trainingKey) {
  const answer = await fetch(`${server.endpoint}/ownsight/v1${path}`, {
    method,
    headers: { 'Training-Key': key, ...(body === undefined ? {} : { 'Content-Type': 'application/json' }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  return { status: answer.status, json: (text === '' ? undefined : JSON.parse(text)) as T };
}

/** Reads at least `count` bytes from `from` on, then breaks the connection. */
async function readSome(link: string, from: number, count: number): Promise<Buffer> {
  const request = get(link, { headers: from === 0 ? {} : { Range: `bytes=${from}-` } });
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  assert.equal(response.statusCode, from === 0 ? 200 : 206);
  const pieces: Buffer[] = [];
  let got = 0;
  response.on('error', () => undefined);
  for await (const piece of response as AsyncIterable<Buffer>) {
    pieces.push(piece);
    got += piece.length;
    if (got >= count) break;
  }
  request.destroy();
  return Buffer.concat(pieces);
}

/** The link as this server has it: its port changes with each start. */
const here = (link: string): string => link.replace(/^http:\/\/[^/]+/, server.endpoint);

for (const format of ['zip', 'tar'])
  test(`${format}: broken connections and a killed server; then it is put back whole`, async (t) => {
    const begun = await call<Takeout>('POST', '/takeouts', { format });
    assert.equal(begun.status, 201);
    const { id, bytes, link } = begun.json;
    const parts = [await readSome(link, 0, bytes >> 2)];
    await until(
      async () => (await call<Takeout>('GET', `/takeouts/${id}`)).json.state,
      (state) => state === 'Waiting',
      2,
    );
    parts.push(await readSome(here(link), Buffer.concat(parts).length, bytes >> 2));
    await server.kill();
    server = await startServer({ home });
    parts.push(await readSome(here(link), Buffer.concat(parts).length, bytes));
    const whole = Buffer.concat(parts);
    assert.equal(whole.length, bytes);
    assert.equal((await call<Takeout>('GET', `/takeouts/${id}`)).json.state, 'Sent');
    const file = join(folder, `whole.${format}`);
    writeFileSync(file, whole);
    if (format === 'zip') assert.ok((await unzip(whole)).size > 50);
    const empty = join(mkdtempSync(join(folder, 'empty-')), 'data');
    t.after(() => rmSync(empty, { recursive: true, force: true }));
    const { code, output } = await runOwnsight(empty, ['restore', file]);
    assert.equal(code, 0, output);
    assert.equal(output.match(/: restored/g)?.length, 2, output);
  });

test('curl goes on with a file of which a part is there', async (t) => {
  if (spawnSync('curl', ['--version']).status !== 0) return t.skip('there is no curl');
  const { json } = await call<Takeout>('POST', '/takeouts', { projectId: account.detectionId });
  assert.equal(json.projectId, account.detectionId);
  const file = join(folder, 'curl.zip');
  writeFileSync(file, (await readSome(json.link, 0, json.bytes >> 1)).subarray(0, json.bytes >> 1));
  const { status, stderr } = spawnSync('curl', ['--fail', '-sS', '-C', '-', '-o', file, json.link]);
  assert.equal(status, 0, String(stderr));
  assert.equal(readFileSync(file).length, json.bytes);
  const names = [...(await unzip(readFileSync(file))).keys()];
  assert.ok(names.some((name) => name.includes(`${account.detectionId}/project.json`)));
  assert.ok(!names.some((name) => name.includes(account.projectId)));
});

test('the command goes on with a part of a file, leaves nothing beside it, and begins anew after a change', async () => {
  const file = join(folder, 'resumed.tar');
  const { json } = await call<Takeout>('POST', '/takeouts', { format: 'tar' });
  const whole = Buffer.from(await (await fetch(json.link)).arrayBuffer());
  const partOf = (id: string): string => `${file}.${id}.part`;
  writeFileSync(partOf(json.id), whole.subarray(0, json.bytes >> 1));
  const resume = () => runOwnsight(home, ['takeout', '--resume', '--out', file]);
  const first = await resume();
  assert.equal(first.code, 0, first.output);
  assert.match(first.output, new RegExp(`Went on after ${json.bytes >> 1} bytes`));
  assert.ok(readFileSync(file).equals(whole), 'as one that was never interrupted');
  assert.equal((await call('GET', `/takeouts/${json.id}`)).status, 404);
  const beside = () => readdirSync(folder).filter((name) => name.startsWith('resumed.tar.'));
  assert.deepEqual(beside(), []);

  // Of a takeout that is over, and of another project: the one is removed, the other left.
  const other = (await call<Takeout>('POST', '/takeouts', { format: 'tar', projectId: account.projectId })).json.id;
  for (const id of [json.id, other]) writeFileSync(partOf(id), whole.subarray(0, 1000));
  const second = await resume();
  assert.equal(second.code, 0, second.output);
  assert.doesNotMatch(second.output, /Went on/);
  assert.deepEqual(beside(), [basename(partOf(other))]);
  assert.equal(spawnSync('tar', ['-tf', file]).status, 0);
});

test('HEAD tells the length without making anything; If-Range and ranges are as the standard has them', async () => {
  const { json } = await call<Takeout>('POST', '/takeouts');
  const head = await fetch(json.link, { method: 'HEAD' });
  const tag = head.headers.get('etag')!;
  assert.deepEqual(
    [
      head.status,
      head.headers.get('content-length'),
      head.headers.get('accept-ranges'),
      head.headers.get('content-type'),
    ],
    [200, String(json.bytes), 'bytes', 'application/zip'],
  );
  assert.match(tag, /^"[^"]+"$/);
  const part = await fetch(json.link, { headers: { Range: 'bytes=10-19', 'If-Range': tag } });
  assert.deepEqual([part.status, part.headers.get('content-range')], [206, `bytes 10-19/${json.bytes}`]);
  assert.equal((await part.arrayBuffer()).byteLength, 10);
  const other = await fetch(json.link, { headers: { Range: 'bytes=10-19', 'If-Range': '"another"' } });
  assert.equal(other.status, 200);
  await other.body!.cancel();
  const beyond = await fetch(json.link, { headers: { Range: `bytes=${json.bytes}-` } });
  assert.equal(beyond.status, 416);
});

test('a picture that was sent and deleted: the archive is not gone on with, and the answer says what to do', async () => {
  const { json } = await call<Takeout>('POST', '/takeouts', { projectId: account.detectionId });
  const begin = await readSome(json.link, 0, Math.floor(json.bytes * 0.9));
  const [image] = await newestClients(server).training.getImages(account.detectionId, { take: 1 });
  await newestClients(server).training.deleteImages(account.detectionId, { imageIds: [image!.id!] });
  const refused = await fetch(here(json.link), { headers: { Range: `bytes=${begin.length - 10}-` } });
  assert.equal(refused.status, 412);
  assert.match(((await refused.json()) as { message: string }).message, /begin a new one/);
  assert.equal((await call<Takeout>('GET', `/takeouts/${json.id}`)).json.state, 'Changed');
});

test('it is nobody else’s; cancelled, its link is dead; and it goes with its project', async () => {
  const stranger = JSON.parse((await runOwnsight(home, ['account', 'create', 'stranger', '--json'])).output) as {
    keys: { training: { primary: string } };
  };
  const key = stranger.keys.training.primary;
  const { json } = await call<Takeout>('POST', '/takeouts');
  assert.equal((await call('GET', `/takeouts/${json.id}`, undefined, key)).status, 404);
  assert.equal((await call('DELETE', `/takeouts/${json.id}`, undefined, key)).status, 404);
  assert.equal((await call('POST', '/takeouts', { projectId: account.projectId }, key)).status, 404);
  assert.deepEqual((await call('GET', '/takeouts', undefined, key)).json, []);
  assert.equal((await fetch(json.link.replace(/token=.*/, 'token=no'))).status, 404);
  assert.equal((await call('DELETE', `/takeouts/${json.id}`)).status, 204);
  assert.equal((await fetch(json.link)).status, 404);
  const { json: ofProject } = await call<Takeout>('POST', '/takeouts', { projectId: account.detectionId });
  await newestClients(server).training.deleteProject(account.detectionId);
  assert.equal((await fetch(here(ofProject.link))).status, 404);
  await until(
    async () => (await call<Takeout[]>('GET', '/takeouts')).json,
    (all) => all.every((one) => one.projectId !== account.detectionId),
  );
});
