import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { runOwnsight, startServer, type TestServer } from '../fixtures/server.ts';
import { type TrainedAccount, trainAccount } from '../fixtures/trained-account.ts';
import { until } from '../fixtures/until.ts';
import { unzip } from '../fixtures/unzip.ts';

let folder: string;
let server: TestServer;
let made: TrainedAccount;
let own: string;
let azure: string;

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'ownsight-trash-'));
  server = await startServer({ home: join(folder, 'data') });
  made = await trainAccount(server);
  own = `/ownsight/v1/projects/${made.projectId}`;
  azure = `/customvision/v3.3/training/projects/${made.projectId}`;
});
after(async () => {
  await server?.stop();
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
});

const call = (method: string, path: string, body?: object): Promise<Response> =>
  fetch(server.endpoint + path, {
    method,
    headers: { 'Training-Key': server.trainingKey, 'Content-Type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
async function json<T>(method: string, path: string, body?: object): Promise<T> {
  const answer = await call(method, path, body);
  const text = await answer.text();
  assert.ok(answer.ok, `${method} ${path}: ${answer.status} ${text}`);
  return JSON.parse(text) as T;
}
const get = <T>(path: string): Promise<T> => json<T>('GET', path);

interface Removal {
  readonly trash: { readonly id: string; readonly due: string } | null;
  readonly receiptId: string;
  readonly total: { readonly count: number };
}
interface Item {
  readonly id: string;
  readonly kind: string;
  readonly projectName: string;
  readonly by: string;
  readonly daysLeft: number;
  readonly subjects: readonly { readonly id: string; readonly name: string | null }[];
}
interface Image {
  readonly id: string;
  readonly originalImageUri: string;
  readonly thumbnailUri: string;
}

/** What Azure's operations show of the project, without what is different in each answer: links, and when it changed last. */
async function shown(): Promise<string> {
  const paths = ['', '/tags', '/iterations', '/images?take=256&orderBy=Oldest', '/images/untagged/count'];
  const iteration = `/iterations/${made.iterationId}`;
  const answers = await Promise.all(
    [
      ...paths,
      `${iteration}/performance`,
      `${iteration}/export`,
      `${iteration}/performance/images?take=256&orderBy=Oldest`,
    ].map(async (path) => (await call('GET', azure + path)).text()),
  );
  return answers
    .join('\n')
    .replaceAll(/"(\w*Uri|lastModified)":\s*"[^"]*"/g, '')
    .replaceAll(/\?sv=[^"]*/g, '');
}

const restore = (item: Removal, body?: object) =>
  json<{ restored: Record<string, number>; left: number; message: string }>(
    'POST',
    `/ownsight/v1/trash/${item.trash!.id}/restore`,
    body,
  );

test('pictures go to the trash: unseen at once, links too, shown to the owner there, and back as they were', async () => {
  const was = await shown();
  const images = await get<Image[]>(`${azure}/images?take=3`);
  const ids = images.map((one) => one.id);
  const removed = await json<Removal>('DELETE', `${own}/images?imageIds=${ids}&allIterations=true`);
  assert.ok(removed.total.count > 0);
  assert.equal(removed.receiptId, removed.trash?.id);
  for (const { originalImageUri, thumbnailUri } of images)
    for (const link of [originalImageUri, thumbnailUri]) assert.equal((await fetch(link)).status, 404);
  for (const version of ['3.0', '3.1', '3.2', '3.3', '3.4-preview']) {
    const found = await get<unknown[]>(
      `/customvision/v${version}/training/projects/${made.projectId}/images/id?imageIds=${ids}`,
    );
    assert.deepEqual(found, [], version);
  }
  assert.equal((await call('DELETE', `${azure}/images?imageIds=${ids}`)).status, 404);
  const { items } = await get<{ items: Item[] }>('/ownsight/v1/trash');
  assert.deepEqual(
    items.map((one) => [one.id, one.kind, one.by, one.daysLeft, one.subjects.length]),
    [[removed.trash!.id, 'images', 'primary training key', 7, 3]],
  );
  assert.match(items[0]!.projectName, /^Things/);
  const thumbnail = await call('GET', `/ownsight/v1/trash/${removed.trash!.id}/thumbnails/${ids[0]}`);
  assert.deepEqual([thumbnail.status, thumbnail.headers.get('content-type')], [200, 'image/jpeg']);
  assert.equal((await call('GET', `/ownsight/v1/trash/${removed.trash!.id}/thumbnails/${made.projectId}`)).status, 404);

  const some = await restore(removed, { imageIds: ids.slice(0, 1) });
  assert.deepEqual([some.restored.images, some.left], [1, 2]);
  assert.match(some.message, /^2 images stay in the trash/);
  const rest = await restore(removed);
  assert.deepEqual([rest.restored.images, rest.left, rest.message], [2, 0, '']);
  assert.equal(await shown(), was);
  assert.equal((await call('POST', `/ownsight/v1/trash/${removed.trash!.id}/restore`)).status, 404);
});

test('a picture that was uploaded again meanwhile stays in the trash, and says so', async () => {
  const [image] = await get<Image[]>(`${azure}/images?take=1`);
  const bytes = await (await fetch(image!.originalImageUri)).arrayBuffer();
  const removed = await json<Removal>('DELETE', `${own}/images?imageIds=${image!.id}`);
  const again = await made.clients.training.createImagesFromData(made.projectId, Buffer.from(bytes));
  const { restored, left } = await restore(removed);
  assert.deepEqual([restored, left], [{}, 1]);
  await made.clients.training.deleteImages(made.projectId, { imageIds: [again.images![0]!.image!.id!] });
  assert.equal((await restore(removed)).left, 0);
});

test('tag, iteration, export and predictions come back as they were; a name that was taken is told', async () => {
  const was = await shown();
  const [tag] = await get<{ id: string; name: string }[]>(`${azure}/tags`);
  const removed = await json<Removal>('DELETE', `${own}/tags/${tag!.id}`);
  const other = await made.clients.training.createTag(made.projectId, tag!.name);
  const taken = await call('POST', `/ownsight/v1/trash/${removed.trash!.id}/restore`);
  assert.equal(taken.status, 400);
  assert.match(await taken.text(), /rename that one, then restore/);
  await made.clients.training.deleteTag(made.projectId, other.id!);
  await restore(removed);

  const iteration = `${own}/iterations/${made.iterationId}`;
  const published = await call('DELETE', iteration);
  assert.match(await published.text(), /Unpublish it first/);
  await made.clients.training.unpublishIteration(made.projectId, made.iterationId);
  const gone = await json<Removal>('DELETE', iteration);
  for (const path of ['', '/performance', '/export'])
    assert.equal((await call('GET', `${azure}/iterations/${made.iterationId}${path}`)).status, 404, path);
  await restore(gone);
  await made.clients.training.publishIteration(made.projectId, made.iterationId, 'live', 'resource');

  const [made_] = await get<{ downloadUri: string }[]>(`${azure}/iterations/${made.iterationId}/export`);
  const { exports } = await get<{ exports: { exportId: string }[] }>(`${iteration}/deletion`);
  const exported = await json<Removal>('DELETE', `${iteration}/exports/${exports[0]!.exportId}`);
  assert.equal((await fetch(made_!.downloadUri)).status, 404);
  await restore(exported);
  assert.equal((await fetch(made_!.downloadUri)).status, 200);

  const query = () => made.clients.training.queryPredictions(made.projectId, { orderBy: 'Newest' });
  const before = (await query()).results!.map((one) => one.id);
  const predictions = await json<Removal>('DELETE', `${own}/predictions?ids=${before}`);
  assert.deepEqual((await query()).results, []);
  await restore(predictions);
  assert.deepEqual(
    (await query()).results!.map((one) => one.id),
    before,
  );
  assert.equal(await shown(), was);
});

test('a project comes back with its links and its published name; the trash survives kill -9 and is emptied with receipts', async () => {
  const was = await shown();
  const [image] = await get<Image[]>(`${azure}/images?take=1`);
  const removed = await json<Removal>('DELETE', own);
  assert.equal((await fetch(image!.originalImageUri)).status, 403);
  for (const path of ['', '/images', '/tags', '/iterations'])
    assert.equal((await call('GET', azure + path)).status, 404);
  await assert.rejects(made.clients.prediction.classifyImage(made.projectId, 'live', made.unseen));
  await server.kill();
  const { endpoint } = server;
  server = await startServer({ home: server.home, env: { OWNSIGHT_PORT: new URL(endpoint).port } });
  await restore(removed);
  assert.equal(await shown(), was);
  assert.equal((await fetch(image!.originalImageUri)).status, 200);
  assert.ok((await made.clients.prediction.classifyImage(made.projectId, 'live', made.unseen)).predictions!.length > 0);

  const ids = (await get<Image[]>(`${azure}/images?take=2`)).map((one) => one.id);
  const one = await json<Removal>('DELETE', `${own}/images?imageIds=${ids[0]}`);
  const two = await json<Removal>('DELETE', `${own}/images?imageIds=${ids[1]}`);
  const { receiptIds } = await json<{ receiptIds: string[] }>('DELETE', '/ownsight/v1/trash');
  assert.deepEqual([...receiptIds].sort(), [one.receiptId, two.receiptId].sort());
  await until(
    () => get<{ state: string }>(`/ownsight/v1/receipts/${one.receiptId}`),
    ({ state }) => state === 'Finished',
  );
  assert.equal((await get<{ items: Item[] }>('/ownsight/v1/trash')).items.length, 0);
});

test('an account is deleted, its keys are dead; the secret link shows that and undoes it, and so does the command', async () => {
  interface Deleted {
    readonly undoUrl: string | null;
    readonly due: string | null;
  }
  const was = await shown();
  const deleted = await json<Deleted>('POST', '/ownsight/v1/account/deletion', { name: 'owner', undoDays: 3 });
  assert.equal((await call('GET', azure)).status, 401);
  const days = (Date.parse(deleted.due!) - performance.timeOrigin - performance.now()) / 86_400_000;
  assert.ok(days > 2.9 && days <= 3);
  assert.equal((await fetch(deleted.undoUrl!.replace(/token=./, 'token=x'))).status, 404);
  const pending = (await (await fetch(deleted.undoUrl!)).json()) as { userName: string };
  assert.equal(pending.userName, 'owner');
  assert.equal((await fetch(deleted.undoUrl!, { method: 'POST' })).status, 200);
  assert.equal((await fetch(deleted.undoUrl!, { method: 'POST' })).status, 404);
  assert.equal(await shown(), was);

  await json<Deleted>('POST', '/ownsight/v1/account/deletion', { name: 'owner' });
  assert.equal((await call('GET', azure)).status, 401);
  const { code, output } = await runOwnsight(server.home, ['account', 'undelete', 'owner']);
  assert.equal(code, 0, output);
  assert.equal(await shown(), was);
  assert.equal((await runOwnsight(server.home, ['doctor'])).code, 0);
});

test('what is taken out holds the trash too: the list, pictures and rows of what is in it, a project in it whole', async () => {
  const { projectId, detectionId } = made;
  const ids = (await get<Image[]>(`${azure}/images?take=2`)).map((one) => one.id);
  const images = await json<Removal>('DELETE', `${own}/images?imageIds=${ids}`);
  const exports = await get<{ exports: { exportId: string }[] }>(`${own}/iterations/${made.iterationId}/deletion`);
  const { exportId } = exports.exports[0]!;
  const exported = await json<Removal>('DELETE', `${own}/iterations/${made.iterationId}/exports/${exportId}`);
  const project = await json<Removal>('DELETE', `/ownsight/v1/projects/${detectionId}`);
  const file = join(folder, 'all.zip');
  const { code, output } = await runOwnsight(server.home, ['takeout', '--out', file]);
  assert.equal(code, 0, output);
  const names = [...(await unzip(readFileSync(file))).keys()].map((name) => name.split('/data/')[1] ?? '');
  const trash = names.filter((name) => name.startsWith('trash/'));
  for (const id of ids) assert.ok(trash.some((name) => name.startsWith(`trash/${projectId}/images/${id}.`)));
  for (const name of ['trash/trash.json', `trash/${projectId}/exports/${exportId}.zip`])
    assert.ok(trash.includes(name), name);
  assert.equal(trash.filter((name) => name.startsWith(`trash/${detectionId}/images/`)).length, 3);
  assert.ok(trash.some((name) => name.startsWith(`trash/${detectionId}/rows/regions-`)));
  for (const item of [images, exported, project]) await restore(item);
});

test('the command lists, restores and empties, and sets the days; with 0 days nothing goes to the trash', async () => {
  const [tag] = await get<{ id: string; name: string }[]>(`${azure}/tags`);
  const removed = await json<Removal>('DELETE', `${own}/tags/${tag!.id}`);
  const run = async (...args: string[]): Promise<string> => {
    const { code, output } = await runOwnsight(server.home, ['trash', ...args]);
    assert.equal(code, 0, output);
    return output;
  };
  assert.match(await run('list'), new RegExp(`${removed.trash!.id}.*tag: ${tag!.name}`));
  await run('restore', removed.trash!.id);
  assert.equal((await get<unknown[]>(`${azure}/tags`)).length, 3);
  assert.equal(await run('days', '0'), '0\n');
  assert.deepEqual(await get('/ownsight/v1/account/trash'), { days: 0 });
  assert.equal((await json<Removal>('DELETE', `${own}/tags/${tag!.id}`)).trash, null);
  assert.equal((await call('PATCH', '/ownsight/v1/account/trash', { days: 31 })).status, 400);
});
