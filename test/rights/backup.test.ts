import assert from 'node:assert/strict';
import { cpSync, existsSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
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
