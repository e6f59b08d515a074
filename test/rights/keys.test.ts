import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { runOwnsight, startServer, type TestServer } from '../fixtures/server.ts';

/** A folder for a server's home, removed when the test ends. */
function homeOf(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'ownsight-keys-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, 'data');
}

const projects = (server: TestServer, key = server.trainingKey) =>
  fetch(`${server.endpoint}/customvision/v3.3/training/projects`, { headers: { 'Training-Key': key } });

test('a key store that is missing is not replaced by an empty one: the server says so and does not start', async (t) => {
  const home = homeOf(t);
  const server = await startServer({ home });
  assert.equal(await server.stop(), 0);
  const store = `${home}-keys`;
  renameSync(store, `${store}.aside`);
  for (const command of [['serve'], ['account', 'list']]) {
    const refused = await runOwnsight(home, command);
    assert.equal(refused.code, 1);
    assert.match(refused.output, /expected the key store in .*, although accounts need it: put it back/);
    assert.equal(existsSync(store), false);
  }
  renameSync(`${store}.aside`, store);
  renameSync(join(store, 'master.key'), join(dirname(home), 'master.key'));
  const refused = await runOwnsight(home, ['serve']);
  assert.match(refused.output, /expected the master key in .* but received no such file/);
  assert.equal(existsSync(join(store, 'master.key')), false);
  renameSync(join(dirname(home), 'master.key'), join(store, 'master.key'));
  const next = await startServer({ home });
  assert.equal((await projects(next, server.trainingKey)).status, 200);
  await next.stop();
});

test('the master key is replaced by a command, not beside a server; all keys of accounts go on', async (t) => {
  const home = homeOf(t);
  const store = `${home}-keys`;
  const server = await startServer({ home });
  const masterKey = () => readFileSync(join(store, 'master.key'), 'utf8');
  const before = masterKey();
  const beside = await runOwnsight(home, ['keys', 'rotate-master']);
  assert.equal(beside.code, 1);
  assert.match(beside.output, /stop it first/);
  assert.equal(masterKey(), before);
  await server.stop();
  const rotated = await runOwnsight(home, ['keys', 'rotate-master']);
  assert.equal(rotated.code, 0, rotated.output);
  assert.notEqual(masterKey(), before);
  const left = readdirSync(store, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  for (const { parentPath, name } of left)
    assert.ok(!readFileSync(join(parentPath, name), 'latin1').includes(before.trim()), name);
  const next = await startServer({ home });
  assert.equal((await projects(next, server.trainingKey)).status, 200);
  await next.stop();
  assert.equal((await runOwnsight(home, ['doctor'])).code, 0);
});

const own = (server: TestServer, path: string, key: string, method = 'GET') =>
  fetch(`${server.endpoint}/ownsight/v1${path}`, { method, headers: { 'Training-Key': key } });

interface Key {
  readonly purpose: string;
  readonly slot: string;
  readonly created: string;
  readonly secret?: string;
}

test('a key is replaced while the other of its pair goes on; the old one is dead at once, also when another process did it', async (t) => {
  const home = homeOf(t);
  const server = await startServer({ home, env: { OWNSIGHT_LOG: 'info' } });
  try {
    const keysOf = async (key: string, query = '') =>
      ((await (await own(server, `/account${query}`, key)).json()) as { keys: Key[] }).keys;
    const first = server.trainingKey;
    const held = await keysOf(first);
    assert.deepEqual(
      held.map(({ purpose, slot, secret }) => [purpose, slot, secret]),
      ['training', 'prediction'].flatMap((purpose) =>
        ['primary', 'secondary'].map((slot) => [purpose, slot, undefined]),
      ),
    );
    const secret = async (purpose: string, slot: string) =>
      (await keysOf(first, '?secrets=true')).find((one) => one.purpose === purpose && one.slot === slot)!.secret!;
    const [second, prediction] = [await secret('training', 'secondary'), await secret('prediction', 'primary')];
    assert.equal(prediction, server.predictionKey);
    assert.equal((await own(server, '/account', prediction)).status, 401, 'only a training key opens it');
    for (const wrong of ['training/third', 'export/primary'])
      assert.equal((await own(server, `/account/keys/${wrong}/rotation`, first, 'POST')).status, 404);

    // Requests with the second key never stop being answered while the first is replaced.
    let stop = false;
    const statuses = new Set<number>();
    const busy = (async () => {
      while (!stop) statuses.add((await projects(server, second)).status);
    })();
    const rotated = (await (
      await own(server, '/account/keys/training/primary/rotation', second, 'POST')
    ).json()) as Key;
    assert.equal((await projects(server, first)).status, 401);
    assert.equal((await projects(server, rotated.secret)).status, 200);
    // Now in another process, while this one remembers the key from the last request.
    assert.equal((await projects(server, rotated.secret)).status, 200);
    const said = await runOwnsight(home, [
      ...['account', 'rotate', '--purpose', 'training', '--slot', 'primary', '--json'],
    ]);
    const answers = await Promise.all(Array.from({ length: 20 }, () => projects(server, rotated.secret)));
    assert.deepEqual([...new Set(answers.map(({ status }) => status))], [401]);
    stop = true;
    await busy;
    assert.deepEqual([...statuses], [200]);
    const third = (JSON.parse(said.output) as { keys: { training: { primary: string } } }).keys.training.primary;
    assert.equal((await projects(server, third)).status, 200);

    const log = (await (await own(server, '/audit', third)).json()) as {
      entries: { action: string; detail: object }[];
    };
    assert.deepEqual(
      log.entries.filter(({ action }) => action === 'key-rotated').map(({ detail }) => detail),
      [
        { purpose: 'training', slot: 'primary', key: 'secondary training key' },
        { purpose: 'training', slot: 'primary' },
      ],
    );
    assert.ok(log.entries.some(({ action }) => action === 'keys-viewed'));

    // In nothing that is written or handed out is any key, living or dead; the greeting is for whoever started it.
    const secrets = [first, second, rotated.secret!, third, prediction];
    const takeout = Buffer.from(await (await own(server, '/takeout?format=tar', third)).arrayBuffer()).toString(
      'latin1',
    );
    assert.ok(takeout.length > 1000);
    const logged = server
      .output()
      .split('\n')
      .filter((line) => line.startsWith('{'));
    assert.ok(logged.length > 0);
    await server.stop();
    const files = [home, `${home}-keys`].flatMap((folder) =>
      readdirSync(folder, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map(({ parentPath, name }) => readFileSync(join(parentPath, name), 'latin1')),
    );
    for (const text of [takeout, ...logged, ...files])
      for (const one of secrets) assert.equal(text.includes(one), false);
  } finally {
    await server.stop();
  }
});
