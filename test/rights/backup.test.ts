import assert from 'node:assert/strict';
import { cpSync, existsSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import type { ReceiptContent } from '../../src/domain/receipt.ts';
import { runOwnsight, startServer, type TestServer } from '../fixtures/server.ts';
import { until } from '../fixtures/until.ts';
import { noise } from '../forensic/victim.ts';

let server: TestServer;
let home: string;
let folder: string;

before(async () => {
  home = join(mkdtempSync(join(tmpdir(), 'ownsight-backup-')), 'data');
  server = await startServer({ home });
  folder = join(dirname(home), 'backup');
});
after(async () => {
  await server?.stop();
  if (home !== undefined) rmSync(dirname(home), { recursive: true, force: true });
});

const ask = (method: string, path: string, body?: object) =>
  fetch(`${server.endpoint}/customvision/v3.3/training/projects${path}`, {
    method,
    headers: { 'Training-Key': server.trainingKey, 'Content-Type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
const json = async <T>(method: string, path: string, body?: object): Promise<T> =>
  (await ask(method, path, body)).json() as Promise<T>;

/** Makes a project with two pictures. */
async function project(name: string): Promise<{ id: string; images: string[] }> {
  const { id } = await json<{ id: string }>('POST', `?name=${name}`);
  const pictures = await Promise.all([noise(), noise()]);
  const made = await json<{ images: { image: { id: string } }[] }>('POST', `/${id}/images/files`, {
    images: pictures.map((bytes) => ({ contents: bytes.toString('base64') })),
  });
  return { id, images: made.images.map(({ image }) => image.id) };
}
const imagesOf = async (id: string): Promise<string[]> =>
  (await json<{ id: string }[]>('GET', `/${id}/images`)).map((image) => image.id).sort();

test('an old backup is put back: what was erased since does not come back, and all else does', async () => {
  const kept = await project('kept');
  const erased = await project('erased');
  const made = await runOwnsight(home, ['backup', folder]);
  assert.equal(made.code, 0, made.output);
  assert.ok(existsSync(join(folder, 'backup.json')) && existsSync(join(folder, 'erased')));
  const later = await project('later');

  const [gone, stays] = kept.images as [string, string];
  assert.equal((await ask('DELETE', `/${erased.id}`)).status, 204);
  assert.equal((await ask('DELETE', `/${kept.id}/images?imageIds=${gone}`)).status, 204);
  const files = async () => existsSync(join(home, 'blobs', server.account, erased.id));
  await until(files, (there) => !there, 20);
  await until(
    async () => existsSync(join(home, 'blobs', server.account, kept.id, 'image-original', gone)),
    (there) => !there,
    20,
  );
  await server.stop();

  rmSync(home, { recursive: true });
  cpSync(folder, home, { recursive: true });
  server = await startServer({ home });
  assert.equal((await ask('GET', `/${erased.id}`)).status, 404);
  assert.deepEqual(await imagesOf(kept.id), [stays]);
  assert.equal((await ask('GET', `/${later.id}`)).status, 404, 'it was made after the backup');
  await until(files, (there) => !there, 20);
  await server.stop();
  const { output } = await runOwnsight(home, ['doctor']);
  assert.doesNotMatch(output, /missing|damaged|orphaned/);
});

test('without the list of what was erased the server says what is missing and does not start', async () => {
  const list = join(`${home}-keys`, 'erased');
  renameSync(list, `${list}.aside`);
  const refused = await runOwnsight(home, ['serve']);
  renameSync(`${list}.aside`, list);
  assert.equal(refused.code, 1);
  assert.match(refused.output, /list of what was erased/);
  server = await startServer({ home });
});

test('backups are listed with their end until they are forgotten or pruned; receipts name them', async () => {
  const shelf = join(dirname(home), 'shelf');
  const listed = async () =>
    JSON.parse((await runOwnsight(home, ['backup', 'list', '--json'])).output) as { id: string; overdue: boolean }[];
  for (const { id } of await listed()) assert.equal((await runOwnsight(home, ['backup', 'forget', id])).code, 0);
  const made = await runOwnsight(home, ['backup', join(shelf, 'one'), '--keep-days', '3']);
  assert.equal(made.code, 0, made.output);
  const [backup] = await listed();
  assert.ok(made.output.includes(`ownsight backup forget ${backup!.id}`));
  const { id } = await project('named in a receipt');
  assert.equal((await ask('DELETE', `/${id}`)).status, 204);
  const receipts = async () => {
    const { output } = await runOwnsight(home, ['receipts', '--json']);
    return (JSON.parse(output) as { projectId: string; receipt: string | null }[]).filter(
      (one) => one.projectId === id,
    );
  };
  const [{ receipt } = { receipt: null }] = await until(receipts, ([one]) => one?.receipt !== null, 20);
  const content = JSON.parse(Buffer.from(receipt!.split('.')[1]!, 'base64url').toString()) as ReceiptContent;
  assert.deepEqual([content.cause, content.backups.length], ['request', 1]);
  assert.deepEqual([content.backups[0]?.id, content.backups[0]?.noise], [backup!.id, true]);
  assert.equal((await runOwnsight(home, ['backup', 'prune', shelf])).output, '', 'its time is not over');
  assert.ok(existsSync(join(shelf, 'one', 'backup.json')));
  assert.equal((await runOwnsight(home, ['backup', 'forget', backup!.id])).code, 0);
  assert.equal((await runOwnsight(home, ['backup', 'forget', backup!.id])).code, 1);
  assert.deepEqual(await listed(), []);
  assert.equal((await runOwnsight(home, ['backup'])).code, 1);
});
