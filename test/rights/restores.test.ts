/** An archive is put back over HTTP: checked first, never in the clear on the disk, whatever happens meanwhile. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { request as send } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { lockFile } from '../../src/store/database-sqlite.ts';
import { newestClients } from '../fixtures/clients.ts';
import { environment, root, runOwnsight, startServer, type TestServer } from '../fixtures/server.ts';
import { crawlOriginals, type TrainedAccount, trainAccount } from '../fixtures/trained-account.ts';
import { until } from '../fixtures/until.ts';

interface Restore {
  readonly id: string;
  readonly state: string;
  readonly projects: { readonly id: string; readonly from: string; readonly outcome: string }[];
  readonly reason: string | null;
}

let folder: string;
let source: TestServer;
let account: TrainedAccount;
let archive: Buffer;

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'ownsight-restores-'));
  source = await startServer();
  account = await trainAccount(source);
  const headers = { 'Training-Key': source.trainingKey };
  archive = Buffer.from(
    await (await fetch(`${source.endpoint}/ownsight/v1/takeout?format=zip`, { headers })).arrayBuffer(),
  );
});
after(async () => {
  await source?.stop();
  rmSync(folder, { recursive: true, force: true });
});

async function call<T>(server: TestServer, method: string, path: string, body?: Uint8Array, key = server.trainingKey) {
  const answer = await fetch(`${server.endpoint}/ownsight/v1${path}`, {
    method,
    headers: { 'Training-Key': key },
    ...(body === undefined ? {} : { body: new Uint8Array(body) }),
  });
  const text = await answer.text();
  return { status: answer.status, json: (text === '' ? undefined : JSON.parse(text)) as T };
}

const ended = (server: TestServer, id: string): Promise<Restore> =>
  until(
    async () => (await call<Restore>(server, 'GET', `/restores/${id}`)).json,
    ({ state }) => state !== 'Checking' && state !== 'Restoring',
  );

test('into an empty account of another server: the same pictures and answers; a second time changes nothing', async (t) => {
  const server = await startServer();
  t.after(() => server.stop());
  const begun = await call<Restore>(server, 'POST', '/restores', archive);
  assert.deepEqual([begun.status, begun.json.state], [202, 'Checking']);
  const done = await ended(server, begun.json.id);
  assert.deepEqual([done.state, done.reason], ['Done', null]);
  assert.deepEqual(done.projects.map((one) => [one.id, one.from, one.outcome]).sort(), [
    ...[account.projectId, account.detectionId].map((id) => [id, id, 'restored']).sort(),
  ]);
  const clients = newestClients(server);
  for (const id of [account.projectId, account.detectionId])
    assert.deepEqual(await crawlOriginals(clients, id), await crawlOriginals(account.clients, id));
  const answers = async (one: typeof clients) =>
    (await one.prediction.classifyImageWithNoStore(account.projectId, 'live', account.unseen)).predictions!.map(
      (each) => each.probability,
    );
  assert.deepEqual(await answers(clients), await answers(account.clients));
  const again = await call<Restore>(server, 'POST', '/restores', archive);
  assert.deepEqual(
    (await ended(server, again.json.id)).projects.map((one) => one.outcome),
    ['present', 'present'],
  );
  assert.equal((await call<Restore[]>(server, 'GET', '/restores')).json.length, 2);
  assert.ok(!existsSync(join(server.home, 'spool')) || readdirSync(join(server.home, 'spool')).length === 0);
  const { keys } = JSON.parse((await runOwnsight(server.home, ['account', 'create', 'other', '--json'])).output);
  assert.equal((await call(server, 'GET', `/restores/${done.id}`, undefined, keys.training.primary)).status, 404);
  const { code, output } = await runOwnsight(server.home, ['doctor']);
  assert.equal(code, 0, output);
});

test('a damaged archive changes nothing, and the reason names the entry', async (t) => {
  const server = await startServer();
  t.after(() => server.stop());
  const damaged = Buffer.from(archive);
  damaged[damaged.indexOf(readFirstPicture()) + 50]! ^= 1;
  for (const [body, reason] of [
    [damaged, /images\/[0-9a-f-]{36}\.jpg/],
    [Buffer.from('no archive at all'), /a zip or a tar/],
    [archive.subarray(0, archive.length - 1000), /zip/],
    [Buffer.alloc(0), /a zip or a tar/],
  ] as const) {
    const { json } = await call<Restore>(server, 'POST', '/restores', body);
    const failed = await ended(server, json.id);
    assert.equal(failed.state, 'Failed');
    assert.match(failed.reason!, reason);
  }
  assert.deepEqual(await newestClients(server).training.getProjects(), []);
  assert.deepEqual(
    globSync('{blobs,spool}/**/*', { cwd: server.home, withFileTypes: true }).filter((one) => one.isFile()),
    [],
  );
});

/** The first bytes of a picture of the archive, which stores them as they are. */
function readFirstPicture(): Buffer {
  const at = archive.indexOf(Buffer.from([0xff, 0xd8, 0xff]));
  return archive.subarray(at, at + 200);
}

function isLinkTo(path: string, folder: string): boolean {
  try {
    return readlinkSync(path).startsWith(folder);
  } catch {
    return false;
  }
}

/** Files of the spool that the server has open, their names gone; elsewhere than on Linux they cannot be seen. */
const spooled = (server: TestServer): string[] =>
  process.platform !== 'linux'
    ? []
    : readdirSync(`/proc/${server.pid}/fd`)
        .map((fd) => `/proc/${server.pid}/fd/${fd}`)
        .filter((path) => isLinkTo(path, join(server.home, 'spool')));

test('a client that goes away in the middle leaves nothing; what arrives is noise on the disk', async (t) => {
  const server = await startServer();
  t.after(() => server.stop());
  const upload = send(`${server.endpoint}/ownsight/v1/restores`, {
    method: 'POST',
    headers: { 'Training-Key': server.trainingKey, 'Content-Length': String(archive.length) },
  });
  upload.on('error', () => undefined);
  upload.write(archive.subarray(0, archive.length >> 1));
  if (process.platform === 'linux') {
    // Its name is gone already; the server alone has it open.
    const path = await until(
      async () => spooled(server)[0],
      (found) => found !== undefined && readFileSync(found).length > 500_000,
      20,
    );
    assert.ok(!readFileSync(path!).includes(readFirstPicture().subarray(0, 100)));
  }
  upload.destroy();
  await until(
    async () => (existsSync(join(server.home, 'spool')) ? readdirSync(join(server.home, 'spool')) : []),
    (left) => left.length === 0,
    5,
  );
  assert.deepEqual((await call(server, 'GET', '/restores')).json, []);
});

test('cancelled while it is put back: it says so, nothing of it is there, and no file is left', async (t) => {
  const server = await startServer();
  t.after(() => server.stop());
  const { json } = await call<Restore>(server, 'POST', '/restores', archive);
  const { status } = await call(server, 'DELETE', `/restores/${json.id}`);
  assert.equal(status, 204);
  const { state, reason } = (await call<Restore>(server, 'GET', `/restores/${json.id}`)).json;
  assert.deepEqual([state, reason], ['Cancelled', 'It was cancelled.']);
  assert.deepEqual(await newestClients(server).training.getProjects(), []);
  await until(
    async () => [
      ...globSync('{blobs,spool}/**/*', { cwd: server.home, withFileTypes: true }).filter((one) => one.isFile()),
      ...spooled(server),
    ],
    (left) => left.length === 0,
    10,
  );
});

test('a server killed while it puts back: it says so, takes it again, and files it left are gone', async (t) => {
  const home = join(folder, 'killed', 'data');
  let server = await startServer({ home });
  t.after(() => server.stop());
  const { json } = await call<Restore>(server, 'POST', '/restores', archive);
  await server.kill();
  mkdirSync(join(home, 'spool'), { recursive: true });
  writeFileSync(join(home, 'spool', json.id), 'left behind');
  server = await startServer({ home });
  assert.ok(!existsSync(join(home, 'spool')));
  const failed = (await call<Restore>(server, 'GET', `/restores/${json.id}`)).json;
  assert.equal(failed.state, 'Failed');
  assert.match(failed.reason!, /interrupted.*send it again/);
  await until(
    async () => (await call<Restore>(server, 'POST', '/restores', archive)).json,
    (again) => again.id !== undefined,
  ).then(async ({ id }) => assert.equal((await ended(server, id)).state, 'Done'));
  assert.equal((await newestClients(server).training.getProjects()).length, 2);
});

/** Whether a process stopped where it holds no lock of a database, so that another can write. */
async function stoodStill(pid: number, database: string): Promise<boolean> {
  await until(
    async () => readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]![0],
    (state) => state === 'T',
  );
  try {
    lockFile(database)();
    return true;
  } catch {
    return false;
  }
}

test('a server that starts while a command puts an archive back takes nothing of it away', async (t) => {
  const home = join(folder, 'beside', 'data');
  const file = join(folder, 'beside.zip');
  writeFileSync(file, archive);
  const command = spawn(process.execPath, [join(root, 'src/main.ts'), 'restore', file], {
    env: environment(home),
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  t.after(() => command.kill('SIGKILL'));
  const said: Buffer[] = [];
  command.stderr.on('data', (chunk: Buffer) => said.push(chunk));
  const left = once(command, 'exit');
  // In the middle of a project: pictures are there, and the project is not visible yet. Then it stands still.
  await until(
    async () => globSync('blobs/*/*/image-original/*', { cwd: home }).length,
    (count) => count > 0,
  );
  await until(
    async () => {
      command.kill('SIGSTOP');
      if (await stoodStill(command.pid!, join(home, 'ownsight.db'))) return true;
      command.kill('SIGCONT');
      return false;
    },
    (still) => still,
  );
  const server = await startServer({ home });
  t.after(() => server.stop());
  command.kill('SIGCONT');
  const [code] = await left;
  assert.equal(code, 0, Buffer.concat(said).toString());
  const keys = JSON.parse((await runOwnsight(home, ['account', 'keys', source.account, '--json'])).output).keys;
  const clients = newestClients({
    ...server,
    trainingKey: keys.training.primary,
    predictionKey: keys.prediction.primary,
  });
  for (const id of [account.projectId, account.detectionId])
    assert.deepEqual(await crawlOriginals(clients, id), await crawlOriginals(account.clients, id));
  const examined = await runOwnsight(home, ['doctor']);
  assert.equal(examined.code, 0, examined.output);
});
