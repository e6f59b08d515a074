/** A training is killed, and cancelled, in the middle of a step. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { newestClients } from '../fixtures/clients.ts';
import { startServer } from '../fixtures/server.ts';
import { classificationProject, detectionProject } from '../fixtures/small-projects.ts';
import { childrenOf, progressOf, type Told } from '../fixtures/training-progress.ts';
import { until } from '../fixtures/until.ts';

test('a training that is killed twice has failed and says what to do; the next one holds up no other, and is cancelled in mid-step', async (t) => {
  if (process.platform !== 'linux') return t.skip('finds the process that trains in /proc');
  const server = await startServer();
  t.after(() => server.stop());
  const { training } = newestClients(server);
  const projectId = await detectionProject(newestClients(server), 'Squares');
  const progress = progressOf(server, projectId);
  const images = (await training.getImages(projectId, { take: 64 })).length;
  const watched: Told[] = [];
  const begin = async (): Promise<string> => (await training.trainProject(projectId)).id!;
  const learns = () =>
    until(
      async () => childrenOf(server.pid),
      ([child]) => child !== undefined,
    );

  const first = await begin();
  const watching = (async () => {
    for await (const told of progress.watch(first)) watched.push(told);
  })();
  for (const time of [1, 2]) {
    const [child] = await learns();
    // The first in mid-step, once that was told; the second as it begins.
    if (time === 1)
      await until(
        async () => watched.some(({ state, phase, log }) => state === 'Running' && phase !== null && log.length > 0),
        (told) => told,
      );
    process.kill(child!, 'SIGKILL');
    await until(
      async () => childrenOf(server.pid),
      (left) => !left.includes(child!),
    );
  }
  await watching;
  const { state, reason } = watched.at(-1)!;
  assert.equal(state, 'Failed');
  assert.match(reason!, /ran out of memory\. Free some memory.* try again/);
  const failed = await training.getIteration(projectId, first);
  assert.deepEqual([failed.status, failed.trainingErrorDetails], ['Failed', reason]);
  assert.equal((await training.getImages(projectId, { take: 64 })).length, images);

  const second = await begin();
  await learns();
  await until(
    () => progress.get(second),
    ({ phase }) => phase !== null,
  );
  // What takes seconds does not wait for what takes minutes.
  const quick = await classificationProject(newestClients(server), 20);
  const { id: quickId } = await training.trainProject(quick);
  await until(
    () => progressOf(server, quick).get(quickId!),
    ({ state }) => state === 'Completed',
  );
  assert.equal((await progress.get(second)).state, 'Running');
  const asked = performance.now();
  assert.equal(await progress.cancel(second), 204);
  await until(
    async () => childrenOf(server.pid),
    (left) => left.length === 0,
    2,
  );
  assert.ok(performance.now() - asked < 2000);
  assert.equal(await progress.status(second), 404);
  assert.equal(await progress.cancel(second), 404);
  assert.deepEqual(
    (await training.getIterations(projectId)).map(({ id }) => id),
    [first],
  );
  const log = await fetch(`${server.endpoint}/ownsight/v1/audit`, { headers: { 'Training-Key': server.trainingKey } });
  const { entries } = (await log.json()) as { entries: { action: string; subjectId: string }[] };
  assert.deepEqual([entries.at(-1)!.action, entries.at(-1)!.subjectId], ['training-cancelled', second]);

  // One that is deleted while it trains is cancelled as well.
  const third = await begin();
  await learns();
  await training.deleteIteration(projectId, third);
  await until(
    async () => childrenOf(server.pid),
    (left) => left.length === 0,
    2,
  );
  assert.equal(server.output().match(/job-failed/g)?.length, 1, 'what was cancelled is no failure');
});
