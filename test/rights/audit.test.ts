import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { type AuditEntry, type AuditHead, chainFaults } from '../../src/domain/audit.ts';
import { runOwnsight, startServer } from '../fixtures/server.ts';
import { temporaryFolder } from '../fixtures/stores.ts';

test('the log is shown, written to a file and verified by commands; a changed file is refused', async (t) => {
  const folder = temporaryFolder(t);
  const home = join(folder, 'data');
  const ownsight = async (code: number, ...args: string[]): Promise<string> => {
    const ended = await runOwnsight(home, args);
    assert.equal(ended.code, code, ended.output);
    return ended.output;
  };
  await ownsight(0, 'account', 'create', 'owner');
  await ownsight(0, 'account', 'keys', 'owner');
  assert.match(await ownsight(0, 'audit', 'owner'), /1 .*account-created[\s\S]*2 .*keys-viewed +where command/);
  assert.match(await ownsight(0, 'verify', '--audit'), /2 entries: as written/);
  const log = JSON.parse(await ownsight(0, 'audit', '--json')) as { entries: AuditEntry[]; head: AuditHead };
  const file = join(folder, 'audit.json');
  const verify = async (code: number, entries: readonly AuditEntry[]): Promise<string> => {
    writeFileSync(file, JSON.stringify({ ...log, entries }));
    return ownsight(code, 'verify', file);
  };
  assert.match(await verify(0, log.entries), /2 entries: as written/);
  assert.match(await verify(2, log.entries.slice(0, 1)), /NOT as written\s+expected 2 entries but received 1/);
  const [first, second] = log.entries as [AuditEntry, AuditEntry];
  assert.match(await verify(2, [first, { ...second, action: 'takeout' }]), /entry 2 was changed/);
});

test('the owner reads the log over HTTP and can check it without a key; nobody else can read it', async () => {
  const server = await startServer();
  const get = (path: string, key = server.trainingKey) =>
    fetch(`${server.endpoint}${path}`, { headers: { 'Training-Key': key } });
  try {
    assert.equal((await get('/customvision/v1.2/Training/account')).status, 200);
    const log = (await (await get('/ownsight/v1/audit')).json()) as { entries: AuditEntry[]; head: AuditHead };
    assert.deepEqual(
      log.entries.map(({ action, detail }) => [action, detail]),
      [
        ['account-created', null],
        ['keys-viewed', { where: 'start' }],
        ['keys-viewed', { where: 'request', key: 'primary training key' }],
      ],
    );
    assert.deepEqual(chainFaults(log.entries, log.head), []);
    const rest = (await (await get('/ownsight/v1/audit?after=2')).json()) as typeof log;
    assert.deepEqual(rest.entries, log.entries.slice(2));
    assert.equal((await get('/ownsight/v1/audit?after=-1')).status, 400);
    for (const key of ['', server.predictionKey]) assert.equal((await get('/ownsight/v1/audit', key)).status, 401);
  } finally {
    await server.stop();
  }
});
