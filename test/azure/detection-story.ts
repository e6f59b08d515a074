import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import type { Prediction } from '@azure/cognitiveservices-customvision-training/esm/models/index.js';
import { type Box, overlap } from '../../src/vision/image/box.ts';
import type { Clients } from '../fixtures/clients.ts';
import { checkExportedDetector } from '../fixtures/exported-onnx.ts';
import { servePictures } from '../fixtures/picture-server.ts';
import { until } from '../fixtures/until.ts';

/** A picture and what is in it. */
export interface LabelledPicture {
  readonly name: string;
  readonly bytes: Buffer;
  readonly regions: readonly (Box & { readonly tag: string })[];
}

/** What is told, and how well it must end. */
export interface DetectionStory {
  readonly clients: Clients;
  readonly learned: readonly LabelledPicture[];
  readonly unseen: readonly LabelledPicture[];
  /** Mean average precision that the training must say it reaches. */
  readonly averagePrecision: number;
  /** The part of what is in the unseen pictures that must be found. */
  readonly found: number;
  /** Seconds that the training may take. */
  readonly patience: number;
}

const compact = '7ec2ac80-887b-48a6-8df9-8b1357765430';

/** The story of object detection, told by Microsoft's clients of one generation; a step stands on those before. */
export async function tellDetection(t: TestContext, story: DetectionStory): Promise<void> {
  const { clients, learned, unseen, patience } = story;
  const { training, prediction } = clients;
  const web = await servePictures(new Map(unseen.map(({ name, bytes }) => [name, bytes])));
  t.after(() => web.close());
  const [picture] = unseen as [LabelledPicture];
  const names = [...new Set(learned.flatMap(({ regions }) => regions.map(({ tag }) => tag)))];
  const tagIds = new Map<string, string>();
  let projectId = '';
  let iterationId = '';
  const detect = async (bytes: Buffer) =>
    (await prediction.detectImageWithNoStore(projectId, 'live', bytes)).predictions!;

  await t.test('a project, tags, and pictures with regions', async () => {
    const project = await training.createProject('Where things are', { domainId: compact });
    projectId = project.id!;
    assert.equal(project.settings.classificationType, null);
    for (const name of names) tagIds.set(name, (await training.createTag(projectId, name)).id!);
    for (let at = 0; at < learned.length; at += 32) {
      const images = learned.slice(at, at + 32).map(({ name, bytes, regions }) => ({
        name,
        contents: bytes,
        regions: regions.map(({ tag, ...box }) => ({ tagId: tagIds.get(tag)!, ...box })),
      }));
      const made = await training.createImagesFromFiles(projectId, { images });
      // Of two drawn pictures that are equal by chance one is taken.
      assert.ok(made.images!.every(({ status }) => status === 'OK' || status === 'OKDuplicate'));
    }
    const [image] = await training.getTaggedImages(projectId, { orderBy: 'Oldest', take: 1 });
    assert.equal(image?.regions?.length, learned[0]?.regions.length);
    const { proposals } = await training.getImageRegionProposals(projectId, image!.id!);
    assert.ok(proposals!.length > 0 && proposals!.every(({ confidence }) => confidence! > 0 && confidence! <= 1));
  });

  await t.test('regions are put on pictures and taken off', async () => {
    const [image] = await training.getTaggedImages(projectId, { orderBy: 'Oldest', take: 1 });
    const entry = {
      imageId: image!.id!,
      tagId: tagIds.get(names[0]!)!,
      left: 0.25,
      top: 0.5,
      width: 0.25,
      height: 0.5,
    };
    const { created } = await training.createImageRegions(projectId, { regions: [entry] });
    const { regionId, tagId } = created![0]!;
    assert.equal(tagId, entry.tagId);
    const regionsNow = async () => (await training.getImagesByIds(projectId, { imageIds: [image!.id!] }))[0]!.regions!;
    assert.ok((await regionsNow()).some((one) => one.regionId === regionId));
    await training.deleteImageRegions(projectId, [regionId!]);
    assert.deepEqual(
      (await regionsNow()).map((one) => one.regionId).sort(),
      image!.regions!.map((one) => one.regionId).sort(),
    );
  });

  await t.test('training, and how well it did', async () => {
    iterationId = (await training.trainProject(projectId, {})).id!;
    const ended = await until(
      () => training.getIteration(projectId, iterationId),
      ({ status }) => status !== 'Training',
      patience,
    );
    assert.deepEqual([ended.status, ended.trainingErrorDetails ?? null], ['Completed', null]);
    assert.deepEqual([ended.exportable, ended.exportableTo], [true, ['ONNX']]);
    const performance = await training.getIterationPerformance(projectId, iterationId, {
      threshold: 0.3,
      overlapThreshold: 0.5,
    });
    t.diagnostic(`held out: mAP ${performance.averagePrecision}, ${performance.precision}, ${performance.recall}`);
    assert.ok(performance.averagePrecision! >= story.averagePrecision, String(performance.averagePrecision));
    assert.deepEqual(performance.perTagPerformance!.map(({ name }) => name).sort(), names.toSorted());
    const images = await training.getImagePerformances(projectId, iterationId, { take: 256 });
    assert.ok(images.some(({ predictions }) => predictions!.some(({ boundingBox }) => boundingBox !== undefined)));
  });

  await t.test('published, it finds things: stored or not, from data or an address', async () => {
    await training.publishIteration(projectId, iterationId, 'live', 'resource');
    const url = { url: web.url(picture.name) };
    const answers = [
      await prediction.detectImage(projectId, 'live', picture.bytes, { application: 'story' }),
      await prediction.detectImageWithNoStore(projectId, 'live', picture.bytes),
      await prediction.detectImageUrl(projectId, 'live', url),
      await prediction.detectImageUrlWithNoStore(projectId, 'live', url),
    ];
    for (const { project, iteration, predictions } of answers) {
      assert.deepEqual([project, iteration], [projectId, iterationId]);
      assert.deepEqual(predictions, answers[0]!.predictions);
    }
    let [all, found] = [0, 0];
    for (const { bytes, regions } of unseen) {
      const predictions = await detect(bytes);
      all += regions.length;
      found += regions.filter((region) => predictions.some((one) => isOf(one, region))).length;
    }
    t.diagnostic(`found ${found} of ${all} in pictures never shown`);
    assert.ok(found >= story.found * all, `${found} of ${all}`);
    await assert.rejects(prediction.classifyImageWithNoStore(projectId, 'live', picture.bytes), {
      statusCode: 400,
      message: /^Invalid project type for operation/,
    });
  });

  await t.test('quick tests find the same', async () => {
    const wanted = await detect(picture.bytes);
    // Older clients cannot ask for quick tests not to be stored.
    const options = { iterationId, ...(clients.newest ? { store: false } : {}) };
    const answers = [
      await training.quickTestImage(projectId, picture.bytes, options),
      await training.quickTestImageUrl(projectId, { url: web.url(picture.name) }, options),
    ];
    for (const { predictions } of answers) assert.deepEqual(predictions, wanted);
  });

  await t.test('stored answers have boxes, and their pictures are learned from next', async () => {
    const { results } = await training.queryPredictions(projectId, { orderBy: 'Oldest' });
    const boxes = results![0]!.predictions!.length;
    assert.deepEqual(
      results!.map(({ predictions }) => predictions!.length),
      clients.newest ? [boxes, boxes] : [boxes, boxes, boxes, boxes],
    );
    const [stored] = results!;
    const { tagId, boundingBox } = stored!.predictions![0]!;
    assert.ok(boundingBox!.width > 0);
    const { images } = await training.createImagesFromPredictions(projectId, {
      images: [{ id: stored!.id!, regions: [{ tagId: tagId!, ...within(boundingBox!) }] }],
    });
    assert.equal(images?.[0]?.status, 'OK');
    assert.equal(images?.[0]?.image?.regions?.length, 1);
  });

  await t.test('regions are proposed and suggested for a picture without tags', async (t) => {
    if (!clients.newest) return t.skip('not in older clients');
    const { images } = await training.createImagesFromFiles(projectId, { images: [{ contents: unseen[1]!.bytes }] });
    const imageId = images![0]!.image!.id!;
    const [suggestion] = await training.suggestTagsAndRegions(projectId, iterationId, [imageId]);
    const wanted = await detect(unseen[1]!.bytes);
    assert.deepEqual(suggestion?.predictions, wanted);
    assert.ok(suggestion!.predictionUncertainty! > 0);
    const { proposals } = await training.getImageRegionProposals(projectId, imageId);
    assert.deepEqual(proposals![0]?.boundingBox, wanted[0]?.boundingBox);
    const [best] = wanted;
    const tagIds = [best!.tagId!];
    const threshold = 0.01;
    const query = { tagIds, threshold, maxCount: 10, sortBy: 'UncertaintyDescending' as const };
    const { results } = await training.querySuggestedImages(projectId, iterationId, query);
    assert.deepEqual(
      results!.map(({ id, predictions }) => [id, predictions]),
      [[imageId, wanted]],
    );
    assert.equal((await fetch(results![0]!.originalImageUri!)).status, 200);
    const counts = await training.querySuggestedImageCount(projectId, iterationId, { tagIds, threshold });
    assert.equal(counts[best!.tagId!], 1);
  });

  for (const flavor of [undefined, 'OnnxFloat16'])
    await t.test(`export to ONNX, ${flavor ?? 'plain'}`, async (t) => {
      if (!clients.newest) return t.skip('the same files as for the newest clients');
      await training.exportIteration(projectId, iterationId, 'ONNX', flavor ? { flavor: flavor as 'ONNX12' } : {});
      const done = await until(
        async () =>
          (await training.getExports(projectId, iterationId)).find((one) => (one.flavor ?? undefined) === flavor)!,
        ({ status }) => status !== 'Exporting',
        300,
      );
      assert.equal(done.status, 'Done');
      const found = (await detect(picture.bytes)).map(({ tagName, probability, boundingBox }) => ({
        tagName: tagName!,
        probability: probability!,
        box: boundingBox!,
      }));
      const zip = Buffer.from(await (await fetch(done.downloadUri!)).arrayBuffer());
      await checkExportedDetector(zip, {
        iterationId,
        dtype: flavor === undefined ? 'float32' : 'float16',
        tolerance: flavor === undefined ? 1e-4 : 2e-2,
        picture: picture.bytes,
        found,
      });
    });

  await t.test('unpublished it answers no more, and all of it can go', async () => {
    await training.unpublishIteration(projectId, iterationId);
    await assert.rejects(detect(picture.bytes), { statusCode: 404 });
    await training.deleteIteration(projectId, iterationId);
    await assert.rejects(training.getIteration(projectId, iterationId), { statusCode: 404 });
    await training.deleteProject(projectId);
    await assert.rejects(training.getProject(projectId), { statusCode: 404 });
  });
}

/** Whether a prediction is of this thing: the same tag, and boxes that share half. */
const isOf = ({ tagName, probability, boundingBox }: Prediction, { tag, ...box }: Box & { tag: string }): boolean =>
  tagName === tag && probability! > 0.2 && overlap(boundingBox!, box) > 0.5;

/** A box within the picture, in spite of single precision. */
const within = ({ left, top, width, height }: Box): Box => ({
  left,
  top,
  width: Math.min(width, 1 - left),
  height: Math.min(height, 1 - top),
});
