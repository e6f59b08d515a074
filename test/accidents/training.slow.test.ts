/** Trainings that cannot end well: each says why and what to do, loses nothing, and the next one ends as it should. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { globSync, mkdtempSync, readFileSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { newestClients } from '../fixtures/clients.ts';
import { startServer, type TestServer } from '../fixtures/server.ts';
import { classificationProject, detectionProject } from '../fixtures/small-projects.ts';
import { progressOf } from '../fixtures/training-progress.ts';
import { until } from '../fixtures/until.ts';
import { copyTree, plant } from '../forensic/planting.ts';

/** Steps a million times too long, planted in a copy of the source tree. */
const diverging = {
  name: 'steps are far too long',
  file: 'vision/train/loop.ts',
  change: ['rate: factor * rateAt(', 'rate: 1e30 * factor * rateAt('],
  finding: /./,
} as const;

test('a detector whose learning does not settle has failed', async (t) => {
  const tree = copyTree();
  t.after(() => tree.remove());
  plant(tree.path, diverging);
  const server = await startServer({ tree: tree.path });
  t.after(() => server.stop());
  const { training } = newestClients(server);
  const projectId = await detectionProject(newestClients(server), 'Squares');
  const { id } = await training.trainProject(projectId);
  const { reason } = await until(
    () => progressOf(server, projectId).get(id!),
    ({ state }) => state === 'Failed',
    120,
  );
  assert.match(reason!, /did not settle.* train again/);
  assert.equal((await training.getIteration(projectId, id!)).trainingErrorDetails, reason);
});

test('a picture whose file was damaged is named; without it the next training ends well', async (t) => {
  const server = await startServer();
  t.after(() => server.stop());
  const { training } = newestClients(server);
  for (const kind of ['classification', 'detection'] as const) {
    const projectId =
      kind === 'detection'
        ? await detectionProject(newestClients(server), 'Squares', 40)
        : await classificationProject(newestClients(server), 20);
    const images = await training.getImages(projectId, { take: 64 });
    const damaged = images[3]!.id!;
    const file = globSync(join(server.home, 'blobs', server.account, projectId, 'image-original', '**', damaged))[0]!;
    const bytes = readFileSync(file);
    bytes[200]! ^= 1;
    writeFileSync(file, bytes);
    const { id } = await training.trainProject(projectId);
    const progress = progressOf(server, projectId);
    const ended = await until(
      () => progress.get(id!),
      ({ state }) => state === 'Failed' || state === 'Completed',
    );
    assert.match(ended.reason ?? 'none', new RegExp(`image ${damaged} cannot be read`), kind);
    await training.deleteImages(projectId, { imageIds: [damaged], allIterations: true });
    const next = (await training.trainProject(projectId)).id!;
    if (kind === 'classification')
      await until(
        () => progress.get(next),
        ({ state }) => state === 'Completed',
      );
    else {
      await until(
        () => progress.get(next),
        ({ step }) => step !== null && step > 0,
      );
      assert.equal(await progress.cancel(next), 204);
    }
  }
});

test('a disk that is full when the model is to be stored fails the training; with room the next one ends well', async (t) => {
  const disk = mkdtempSync(join(tmpdir(), 'ownsight-full-'));
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=96m', 'none', disk]).status === 0;
  let server: TestServer | undefined;
  t.after(async () => {
    await server?.kill();
    if (mounted) execFileSync('umount', [disk]);
    rmSync(disk, { recursive: true, force: true });
  });
  if (!mounted) return t.skip('needs the right to mount a file system (root on Linux)');
  server = await startServer({ home: join(disk, 'data') });
  const { training } = newestClients(server);
  const projectId = await classificationProject(newestClients(server), 200);
  const progress = progressOf(server, projectId);
  const filler = join(disk, 'filler');
  const before = await training.getImages(projectId, { take: 64 });
  const free = () => statfsSync(disk).bavail * statfsSync(disk).bsize;
  writeFileSync(filler, Buffer.alloc(free() - 4_000_000, 1));
  const { id } = await training.trainProject(projectId);
  await until(
    () => progress.get(id!),
    ({ state }) => state === 'Running',
  );
  writeFileSync(`${filler} too`, Buffer.alloc(free(), 1));
  const ended = await until(
    () => progress.get(id!),
    ({ state }) => state === 'Failed' || state === 'Completed',
  );
  assert.match(ended.reason ?? 'none', /disk of the server is full.*Free some space and train again/);
  assert.equal((await training.getIteration(projectId, id!)).status, 'Failed');
  assert.deepEqual(
    (await training.getImages(projectId, { take: 64 })).map((one) => one.id),
    before.map((one) => one.id),
  );
  for (const file of [filler, `${filler} too`]) rmSync(file);
  const next = (await training.trainProject(projectId)).id!;
  await until(
    () => progress.get(next),
    ({ state }) => state === 'Completed',
  );
  assert.equal(
    globSync('**/*', { cwd: join(disk, 'data', 'blobs', server.account, projectId, 'model') }).length > 0,
    true,
  );
});
