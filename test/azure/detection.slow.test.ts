/** The story of a detector, told by Microsoft's newest clients, on real photographs. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Iteration, Project, Tag } from '@azure/cognitiveservices-customvision-training/esm/models/index.js';
import { overlap } from '../../src/vision/image/box.ts';
import { type BloodCells, bloodCells, cellTags, noBloodCells } from '../fixtures/blood-cells.ts';
import { type Clients, newestClients } from '../fixtures/clients.ts';
import { checkExportedDetector } from '../fixtures/exported-onnx.ts';
import { startServer, type TestServer } from '../fixtures/server.ts';
import { until } from '../fixtures/until.ts';

/** Enough to learn the three kinds of cell, in a few minutes. */
const learned = 48;
/** Seconds a training may take where others are at work as well. */
const patience = 40 * 60;

describe('a detector of blood cells', { skip: noBloodCells }, () => {
  let server: TestServer;
  let training: Clients['training'];
  let prediction: Clients['prediction'];
  let pictures: BloodCells[];
  let unseen: BloodCells[];
  let project: Project;
  let tags: Tag[];
  let iteration: Iteration;
  const tagOf = (name: string): Tag => tags.find((tag) => tag.name === name)!;
  const refused = (code: string, message: RegExp) => (error: { body?: { code?: string; message?: string } }) => {
    assert.equal(error.body?.code, code);
    return message.test(error.body.message ?? '');
  };

  before(async () => {
    pictures = bloodCells('trainval').slice(0, learned);
    unseen = bloodCells('test').slice(0, 10);
    server = await startServer();
    ({ training, prediction } = newestClients(server));
  });
  after(async () => {
    await server?.stop();
  });

  test('a project with tags, and photographs with regions', async () => {
    const domains = await training.getDomains();
    const compact = domains.find((one) => one.type === 'ObjectDetection' && one.name === 'General (compact) [S1]')!;
    project = await training.createProject('Blood', { domainId: compact.id! });
    tags = [];
    for (const name of cellTags) tags.push(await training.createTag(project.id!, name));
    await upload(pictures.slice(0, 10));
    await assert.rejects(
      training.trainProject(project.id!),
      refused('BadRequestDetectionTrainingValidationFailed', /^Not enough images per tag for training/),
    );
    for (let at = 10; at < pictures.length; at += 32) await upload(pictures.slice(at, at + 32));
    assert.equal((await training.getTag(project.id!, tagOf('WBC').id!)).imageCount, countOf('WBC'));
  });

  const countOf = (tag: string): number =>
    pictures.filter(({ marked }) => marked.some((one) => one.tag === tag)).length;
  const upload = async (some: readonly BloodCells[]): Promise<void> => {
    const images = some.map(({ name, bytes, marked }) => ({
      name,
      contents: bytes,
      regions: marked.map(({ tag, ...box }) => ({ tagId: tagOf(tag).id!, ...box })),
    }));
    const summary = await training.createImagesFromFiles(project.id!, { images });
    assert.equal(summary.isBatchSuccessful, true);
  };

  test('training', async () => {
    const begun = await training.trainProject(project.id!);
    assert.equal(begun.status, 'Training');
    iteration = await until(
      () => training.getIteration(project.id!, begun.id!),
      (one) => one.status !== 'Training',
      patience,
    );
    assert.equal(iteration.status, 'Completed', iteration.trainingErrorDetails);
    assert.ok(iteration.exportable && iteration.trainingTimeInMinutes! > 0);
    await assert.rejects(
      training.trainProject(project.id!),
      refused('BadRequestTrainingNotNeeded', /Nothing changed since last training/),
    );
  });

  test('performance, on photographs that were held out', async (t) => {
    const of = (options: { threshold: number; overlapThreshold: number }) =>
      training.getIterationPerformance(project.id!, iteration.id!, options);
    const half = await of({ threshold: 0.3, overlapThreshold: 0.5 });
    t.diagnostic(
      [half, ...half.perTagPerformance!]
        .map((one) => `${'name' in one ? one.name : 'all'} ${one.averagePrecision!.toFixed(3)}`)
        .join(', '),
    );
    assert.deepEqual(half.perTagPerformance!.map((one) => one.name).sort(), cellTags.toSorted());
    assert.ok(half.averagePrecision! > 0.5, `${half.averagePrecision}`);
    assert.ok(half.precisionStdDeviation! > 0 && half.recallStdDeviation! > 0);
    const strict = await of({ threshold: 0.3, overlapThreshold: 0.9 });
    assert.ok(strict.averagePrecision! < half.averagePrecision! && strict.recall! < half.recall!);

    const images = await training.getImagePerformances(project.id!, iteration.id!, { take: 256 });
    const count = await training.getImagePerformanceCount(project.id!, iteration.id!);
    assert.equal((count as { body?: number }).body ?? count, images.length);
    assert.ok(images.length > learned / 10 && images.length < learned / 3, `${images.length} are held out`);
    for (const { regions, predictions } of images) {
      assert.ok(regions!.length > 0);
      assert.ok(predictions!.every((one) => one.boundingBox && one.probability! > 0 && one.tagName));
    }
    const all = images.flatMap(({ regions }) => regions!).length;
    const found = images.flatMap(({ regions, predictions }) =>
      regions!.filter((region) =>
        predictions!.some(
          (one) =>
            one.tagId === region.tagId && one.probability! >= 0.3 && overlap(one.boundingBox!, region as never) >= 0.5,
        ),
      ),
    ).length;
    assert.ok(Math.abs(found / all - half.recall!) < 0.1, `${found} of ${all}, ${half.recall} is told`);
  });

  test('published, it finds cells in photographs it has never seen; exported, the same', async () => {
    await training.publishIteration(project.id!, iteration.id!, 'cells', 'resource');
    let [whole, right] = [0, 0];
    for (const { bytes, marked } of unseen) {
      const { predictions } = await prediction.detectImageWithNoStore(project.id!, 'cells', bytes);
      for (const one of marked.filter(({ tag }) => tag !== 'Platelets')) {
        whole++;
        const hit = predictions!.some((guess) => guess.tagName === one.tag && overlap(guess.boundingBox!, one) > 0.5);
        if (hit) right++;
      }
    }
    assert.ok(right / whole > 0.6, `${right} of ${whole}`);

    await training.exportIteration(project.id!, iteration.id!, 'ONNX');
    const done = await until(
      async () => (await training.getExports(project.id!, iteration.id!))[0]!,
      (one) => one.status !== 'Exporting',
      patience,
    );
    assert.equal(done.status, 'Done');
    const zip = Buffer.from(await (await fetch(done.downloadUri!)).arrayBuffer());
    const { predictions } = await prediction.detectImageWithNoStore(project.id!, 'cells', unseen[0]!.bytes);
    await checkExportedDetector(zip, {
      iterationId: iteration.id!,
      dtype: 'float32',
      tolerance: 1e-3,
      picture: unseen[0]!.bytes,
      found: predictions!.map((one) => ({
        tagName: one.tagName!,
        probability: one.probability!,
        box: one.boundingBox!,
      })),
    });
  });

  test('unpublished, it and the project can go', async () => {
    await training.unpublishIteration(project.id!, iteration.id!);
    await training.deleteIteration(project.id!, iteration.id!);
    await training.deleteProject(project.id!);
    assert.deepEqual([...(await training.getProjects())], []);
  });
});
