/** Advanced training, as Microsoft's newest client asks for it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { samplePictures } from '../../scripts/samples.ts';
import { newestClients } from '../fixtures/clients.ts';
import { startServer } from '../fixtures/server.ts';
import { until } from '../fixtures/until.ts';

test('advanced training needs an hour at least, ends within it, and what it made answers', async (t) => {
  const server = await startServer();
  t.after(() => server.stop());
  const { training, prediction } = newestClients(server);
  const { id: projectId } = (await training.createProject('advanced')) as { id: string };
  const pictures = (await samplePictures({ perClass: 5 })).filter(({ tag }) => tag !== 'Mug');
  const tagIds = new Map<string, string>();
  for (const { tag } of pictures) if (!tagIds.has(tag)) tagIds.set(tag, (await training.createTag(projectId, tag)).id!);
  await training.createImagesFromFiles(projectId, {
    images: pictures.map(({ name, tag, bytes }) => ({ name, contents: bytes, tagIds: [tagIds.get(tag)!] })),
  });
  await assert.rejects(training.trainProject(projectId, { trainingType: 'Advanced' }), {
    statusCode: 400,
    body: {
      code: 'BadRequestReservedBudgetInHoursNotEnoughForAdvancedTraining',
      message: 'Expected at least 1 hour for reservedBudgetInHours but received 0.',
    },
  });
  const options = {
    trainingType: 'Advanced',
    reservedBudgetInHours: 1,
    notificationEmailAddress: 'me@example.org',
  } as const;
  const begun = await training.trainProject(projectId, options);
  const ended = await until(
    () => training.getIteration(projectId, begun.id!),
    ({ status }) => status !== 'Training',
    // What learns for minutes gives way to whatever else runs.
    240,
  );
  assert.deepEqual(
    [ended.status, ended.trainingType, ended.reservedBudgetInHours, ended.trainingErrorDetails],
    ['Completed', 'Advanced', 1, null],
  );
  await assert.rejects(training.trainProject(projectId, options), { message: /Nothing changed/ });
  assert.ok(ended.trainingTimeInMinutes! >= 1 && ended.trainingTimeInMinutes! < 60);
  const { precision } = await training.getIterationPerformance(projectId, begun.id!);
  assert.ok(precision! >= 0 && precision! <= 1);
  await training.publishIteration(projectId, begun.id!, 'live', 'anything');
  const answer = await prediction.classifyImage(projectId, 'live', pictures[0]!.bytes);
  assert.deepEqual(new Set(answer.predictions!.map(({ tagName }) => tagName)), new Set(tagIds.keys()));
  const all = answer.predictions!.reduce((sum, { probability }) => sum + probability!, 0);
  assert.ok(Math.abs(all - 1) < 1e-4, String(all));
});
