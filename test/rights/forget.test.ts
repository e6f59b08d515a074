import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { samplePictures } from '../../scripts/samples.ts';
import type { PublicJwk } from '../../src/base/jws.ts';
import { verifyReceipt } from '../../src/services/receipts.ts';
import { type Forgetting, type ForgettingServer, forgettingServer, type Told } from '../fixtures/forgetting.ts';
import { startServer, type TestServer } from '../fixtures/server.ts';
import { until } from '../fixtures/until.ts';

let server: TestServer;
let at: ForgettingServer;

before(async () => {
  server = await startServer();
  at = forgettingServer(server);
});
after(() => server?.stop());

test('a model that forgets keeps its name, answers all the while, and is then what it would be without', async () => {
  const { training, prediction } = at.clients;
  const { projectId, byTag } = await at.project('forgets');
  const iterationId = await at.train(projectId);
  await training.publishIteration(projectId, iterationId, 'live', 'resource');
  await training.exportIteration(projectId, iterationId, 'ONNX');
  const [exported] = await until(
    () => training.getExports(projectId, iterationId),
    ([one]) => one?.status === 'Done',
  );
  const old = await at.answers(projectId, iterationId);
  const gone = [byTag.get('Apple')![0]!, byTag.get('Mug')![1]!];
  const [unseen] = await samplePictures({ seed: 7, perClass: 1 });

  const foretold = await at.own<Told>(`/projects/${projectId}/images/forget?imageIds=${gone}`);
  const { receiptId, deletion } = await at.forget(projectId, gone);
  assert.deepEqual(deletion, foretold);
  assert.equal(deletion.kinds.find((one) => one.kind === 'images')?.count, 2);
  assert.equal(deletion.exports.length, 1);
  assert.deepEqual(
    deletion.learnedFrom.map((one) => [one.iterationId, one.images, one.rebuilt]),
    [[iterationId, 2, true]],
  );
  assert.equal((await training.getImagesByIds(projectId, { imageIds: gone })).length, 0);
  let asked = 0;
  await until(
    async () => {
      const answer = await prediction.classifyImageWithNoStore(projectId, 'live', unseen!.bytes);
      assert.equal(answer.iteration, iterationId);
      asked++;
      return at.own<Forgetting[]>(`/projects/${projectId}/forgetting`);
    },
    ([one]) => one?.state === 'Finished',
  );
  assert.ok(asked > 1);

  const now = await at.answers(projectId, iterationId);
  assert.notDeepEqual(now, old);
  assert.equal((await training.getIteration(projectId, iterationId)).publishName, 'live');
  assert.deepEqual(await training.getExports(projectId, iterationId), []);
  assert.equal((await fetch(exported!.downloadUri!)).status, 404);
  await assert.rejects(training.trainProject(projectId, {}), { message: /Nothing changed/ });
  const fresh = await at.train(projectId);
  assert.deepEqual(now, await at.answers(projectId, fresh));

  const { receipt } = await at.own<{ receipt: string }>(`/receipts/${receiptId}`);
  const content = await verifyReceipt(receipt, await at.own<PublicJwk>('/receipts/key'));
  assert.deepEqual(content?.rebuilt, [iterationId]);
  const { images, iteration_images, model, export: files } = content!.erased;
  assert.deepEqual([images, iteration_images, model, files], [2, 2, 1, 1]);
  assert.deepEqual(content?.kept, {});
});

test('an iteration that cannot be trained without the pictures is named, and nothing is changed', async () => {
  const { training } = at.clients;
  const { projectId, byTag, imageIds } = await at.project('refuses');
  const iterationId = await at.train(projectId);
  const leaves = byTag.get('Leaf')!;
  const problem = await at.own<{ code: string; message: string }>(`/projects/${projectId}/images/forget`, {
    method: 'POST',
    body: JSON.stringify({ imageIds: leaves }),
  });
  assert.equal(problem.code, 'BadRequestTrainingValidationFailed');
  assert.match(problem.message, new RegExp(`Iteration 1 \\(${iterationId}\\).*none.*Leaf.*Delete the iteration`));
  assert.deepEqual(await at.own(`/projects/${projectId}/images/forget?imageIds=${leaves}`), problem);
  assert.equal((await training.getImages(projectId, {})).length, imageIds.length);
  assert.deepEqual(await at.own(`/projects/${projectId}/forgetting`), []);
  await training.deleteIteration(projectId, iterationId);
  await at.finished(projectId, (await at.forget(projectId, leaves)).receiptId);
  assert.equal((await training.getImagesByIds(projectId, { imageIds: leaves })).length, 0);
});

test('two requests at once, and a training meanwhile: every model forgets what it was asked to', async () => {
  const { training } = at.clients;
  const { projectId, byTag } = await at.project('twice', 8);
  const iterations = [await at.train(projectId), await at.train(projectId)];
  const [apples, leaves] = [byTag.get('Apple')!, byTag.get('Leaf')!];
  const [first, second, running] = await Promise.all([
    at.forget(projectId, [apples[0]!, leaves[0]!]),
    at.forget(projectId, [apples[1]!, leaves[0]!], { remakeExports: true }),
    training.trainProject(projectId, { forceTrain: true }),
  ]);
  await at.finished(projectId, first!.receiptId);
  await at.finished(projectId, second!.receiptId);
  await until(
    () => training.getIteration(projectId, running!.id!),
    (one) => one.status === 'Completed',
  );
  const fresh = await at.answers(projectId, await at.train(projectId));
  for (const iterationId of [...iterations, running!.id!])
    assert.deepEqual(await at.answers(projectId, iterationId), fresh);
});
