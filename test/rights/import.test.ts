/** Moving in from a Custom Vision resource: ours is one too, so what comes is held against what was there. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { ImportReport } from '../../src/services/importing/report.ts';
import { type Clients, newestClients } from '../fixtures/clients.ts';
import { runOwnsight, startServer, type TestServer } from '../fixtures/server.ts';
import { crawlOriginals, type TrainedAccount, trainAccount } from '../fixtures/trained-account.ts';

let source: TestServer;
let account: TrainedAccount;
let folder: string;
let keyFile: string;

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'ownsight-import-'));
  source = await startServer();
  account = await trainAccount(source);
  keyFile = join(folder, 'key');
  writeFileSync(keyFile, `${source.trainingKey}\n`, { mode: 0o600 });
});
after(async () => {
  await source?.stop();
  rmSync(folder, { recursive: true, force: true });
});

async function ownsight(home: string, ...args: string[]): Promise<string> {
  const { code, output } = await runOwnsight(home, args);
  assert.equal(code, 0, output);
  return output;
}

const importAll = (home: string, ...more: string[]) =>
  runOwnsight(home, [
    'import',
    'custom-vision',
    '--endpoint',
    source.endpoint,
    '--key-file',
    keyFile,
    '--report',
    join(folder, 'report.json'),
    ...more,
  ]);

const reported = (): ImportReport => JSON.parse(readFileSync(join(folder, 'report.json'), 'utf8')) as ImportReport;

/** What the public API says of the classifier project, links and what needs a model aside. */
async function toldBy({ training }: Clients, projectId: string, iterationId: string): Promise<unknown> {
  const [project, tags, images, [iteration], learned, ...performances] = await Promise.all([
    training.getProject(projectId),
    training.getTags(projectId),
    training.getImages(projectId, { take: 50 }),
    training.getIterations(projectId),
    training.getImages(projectId, { iterationId, take: 50 }),
    training.getIterationPerformance(projectId, iterationId, { threshold: 0.5 }),
    training.getIterationPerformance(projectId, iterationId, { threshold: 0.37 }),
    training.getImagePerformances(projectId, iterationId, { take: 50 }),
  ]);
  const { exportable, exportableTo, publishName, originalPublishResourceId, trainingErrorDetails, ...kept } =
    iteration as object as Record<string, unknown>;
  const text = JSON.stringify([
    { ...project, thumbnailUri: '', lastModified: '' },
    [[...tags].sort((a, b) => (a.id! < b.id! ? -1 : 1)), images, kept, learned, performances],
  ]);
  return JSON.parse(text.replaceAll(/"[^"]*[uU]ri":"[^"]*",?/g, ''));
}

test('on another server: same ids, labels, results and bytes; and a second time changes nothing', async (t) => {
  const home = join(folder, 'other', 'data');
  await ownsight(home, 'account', 'create', 'mover');
  const first = await importAll(home);
  assert.equal(first.code, 0, first.output);
  assert.match(first.output, /17 pictures, 3 tags, 1 iterations imported/);
  const report = reported();
  assert.deepEqual([report.complete, report.apiVersion, report.projects.length], [true, '3.4-preview', 2]);
  const [compared] = report.projects.flatMap((one) => one.compared);
  // Told in single precision, computed in double.
  for (const [figure, told] of Object.entries(compared!.told))
    assert.ok(
      Math.abs(compared!.computed![figure as 'recall'] - told) < 1e-6,
      `${figure}: ${JSON.stringify(compared)}`,
    );
  const second = await importAll(home);
  assert.equal(second.code, 0, second.output);
  for (const { images, tags, iterations } of reported().projects)
    assert.deepEqual([images.imported, tags.imported, iterations.imported], [0, 0, 0]);

  const other = await startServer({ home });
  t.after(() => other.stop());
  const clients = newestClients(other);
  const { projectId, iterationId, detectionId } = account;
  assert.deepEqual(
    await toldBy(clients, projectId, iterationId),
    await toldBy(account.clients, projectId, iterationId),
  );
  for (const id of [projectId, detectionId])
    assert.deepEqual(await crawlOriginals(clients, id), await crawlOriginals(account.clients, id));
  const boxes = async ({ training }: Clients) =>
    (await training.getImages(detectionId, {})).map(({ id, tags, regions }) => ({ id, tags, regions }));
  assert.deepEqual(await boxes(clients), await boxes(account.clients));
  assert.equal((await ownsight(home, 'doctor')).trim(), 'All rows, files and keys agree.');
});

test('into a second account of the same server: other ids, always the same ones; what needs the model is refused, training is not', async () => {
  const { account: id, keys } = JSON.parse(await ownsight(source.home, 'account', 'create', 'second', '--json'));
  const first = await importAll(source.home, '--account', id, '--project', account.projectId, '--api-version', '3.0');
  assert.equal(first.code, 0, first.output);
  const clients = newestClients({
    ...source,
    trainingKey: keys.training.primary,
    predictionKey: keys.prediction.primary,
  });
  const { training, prediction } = clients;
  const [project] = await training.getProjects();
  assert.notEqual(project!.id, account.projectId);
  assert.deepEqual([reported().apiVersion, reported().projects[0]!.id], ['3.0', project!.id]);
  const [iteration] = await training.getIterations(project!.id!);
  const figures = async ({ training: one }: Clients, projectId: string, iterationId: string, threshold: number) => {
    const { perTagPerformance, ...overall } = await one.getIterationPerformance(projectId, iterationId, { threshold });
    return [overall, new Map(perTagPerformance!.map(({ id: _id, name, ...rest }) => [name, rest]))];
  };
  const [, told] = await figures(account.clients, account.projectId, account.iterationId, 0.5);
  assert.deepEqual((await figures(clients, project!.id!, iteration!.id!, 0.5))[1], told);
  const originals = async (one: Clients, projectId: string) =>
    [...(await crawlOriginals(one, projectId)).values()].map((bytes) => bytes.toString('base64')).sort();
  assert.deepEqual(await originals(clients, project!.id!), await originals(account.clients, account.projectId));

  const refusals = [
    () => training.publishIteration(project!.id!, iteration!.id!, 'live', 'resource'),
    () => training.exportIteration(project!.id!, iteration!.id!, 'ONNX'),
    () => training.quickTestImage(project!.id!, account.unseen, { iterationId: iteration!.id! }),
  ];
  for (const refused of refusals)
    await assert.rejects(refused, (error: Error & { body?: { message?: string } }) => {
      assert.match(error.body?.message ?? error.message, /imported without its model.*train again/);
      return true;
    });
  await assert.rejects(prediction.classifyImage(project!.id!, 'live', account.unseen));

  // Taken out and put back, what was told of the iteration is told again, and the ids lead to the new tags.
  const archive = join(folder, 'second.zip');
  await ownsight(source.home, 'takeout', '--account', id, '--out', archive);
  const third = JSON.parse(await ownsight(source.home, 'account', 'create', 'third', '--json'));
  await ownsight(source.home, 'restore', archive, '--account', third.account);
  const copy = newestClients({ ...source, trainingKey: third.keys.training.primary });
  const [restored] = await copy.training.getProjects();
  const [again] = await copy.training.getIterations(restored!.id!);
  assert.deepEqual((await figures(copy, restored!.id!, again!.id!, 0.5))[1], told);

  const images = (await training.getImages(project!.id!, { take: 50 })).map((image) => image.id);
  const second = await importAll(source.home, '--account', id, '--project', account.projectId);
  assert.equal(second.code, 0, second.output);
  assert.deepEqual(
    (await training.getImages(project!.id!, { take: 50 })).map((image) => image.id),
    images,
  );
  const trained = await training.trainProject(project!.id!, {});
  assert.deepEqual([trained.name, trained.status], ['Iteration 2', 'Training']);
});
