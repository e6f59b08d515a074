/** A detector over HTTP, with Microsoft's newest clients: asked for, trained, told about, published and asked. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Region } from '@azure/cognitiveservices-customvision-training/esm/models/index.js';
import { openApp } from '../../src/app.ts';
import { readConfig } from '../../src/config.ts';
import { createServer } from '../../src/http/server.ts';
import { train } from '../../src/jobs/train.ts';
import { createAccount, viewKeys } from '../../src/services/accounts.ts';
import type { App } from '../../src/services/context.ts';
import { squareLabels, squares } from '../../src/vision/detect/fixture-squares.ts';
import { newestClients } from '../fixtures/clients.ts';
import { hasty } from '../fixtures/marked.ts';
import { jobRun } from '../fixtures/run.ts';
import { environment } from '../fixtures/server.ts';
import { temporaryFolder } from '../fixtures/stores.ts';

/** A server in this process, whose trainings are done when they are called for. */
async function served(
  t: TestContext,
): Promise<{ app: App; accountId: string; clients: ReturnType<typeof newestClients> }> {
  const open = await openApp(readConfig(environment(join(temporaryFolder(t), 'data'))));
  t.after(() => open.close());
  const app = hasty(open);
  const { id } = await createAccount(app, { userName: 'owner' });
  const keys = await viewKeys(app, id, 'start');
  const server = await createServer(app);
  t.after(() => server.close());
  server.server.listen(0, '127.0.0.1');
  await once(server.server, 'listening');
  const { port } = server.server.address() as AddressInfo;
  const access = { trainingKey: keys.training.primary, predictionKey: keys.prediction.primary };
  return { app, accountId: id, clients: newestClients({ endpoint: `http://127.0.0.1:${port}`, ...access }) };
}

test('a detector of squares: regions in, boxes out', async (t) => {
  const { app, accountId, clients } = await served(t);
  const { training, prediction } = clients;
  const refused = (code: string) => (error: { statusCode?: number; body?: { code?: string } }) => {
    assert.deepEqual([error.statusCode, error.body?.code], [code.startsWith('NotFound') ? 404 : 400, code]);
    return true;
  };
  const domain = (await training.getDomains()).find((one) => one.type === 'ObjectDetection')!;
  const { id } = await training.createProject('Squares', { domainId: domain.id! });
  const projectId = id!;
  const tagIds: string[] = [];
  for (const name of [...squareLabels, 'unused']) tagIds.push((await training.createTag(projectId, name)).id!);
  const pictures = Array.from({ length: 24 }, (_, n) => squares(n, 96));
  const { images } = await training.createImagesFromFiles(projectId, {
    images: pictures.map(({ bytes, marked }) => ({
      contents: Buffer.from(bytes),
      regions: marked.map(({ label, ...box }): Region => ({ tagId: tagIds[label]!, ...box })),
    })),
  });
  const imageIds = images!.map((one) => one.image!.id!);

  await assert.rejects(training.trainProject(projectId), refused('BadRequestDetectionTrainingValidationFailed'));
  const of = (selectedTags: string[]) => training.trainProject(projectId, { trainingParameters: { selectedTags } });
  await assert.rejects(of([projectId]), refused('NotFoundTag'));
  const begun = await of(tagIds.slice(0, 2));
  const iterationId = begun.id!;
  assert.deepEqual([begun.status, begun.exportable], ['Training', false]);
  await assert.rejects(
    training.getIterationPerformance(projectId, iterationId),
    refused('NotFoundIterationPerformance'),
  );
  await train(app, { accountId, projectId, iterationId }, jobRun());
  const iteration = await training.getIteration(projectId, iterationId);
  assert.deepEqual(
    [iteration.status, iteration.domainId, iteration.classificationType ?? null],
    ['Completed', domain.id, null],
  );

  const performance = await training.getIterationPerformance(projectId, iterationId, {
    threshold: 0.1,
    overlapThreshold: 0.3,
  });
  assert.deepEqual(
    performance.perTagPerformance!.map((one) => one.name),
    squareLabels,
  );
  const strict = await training.getIterationPerformance(projectId, iterationId, {
    threshold: 0.1,
    overlapThreshold: 1,
  });
  assert.ok(performance.averagePrecision! > 0 && strict.averagePrecision === 0);
  const shown = await training.getImagePerformances(projectId, iterationId);
  assert.ok(shown.length >= 2 && shown.length < pictures.length / 2);
  for (const { id, regions, predictions } of shown) {
    const { marked } = pictures[imageIds.indexOf(id!)]!;
    const told = regions!.map(({ tagName, left, top }) => [tagName, left.toFixed(5), top.toFixed(5)]);
    const given = marked.map(({ label, left, top }) => [squareLabels[label], left.toFixed(5), top.toFixed(5)]);
    assert.deepEqual(told, given);
    assert.ok(predictions!.length > 0 && predictions!.every((one) => one.boundingBox!.width > 0));
  }

  await training.publishIteration(projectId, iterationId, 'squares', 'resource');
  const answer = await prediction.detectImageWithNoStore(projectId, 'squares', Buffer.from(squares(100, 96).bytes));
  assert.ok(answer.predictions!.some((one) => one.boundingBox && squareLabels.some((name) => name === one.tagName)));
});
