import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import type { Iteration, Project, Tag } from '@azure/cognitiveservices-customvision-training/esm/models/index.js';
import type { SamplePicture } from '../../scripts/samples.ts';
import type { Clients } from '../fixtures/clients.ts';
import { checkExportedOnnx } from '../fixtures/exported-onnx.ts';
import type { PictureServer } from '../fixtures/picture-server.ts';
import { until } from '../fixtures/until.ts';

/** What the story is told with. */
export interface ClassificationStory {
  readonly clients: Clients;
  /** Eight pictures of each class. */
  readonly pictures: readonly SamplePicture[];
  /** Others, two of each class. */
  readonly unseen: readonly SamplePicture[];
  /** Has all of them by name, those unseen as `new-<name>`. */
  readonly web: PictureServer;
}

/** The answer to a GET without any key. */
const download = async (url: string): Promise<Buffer> => {
  const response = await fetch(url);
  assert.equal(response.status, 200, url);
  return Buffer.from(await response.arrayBuffer());
};
const gone = (work: Promise<unknown>, code: string) =>
  assert.rejects(work, (error: { statusCode?: number; body?: { code?: string } }) => {
    assert.equal(error.statusCode, 404);
    assert.equal(error.body?.code, code);
    return true;
  });
const ids = (list: readonly { id?: string }[]) => list.map((one) => one.id!).sort();

/** The story of classification, told by Microsoft's clients of one generation; a step stands on those before. */
export function classificationStory(story: () => ClassificationStory): void {
  describe('classification', () => {
    let { clients, pictures, unseen, web } = {} as ClassificationStory;
    let training: Clients['training'];
    let prediction: Clients['prediction'];
    let project: Project;
    let projectId: string;
    let tags: Tag[];
    let iteration: Iteration;
    let untaggedId: string;
    let storedId: string;
    const tagOf = (picture: SamplePicture): string => tags.find((tag) => tag.name === picture.tag)!.id!;
    const of = (tag: string, from: number, to: number) => pictures.filter((one) => one.tag === tag).slice(from, to);

    before(() => {
      ({ clients, pictures, unseen, web } = story());
      ({ training, prediction } = clients);
    });

    test('domains', async () => {
      const domains = await training.getDomains();
      const compact = domains.find((one) => one.type === 'Classification' && one.name === 'General (compact)')!;
      assert.equal(compact.exportable, true);
      assert.equal((await training.getDomain(compact.id!)).name, 'General (compact)');
      await gone(training.getDomain(crypto.randomUUID()), 'NotFoundDomain');
      project = await training.createProject(`Things ${clients.name}`, {
        description: 'three of them',
        domainId: compact.id!,
        classificationType: 'Multiclass',
        targetExportPlatforms: ['ONNX'],
      });
      projectId = project.id!;
    });

    test('a project is read back, listed and changed', async () => {
      assert.equal(project.settings?.classificationType, 'Multiclass');
      assert.deepEqual(project.settings?.targetExportPlatforms, ['ONNX']);
      assert.equal(project.drModeEnabled, false);
      assert.ok(Math.abs(project.created!.getTime() - Date.now()) < 60_000);
      assert.deepEqual((await training.getProject(projectId)).settings, project.settings);
      assert.ok((await training.getProjects()).some((one) => one.id === projectId));
      // The client sends the whole project back, read-only parts too.
      const renamed = await training.updateProject(projectId, {
        ...project,
        name: `${project.name}!`,
        description: 'renamed',
      });
      assert.equal(renamed.name, `${project.name}!`);
      assert.equal((await training.getProject(projectId)).description, 'renamed');
    });

    test('tags', async () => {
      tags = [];
      for (const name of ['Apple', 'Leaf', 'Mug'])
        tags.push(await training.createTag(projectId, name, { description: `a ${name}` }));
      const spare = await training.createTag(projectId, 'Spare');
      assert.equal(tags[0]!.type, 'Regular');
      assert.equal(tags[0]!.imageCount, 0);
      const changed = await training.updateTag(projectId, spare.id!, {
        ...spare,
        name: 'Changed',
        description: 'now',
        type: 'Regular',
      });
      assert.equal(changed.name, 'Changed');
      assert.equal((await training.getTag(projectId, spare.id!)).description, 'now');
      await training.deleteTag(projectId, spare.id!);
      await gone(training.getTag(projectId, spare.id!), 'NotFoundTag');
      assert.deepEqual(ids(await training.getTags(projectId)), ids(tags));
    });

    test('pictures from data', async () => {
      for (const picture of of('Apple', 0, 2)) {
        const answer = await training.createImagesFromData(projectId, picture.bytes, { tagIds: [tagOf(picture)] });
        assert.equal(answer.isBatchSuccessful, true);
        const [result] = answer.images!;
        assert.equal(result?.status, 'OK');
        assert.deepEqual([result?.image?.width, result?.image?.height], [320, 240]);
        assert.deepEqual(
          result?.image?.tags?.map((tag) => tag.tagId),
          [tagOf(picture)],
        );
      }
      const again = await training.createImagesFromData(projectId, of('Apple', 0, 1)[0]!.bytes);
      assert.equal(again.images?.[0]?.status, 'OKDuplicate');
      assert.equal(again.isBatchSuccessful, false);
    });

    test('pictures from files', async () => {
      const files = [...of('Apple', 2, 8), ...of('Leaf', 0, 8)];
      const answer = await training.createImagesFromFiles(projectId, {
        images: files.map((one) => ({ name: one.name, contents: one.bytes, tagIds: [tagOf(one)] })),
      });
      assert.equal(answer.isBatchSuccessful, true);
      assert.deepEqual(
        answer.images?.map((one) => [one.sourceUrl, one.status]),
        files.map((one) => [one.name, 'OK']),
      );
    });

    test('pictures from addresses', async () => {
      const mugs = of('Mug', 0, 7);
      const answer = await training.createImagesFromUrls(projectId, {
        images: mugs.map((one) => ({ url: web.url(one.name) })),
        tagIds: [tagOf(mugs[0]!)],
      });
      assert.equal(answer.isBatchSuccessful, true);
      assert.deepEqual(
        answer.images?.map((one) => [one.sourceUrl, one.status]),
        mugs.map((one) => [web.url(one.name), 'OK']),
      );
      const untagged = await training.createImagesFromFiles(projectId, {
        images: of('Mug', 7, 8).map((one) => ({ name: one.name, contents: one.bytes })),
      });
      untaggedId = untagged.images![0]!.image!.id!;
    });

    test('images are listed, counted and read back', async () => {
      const tagged = await training.getTaggedImages(projectId, { take: 256 });
      assert.equal(tagged.length, 23);
      const newest = tagged.map((image) => image.created!.getTime());
      assert.deepEqual(
        newest,
        newest.toSorted((a, b) => b - a),
        'newest first',
      );
      const oldest = await training.getTaggedImages(projectId, { orderBy: 'Oldest', take: 5, skip: 1 });
      assert.deepEqual(
        oldest.map((image) => image.id),
        tagged
          .toReversed()
          .slice(1, 6)
          .map((image) => image.id),
      );
      assert.equal(
        (await training.getTaggedImageCount(projectId)).body ?? (await training.getTaggedImageCount(projectId)),
        23,
      );
      assert.equal(await scalar(training.getTaggedImageCount(projectId, { tagIds: [tags[0]!.id!] })), 8);
      assert.equal(await scalar(training.getUntaggedImageCount(projectId)), 1);
      assert.deepEqual(ids(await training.getUntaggedImages(projectId)), [untaggedId]);
      const leaves = await training.getTaggedImages(projectId, { tagIds: [tags[1]!.id!] });
      assert.ok(leaves.length === 8 && leaves.every((image) => image.tags?.[0]?.tagName === 'Leaf'));
      const two = [tagged[3]!.id!, tagged[5]!.id!];
      assert.deepEqual(ids(await training.getImagesByIds(projectId, { imageIds: two })), two.toSorted());
      const first = tagged.at(-1)!;
      assert.deepEqual(await download(first.originalImageUri!), pictures[0]!.bytes);
      assert.equal((await download(first.thumbnailUri!)).subarray(0, 2).toString('hex'), 'ffd8');
      assert.ok((await download(first.resizedImageUri!)).length > 0);
      assert.equal((await training.getTag(projectId, tags[2]!.id!)).imageCount, 7);
    });

    test('tags are put on images and taken off', async () => {
      const pair = { imageId: untaggedId, tagId: tags[2]!.id! };
      assert.deepEqual(plain((await training.createImageTags(projectId, { tags: [pair] })).created), [pair]);
      assert.deepEqual(plain((await training.createImageTags(projectId, { tags: [pair] })).duplicated), [pair]);
      assert.equal(await scalar(training.getUntaggedImageCount(projectId)), 0);
      await training.deleteImageTags(projectId, [untaggedId], [tags[2]!.id!]);
      assert.deepEqual(ids(await training.getUntaggedImages(projectId)), [untaggedId]);
      await training.createImageTags(projectId, { tags: [pair] });
    });

    test('what only the newest has: all images, metadata, artifacts', async (t) => {
      if (!clients.newest) return t.skip('not in older clients');
      assert.equal((await training.getImages(projectId, { taggingStatus: 'All', take: 100 })).length, 24);
      assert.equal(await scalar(training.getImageCount(projectId, { taggingStatus: 'Untagged' })), 0);
      const changed = await training.updateImageMetadata(projectId, [untaggedId], { shelf: '7' });
      assert.equal(changed.isBatchSuccessful, true);
      const [image] = await training.getImagesByIds(projectId, { imageIds: [untaggedId] });
      assert.deepEqual(image?.metadata, { shelf: '7' });
      const artifact = await training.getArtifact(projectId, new URL(image!.originalImageUri!).pathname.slice(1));
      const chunks: Buffer[] = [];
      for await (const chunk of artifact.readableStreamBody!) chunks.push(Buffer.from(chunk));
      assert.deepEqual(Buffer.concat(chunks), pictures.at(-1)!.bytes);
    });

    test('what only the newest has: a copy of the project', async (t) => {
      if (!clients.newest) return t.skip('not in older clients');
      const { token, imageCount } = await training.exportProject(projectId);
      assert.equal(imageCount, 24);
      const begun = await training.importProject(token!, { name: 'A copy' });
      const copy = await until(
        () => training.getProject(begun.id!),
        ({ status }) => status !== 'Importing',
      );
      assert.deepEqual([copy.name, copy.status], ['A copy', 'Succeeded']);
      assert.equal(await scalar(training.getImageCount(copy.id!)), 24);
      await training.deleteProject(copy.id!);
    });

    test('training, to be asked after until it is done', async () => {
      const begun = await training.trainProject(projectId, { forceTrain: false });
      assert.equal(begun.status, 'Training');
      assert.equal(begun.name, 'Iteration 1');
      iteration = await until(
        () => training.getIteration(projectId, begun.id!),
        (one) => one.status !== 'Training',
      );
      assert.equal(iteration.status, 'Completed');
      assert.equal(iteration.exportable, true);
      assert.ok(iteration.trainedAt! >= begun.created!);
      assert.deepEqual(ids(await training.getIterations(projectId)), [iteration.id]);
      await assert.rejects(
        training.trainProject(projectId),
        (error: { body?: { code?: string; message?: string } }) => {
          assert.equal(error.body?.code, 'BadRequestTrainingNotNeeded');
          return /Nothing changed since last training/.test(error.body?.message ?? '');
        },
      );
    });

    test('performance', async () => {
      const performance = await training.getIterationPerformance(projectId, iteration.id!, {
        threshold: 0.5,
        overlapThreshold: 0.3,
      });
      assert.deepEqual(performance.perTagPerformance?.map((one) => one.name).sort(), ['Apple', 'Leaf', 'Mug']);
      // Eight pictures a tag, in folds that fall by chance: a few may be taken for another.
      assert.ok(performance.recall! >= 0.7 && performance.precision! >= 0.7 && performance.averagePrecision! >= 0.7);
      for (const row of [performance, ...performance.perTagPerformance!]) {
        const rates = [
          row.precision,
          row.precisionStdDeviation,
          row.recall,
          row.recallStdDeviation,
          row.averagePrecision,
        ];
        assert.ok(
          rates.every((rate) => rate! >= 0 && rate! <= 1),
          `${row}`,
        );
      }
      const images = await training.getImagePerformances(projectId, iteration.id!, { take: 256 });
      assert.equal(images.length, 24);
      assert.ok(
        images.every(
          (one) => Math.abs(one.predictions!.reduce((sum, guess) => sum + guess.probability!, 0) - 1) < 1e-3,
        ),
      );
      assert.equal(await scalar(training.getImagePerformanceCount(projectId, iteration.id!)), 24);
      assert.equal(
        await scalar(training.getImagePerformanceCount(projectId, iteration.id!, { tagIds: [tags[0]!.id!] })),
        8,
      );
    });

    test('an iteration is renamed and published', async () => {
      const renamed = await training.updateIteration(projectId, iteration.id!, { ...iteration, name: 'First' });
      assert.equal(renamed.name, 'First');
      const resource = '/subscriptions/s/resourceGroups/g/providers/Microsoft.CognitiveServices/accounts/a';
      assert.equal(await scalar(training.publishIteration(projectId, iteration.id!, 'things', resource)), true);
      const published = await training.getIteration(projectId, iteration.id!);
      assert.equal(published.publishName, 'things');
      assert.equal(published.originalPublishResourceId, resource);
    });

    test('classification: stored or not, from data or an address', async () => {
      const [picture, other] = [unseen[0]!, unseen[2]!];
      const answers = [
        await prediction.classifyImage(projectId, 'things', picture.bytes, { application: 'story' }),
        await prediction.classifyImageWithNoStore(projectId, 'things', picture.bytes),
        await prediction.classifyImageUrl(projectId, 'things', { url: web.url(`new-${picture.name}`) }),
        await prediction.classifyImageUrlWithNoStore(projectId, 'things', { url: web.url(`new-${picture.name}`) }),
      ];
      const guesses = answers.map((answer) =>
        answer.predictions!.map((one) => ({ tagId: one.tagId, tagName: one.tagName, probability: one.probability })),
      );
      assert.equal(guesses[0]?.[0]?.tagName, picture.tag);
      for (const guess of guesses) assert.deepEqual(guess, guesses[0], 'the same picture gives the same answer');
      for (const answer of answers) assert.deepEqual([answer.project, answer.iteration], [projectId, iteration.id]);
      storedId = answers[0]!.id!;
      assert.equal(
        (await prediction.classifyImage(projectId, 'things', other.bytes)).predictions?.[0]?.tagName,
        other.tag,
      );
    });

    test('quick tests', async () => {
      const picture = unseen[4]!;
      const answer = await training.quickTestImage(projectId, picture.bytes, {
        iterationId: iteration.id!,
        store: false,
      });
      assert.equal(answer.predictions?.[0]?.tagName, picture.tag);
      const byUrl = await training.quickTestImageUrl(
        projectId,
        { url: web.url(`new-${picture.name}`) },
        { iterationId: iteration.id!, store: false },
      );
      assert.deepEqual(byUrl.predictions, answer.predictions);
    });

    test('stored predictions are found, become training images, and are deleted', async () => {
      const all = await training.queryPredictions(projectId, { orderBy: 'Newest' });
      // Older clients cannot ask for quick tests not to be stored.
      assert.equal(all.results?.length, clients.newest ? 3 : 5);
      assert.ok(all.results?.some((one) => one.id === storedId));
      const mine = await training.queryPredictions(projectId, { application: 'story', maxCount: 1 });
      assert.deepEqual(ids(mine.results!), [storedId]);
      assert.deepEqual(await download(mine.results![0]!.originalImageUri!), unseen[0]!.bytes);
      const created = await training.createImagesFromPredictions(projectId, {
        images: [{ id: storedId }],
        tagIds: [tags[0]!.id!],
      });
      assert.equal(created.images?.[0]?.status, 'OK');
      assert.equal(created.images?.[0]?.sourceUrl, storedId);
      assert.equal(await scalar(training.getTaggedImageCount(projectId)), 25);
      await training.deletePrediction(projectId, ids(all.results!));
      assert.deepEqual((await training.queryPredictions(projectId, {})).results, []);
    });

    for (const flavor of [undefined, 'OnnxFloat16'])
      test(`export to ONNX, ${flavor ?? 'plain'}`, async (t) => {
        if (flavor !== undefined && !clients.newest) return t.skip('the same file as for the newest clients');
        const options = flavor === undefined ? {} : { flavor: flavor as 'ONNX12' };
        const begun = await training.exportIteration(projectId, iteration.id!, 'ONNX', options);
        assert.deepEqual([begun.platform, begun.status], ['ONNX', 'Exporting']);
        const done = await until(
          async () =>
            (await training.getExports(projectId, iteration.id!)).find((one) => (one.flavor ?? undefined) === flavor)!,
          (one) => one.status !== 'Exporting',
        );
        assert.equal(done.status, 'Done');
        const { predictions } = await prediction.classifyImageWithNoStore(projectId, 'things', unseen[0]!.bytes);
        await checkExportedOnnx(await download(done.downloadUri!), {
          iterationId: iteration.id!,
          dtype: flavor === undefined ? 'float32' : 'float16',
          tolerance: flavor === undefined ? 1e-4 : 1e-2,
          picture: unseen[0]!.bytes,
          probabilities: Object.fromEntries(predictions!.map((one) => [one.tagName!, one.probability!])),
        });
      });

    test('unpublished, the name predicts no more, and the iteration can go', async () => {
      await assert.rejects(
        training.deleteIteration(projectId, iteration.id!),
        (error: { body?: { code?: string } }) => error.body?.code === 'BadRequestIterationIsPublished',
      );
      await training.unpublishIteration(projectId, iteration.id!);
      await gone(prediction.classifyImageWithNoStore(projectId, 'things', unseen[0]!.bytes), 'NotFoundIteration');
      await training.deleteIteration(projectId, iteration.id!);
      await gone(training.getIteration(projectId, iteration.id!), 'NotFoundIteration');
      assert.deepEqual(plain(await training.getIterations(projectId)), []);
    });

    test('images are deleted, one and all, and their links die', async () => {
      const images = await training.getTaggedImages(projectId, { take: 256 });
      const [first, ...rest] = images;
      if (clients.newest) await training.deleteImages(projectId, { imageIds: [first!.id!] });
      else
        await (training.deleteImages as unknown as (projectId: string, ids: string[]) => Promise<unknown>)(projectId, [
          first!.id!,
        ]);
      assert.deepEqual(plain(await training.getImagesByIds(projectId, { imageIds: [first!.id!] })), []);
      assert.equal((await fetch(first!.originalImageUri!)).status, 404);
      assert.equal(await scalar(training.getTaggedImageCount(projectId)), rest.length);
      if (clients.newest) await training.deleteImages(projectId, { allImages: true, allIterations: true });
      else
        await (training.deleteImages as unknown as (projectId: string, ids: string[]) => Promise<unknown>)(
          projectId,
          ids(rest),
        );
      assert.equal(await scalar(training.getTaggedImageCount(projectId)), 0);
    });

    test('the project is deleted', async () => {
      await training.deleteProject(projectId);
      await gone(training.getProject(projectId), 'NotFoundProject');
      assert.ok(!(await training.getProjects()).some((one) => one.id === projectId));
    });
  });
}

/** A bare number or truth value, which the clients hand out with their response wrapped around it. */
async function scalar(answer: Promise<unknown>): Promise<unknown> {
  const value = await answer;
  return typeof value === 'object' && value !== null && 'body' in value ? value.body : value;
}

/** The same data without what the clients hang on it. */
const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value));
