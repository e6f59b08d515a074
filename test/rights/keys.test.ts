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
