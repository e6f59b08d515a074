import assert from 'node:assert/strict';
import { globSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { samplePictures } from '../../scripts/samples.ts';
import type { PublicJwk } from '../../src/base/jws.ts';
import { type AuditHead, type AuditLink, chainFaults } from '../../src/domain/audit.ts';
import { verifyReceipt } from '../../src/services/receipts.ts';
import { newestClients } from '../fixtures/clients.ts';
import { runOwnsight, startServer, type TestServer } from '../fixtures/server.ts';
import { until } from '../fixtures/until.ts';

const pictures = await samplePictures({ seed: 8, perClass: 6 });

/** A folder for a server's home, removed when the test ends. */
function homeOf(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'ownsight-account-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, 'data');
}

const call = (server: TestServer, path: string, init: RequestInit = {}, key = server.trainingKey) =>
  fetch(server.endpoint + path, { ...init, headers: { 'Training-Key': key, 'Content-Type': 'application/json' } });
const remove = (server: TestServer, name: string) =>
  call(server, '/ownsight/v1/account/deletion', { method: 'POST', body: JSON.stringify({ name, undoDays: 0 }) });

/** A project with pictures and a stored name, by the server's first account. Returns the links to what it shows. */
async function fill(server: TestServer): Promise<string[]> {
  const { training } = newestClients(server);
  const project = (await training.createProject('Canary project')).id!;
  const images = pictures.map(({ bytes }) => ({ contents: bytes }));
  const made = await training.createImagesFromFiles(project, { images });
  return made.images!.map((one) => one.image!.originalImageUri!);
}

interface Deleted {
  readonly receiptId: string;
  readonly receiptUrl: string;
}

/** The receipt behind the link, when there is one, from whichever server runs there now. */
async function receiptAt(server: TestServer, { receiptUrl }: Deleted) {
  const url = new URL(receiptUrl);
  const collect = () => fetch(server.endpoint + url.pathname + url.search);
  const { receipt } = await until(
    async () => (await (await collect()).json()) as { state: string; receipt: string },
    ({ state }) => state === 'Finished',
  );
  const key = (await (await fetch(`${server.endpoint}/ownsight/v1/receipts/key`)).json()) as PublicJwk;
  return await verifyReceipt(receipt, key);
}

/** Everything the server wrote, as text. */
const bytesBelow = (home: string): string[] =>
  [home, `${home}-keys`].flatMap((folder) =>
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name) + readFileSync(join(entry.parentPath, entry.name), 'latin1')),
  );

test('the account is gone with the answer, its keys and links first; the receipt comes by its link; the next start makes a new account', async (t) => {
  const home = homeOf(t);
  const server = await startServer({ home });
  const links = await fill(server);
  for (const wrong of ['', 'Owner', 'owner2', server.account]) assert.equal((await remove(server, wrong)).status, 400);
  assert.equal((await call(server, '/ownsight/v1/account/deletion', { method: 'POST' })).status, 400);
  assert.equal((await fetch(links[0]!)).status, 200);
  const log = (await (await call(server, '/ownsight/v1/audit')).json()) as { entries: AuditLink[]; head: AuditHead };

  const answer = await remove(server, ' owner ');
  assert.equal(answer.status, 202);
  const deleted = (await answer.json()) as Deleted;
  for (const path of ['/ownsight/v1/audit', '/customvision/v3.3/training/projects', '/ownsight/v1/receipts'])
    assert.equal((await call(server, path)).status, 401, path);
  assert.equal((await remove(server, 'owner')).status, 401);
  for (const link of links.slice(0, 3)) assert.ok([403, 404].includes((await fetch(link)).status));

  const content = await receiptAt(server, deleted);
  assert.equal(content?.scope.kind, 'account');
  assert.equal(content.erased['image-original'], pictures.length);
  assert.equal(content.erased.projects, 1);
  assert.deepEqual(content.keysDestroyed.length, 2);
  // What the owner took along of the log is whole up to the deletion itself, which the receipt knows.
  assert.deepEqual(chainFaults(log.entries, log.head), []);
  assert.equal(content.audit?.entries, log.head.entries + 1);
  assert.equal(await server.stop(), 0);
  for (const bytes of bytesBelow(home)) {
    assert.doesNotMatch(bytes, /canary/i);
    assert.ok(!bytes.includes(content.scope.project ?? server.trainingKey));
  }

  const next = await startServer({ home });
  assert.notEqual(next.account, server.account);
  assert.equal((await call(next, '/customvision/v3.3/training/projects')).status, 200);
  assert.equal((await call(next, '/ownsight/v1/audit', {}, server.trainingKey)).status, 401);
  assert.equal((await receiptAt(next, deleted))?.jti, deleted.receiptId);
  assert.equal(await next.stop(), 0);
});

test('killed at any moment after the answer, it is finished by the next start, and nothing is back', async (t) => {
  for (const moment of [0, 5, 20, 60]) {
    const home = homeOf(t);
    const server = await startServer({ home });
    await fill(server);
    const answer = await remove(server, 'owner');
    assert.equal(answer.status, 202);
    const deleted = (await answer.json()) as Deleted;
    await pause(moment);
    await server.kill();
    const next = await startServer({ home });
    assert.notEqual(next.account, server.account);
    assert.equal((await call(next, '/ownsight/v1/audit', {}, server.trainingKey)).status, 401);
    const content = await receiptAt(next, deleted);
    assert.deepEqual([content?.jti, content?.scope.account], [deleted.receiptId, server.account]);
    assert.equal(content?.erased.images, pictures.length, `killed after ${moment} ms`);
    const files = globSync('blobs/**/*', { cwd: home, withFileTypes: true }).filter((entry) => entry.isFile());
    assert.deepEqual(files, []);
    assert.equal(await next.stop(), 0);
    const { code, output } = await runOwnsight(home, ['doctor']);
    assert.equal(code, 0, output);
  }
});

test('the command deletes beside a running server and without one, prints the receipt, and asks to be sure', async (t) => {
  const home = homeOf(t);
  const server = await startServer({ home });
  await fill(server);
  for (const typed of [undefined, '', 'other\n']) {
    const refused = await runOwnsight(home, ['account', 'delete', 'owner'], typed);
    assert.match(refused.output, /would be removed for good:.* 18 {2}a picture as you gave it.*takeout --account /s);
    assert.match(refused.output, /nothing was deleted: type the name/);
    assert.equal(refused.code, 1);
  }
  const shown = await runOwnsight(home, ['account', 'delete', 'owner', '--dry-run', '--yes']);
  assert.match(shown.output, /^\d+ things, .* would be removed for good:\n/);
  assert.equal(shown.code, 0);
  assert.equal((await call(server, '/ownsight/v1/audit')).status, 200);
  await runOwnsight(home, ['account', 'create', 'second']);

  const verified = async (output: string) => {
    const file = join(home, '..', 'receipt.json');
    writeFileSync(file, output);
    const { code, output: said } = await runOwnsight(home, ['verify', file]);
    assert.equal(code, 0, said);
    return said;
  };
  const beside = await runOwnsight(home, ['account', 'delete', 'owner', '--yes', '--now']);
  assert.equal(beside.code, 0, beside.output);
  assert.match(await verified(beside.output), /"image-original": 18/);
  assert.equal((await call(server, '/ownsight/v1/audit')).status, 401);
  assert.equal(await server.stop(), 0);

  const alone = await runOwnsight(home, ['account', 'delete', 'second', '--undo-days', '0'], 'second\n');
  assert.equal(alone.code, 0, alone.output);
  assert.match(await verified(alone.output.slice(alone.output.lastIndexOf('{"receiptId"'))), /"accounts": 1/);
  assert.equal((await runOwnsight(home, ['doctor'])).code, 0);
});
