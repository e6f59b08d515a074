import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { runOwnsight, startServer, type TestServer } from '../fixtures/server.ts';
import { until } from '../fixtures/until.ts';
import { memoryOf } from '../forensic/memory.ts';

const projects = '/customvision/v3.3/training/projects';

/** A folder for a server's home, removed when the test ends. */
function homeOf(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'ownsight-anew-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, 'data');
}

async function start(t: TestContext, home: string, env: Record<string, string> = {}): Promise<TestServer> {
  const server = await startServer({ home, env: { OWNSIGHT_LOG: 'info', OWNSIGHT_RESTART_AFTER: '0', ...env } });
  t.after(() => server.kill());
  return server;
}

const ask = (server: TestServer, method: string, path: string, key = server.trainingKey, body?: object) =>
  fetch(server.endpoint + path, {
    method,
    headers: { 'Training-Key': key, 'Content-Type': 'application/json', Connection: 'close' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });

/** Deletes the account of a key; its receipt is answered as soon as there is one, also while no server listens. */
async function erase(server: TestServer, name: string, key = server.trainingKey): Promise<() => Promise<string>> {
  const answer = await ask(server, 'POST', '/ownsight/v1/account/deletion', key, { name, undoDays: 0 });
  assert.equal(answer.status, 202);
  const { pathname, search } = new URL(((await answer.json()) as { receiptUrl: string }).receiptUrl);
  return async () => {
    const state = await fetch(server.endpoint + pathname + search).then(
      (one) => one.json() as Promise<{ state: string }>,
    );
    return state.state;
  };
}

/** How often the process has begun. */
const beginnings = (server: TestServer): number => server.output().split('"event":"started"').length - 1;
const hasBegun = (server: TestServer, times: number) =>
  until(
    async () => beginnings(server),
    (seen) => seen >= times,
  );

/** How a server ends by itself. */
const end = (server: TestServer) =>
  until(
    async () => server.ended(),
    (how) => how !== null,
    20,
  );

/** Where in the memory of the server a text lies; `undefined` where memory cannot be looked at. */
function inMemory({ pid }: TestServer, text: string): string[] | undefined {
  if (process.platform !== 'linux') return undefined;
  return [...memoryOf(pid)].filter(({ bytes }) => bytes.includes(text)).map(({ name }) => name);
}

test('once an account is erased and nothing is under way, the server begins anew: same process, same address, empty memory', async (t) => {
  const server = await start(t, homeOf(t));
  const made = await runOwnsight(server.home, ['account', 'create', 'second', '--json']);
  const key = (JSON.parse(made.output) as { keys: { training: { primary: string } } }).keys.training.primary;
  const name = randomBytes(16).toString('hex');
  assert.equal((await ask(server, 'POST', `${projects}?name=${name}`, key)).status, 200);
  assert.match(await (await ask(server, 'GET', projects, key)).text(), new RegExp(name));
  const before = inMemory(server, name);
  if (before === undefined) t.diagnostic('memory can be looked at on Linux only');
  else assert.notDeepEqual(before, [], 'before');

  // A request that goes on keeps the server from it.
  const going = request(`${server.endpoint}${projects}`, {
    method: 'POST',
    headers: { 'Training-Key': server.trainingKey, 'Content-Length': 2 },
  });
  going.on('error', () => undefined).write(' ');
  await until(await erase(server, 'second', key), (state) => state === 'Finished');
  await pause(1200);
  assert.equal((await ask(server, 'GET', projects)).status, 200);
  assert.equal(beginnings(server), 1);
  going.destroy();
  await hasBegun(server, 2);

  assert.equal((await ask(server, 'GET', projects)).status, 200);
  assert.equal((await ask(server, 'GET', projects, key)).status, 401);
  if (before !== undefined) assert.deepEqual(inMemory(server, name), [], 'after');
  assert.match(server.output(), /"why":"an account was erased[^{]*"event":"beginning-anew"/);
  assert.equal(await server.stop(), 0);
  assert.equal(beginnings(server), 2);
});

/** Runs before the server. */
const preload = (code: string) => ({
  NODE_OPTIONS: `--import "data:text/javascript,${encodeURIComponent(code)}"`,
});

test('killed while it begins anew, the next start finds everything in order', async (t) => {
  const home = homeOf(t);
  const server = await start(t, home);
  const receipt = await erase(server, 'owner');
  await until(
    async () => server.output(),
    (said) => said.includes('beginning-anew'),
  );
  await server.kill();
  const next = await start(t, home, { OWNSIGHT_PORT: new URL(server.endpoint).port });
  assert.equal(await receipt(), 'Finished');
  assert.equal((await ask(next, 'GET', projects)).status, 200);
  assert.equal((await runOwnsight(home, ['doctor'])).code, 0);
  assert.equal(await next.stop(), 0);
});

test('asked to stop while it closes to begin anew, it stops', async (t) => {
  const asking = `import { Server } from 'node:http';
    const { close } = Server.prototype;
    Server.prototype.close = function (...given) { process.kill(process.pid, 'SIGTERM'); return close.apply(this, given); };`;
  const server = await start(t, homeOf(t), preload(asking));
  await erase(server, 'owner');
  assert.equal(await end(server), 0);
  assert.match(server.output(), /beginning-anew/);
  assert.equal(beginnings(server), 1);
});

test('where a process cannot be replaced, or is not to be, the log says to restart and the server goes on', async (t) => {
  for (const env of [preload('delete process.execve'), { OWNSIGHT_RESTART_AFTER: 'never' }]) {
    const server = await start(t, homeOf(t), env);
    const receipt = await erase(server, 'owner');
    await until(receipt, (state) => state === 'Finished');
    await until(
      async () => server.output(),
      (said) => said.includes('"event":"restart-needed"'),
    );
    assert.equal(await receipt(), 'Finished');
    assert.equal(await server.stop(), 0);
    assert.equal(beginnings(server), 1);
  }
});

test('a server that the system does not let begin anew ends with an error, for whoever looks after it', async (t) => {
  const refusing = 'process.execve = () => { throw new Error(`ENOMEM`) }';
  const server = await start(t, homeOf(t), preload(refusing));
  await erase(server, 'owner');
  assert.equal(await end(server), 1);
  assert.match(server.output(), /cannot begin anew \(ENOMEM\): start it again/);
});
