import assert from 'node:assert/strict';
import { readdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { type SamplePicture, samplePictures } from '../../scripts/samples.ts';
import { newestClients } from '../fixtures/clients.ts';
import { startServer, type TestServer } from '../fixtures/server.ts';
import { until } from '../fixtures/until.ts';

let server: TestServer;
let home: string;
let pictures: SamplePicture[];
let projectId: string;

before(async () => {
  pictures = await samplePictures({ perClass: 5 });
  server = await startServer();
  home = server.home;
  const { training } = newestClients(server);
  projectId = (await training.createProject('kept', { classificationType: 'Multiclass' })).id!;
  for (const name of ['Apple', 'Leaf']) {
    const tag = await training.createTag(projectId, name);
    for (const picture of pictures.filter((one) => one.tag === name))
      await training.createImagesFromData(projectId, picture.bytes, { tagIds: [tag.id!] });
  }
  const { id } = await training.trainProject(projectId);
  await until(
    () => training.getIteration(projectId, id!),
    ({ status }) => status === 'Completed',
  );
  await training.publishIteration(projectId, id!, 'one', 'resource');
});
after(async () => {
  await server?.stop();
  if (home !== undefined) rmSync(dirname(home), { recursive: true, force: true });
});

async function retention(changes?: object): Promise<{ status: number; body: Record<string, unknown> }> {
  const response = await fetch(`${server.endpoint}/ownsight/v1/projects/${projectId}/retention`, {
    headers: { 'Training-Key': server.trainingKey, 'Content-Type': 'application/json' },
    ...(changes === undefined ? {} : { method: 'PATCH', body: JSON.stringify(changes) }),
  });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

const stored = async () =>
  (await newestClients(server).training.queryPredictions(projectId, { orderBy: 'Newest' })).results!;
const predict = () => newestClients(server).prediction.classifyImage(projectId, 'one', pictures[0]!.bytes);
const files = (): string[] =>
  readdirSync(join(home, 'blobs'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.parentPath.includes('prediction'))
    .map((entry) => entry.name);

test('predictions are kept for 30 days, exports until they are deleted, unless the project says otherwise', async () => {
  assert.deepEqual(await retention(), {
    status: 200,
    body: { predictionsDays: 30, exportsDays: null, storesPredictions: true },
  });
  await predict();
  assert.equal((await stored()).length, 1);
  assert.equal(files().length, 2);
});

test('refused numbers say what was expected', async () => {
  for (const changes of [
    { predictionsDays: -1 },
    { exportsDays: 0 },
    { predictionsDays: 'x' },
    { exportsDays: 4000 },
  ]) {
    const { status, body } = await retention(changes);
    assert.equal(status, 400, JSON.stringify(changes));
    assert.match(String(body.message), /expected/i);
  }
});

test('with 0 days the stored predictions and their files go, and a new one is answered and not kept', async () => {
  assert.deepEqual((await retention({ predictionsDays: 0, exportsDays: 90 })).body, {
    predictionsDays: 0,
    exportsDays: 90,
    storesPredictions: false,
  });
  await until(stored, (list) => list.length === 0, 20);
  await until(
    async () => files(),
    (list) => list.length === 0,
    20,
  );
  assert.ok((await predict()).predictions!.length > 0);
  assert.deepEqual(await stored(), []);
  assert.deepEqual(files(), []);
});

test('a server that never stores predictions answers, and keeps none in any project', async () => {
  assert.equal((await retention({ predictionsDays: 5, exportsDays: null })).body.storesPredictions, true);
  await server.kill();
  server = await startServer({ home, env: { OWNSIGHT_STORE_PREDICTIONS: 'never' } });
  assert.deepEqual((await retention()).body, { predictionsDays: 5, exportsDays: null, storesPredictions: false });
  assert.ok((await predict()).predictions!.length > 0);
  assert.deepEqual(await stored(), []);
  assert.deepEqual(files(), []);
});
