import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { test } from 'node:test';
import { blots } from '../../test/fixtures/blots.ts';
import { copyProject } from '../../test/fixtures/copying.ts';
import { detectionDomain, plantDetector } from '../../test/fixtures/detecting.ts';
import { checkExportedDetector } from '../../test/fixtures/exported-onnx.ts';
import { learningApp, projectOf, trained } from '../../test/fixtures/learning.ts';
import { jobRun } from '../../test/fixtures/run.ts';
import { plantAccount, type Stores, temporaryFolder } from '../../test/fixtures/stores.ts';
import { newId } from '../base/id.ts';
import { fileSource } from '../base/source.ts';
import type { ImagePrediction, PredictionQuery } from '../domain/prediction.ts';
import type { SuggestionQuery } from '../domain/suggestion.ts';
import { exportModel } from '../jobs/export.ts';
import { squares } from '../vision/detect/fixture-squares.ts';
import { overlap } from '../vision/image/box.ts';
import type { ProjectScope } from './context.ts';
import { exportIteration, readExport } from './exporting.ts';
import { listIterations, publishIteration, updateIteration } from './iterations.ts';
import { predictPublished, predictWith, quickTest } from './predicting.ts';
import { createProject } from './projects.ts';
import { proposeRegions } from './proposing.ts';
import { putBack } from './restore/restore.ts';
import { queryPredictions } from './stored-predictions.ts';
import { querySuggestions, suggest } from './suggesting.ts';
import { takeOut } from './takeout/takeout.ts';
import { setTier, usageOf } from './tiers.ts';
import { createImages } from './uploading.ts';

const { bytes } = squares(100, 96);
const everything: PredictionQuery = {
  continuation: null,
  maxCount: 0,
  orderBy: 'Newest',
  tags: [],
  iterationId: null,
  startTime: null,
  endTime: null,
  application: null,
};

test('a detector in use', async (t) => {
  const learning = await learningApp(t);
  const planted = await plantDetector(learning);
  const detect = (scope: ProjectScope, store = false): Promise<ImagePrediction> =>
    predictPublished(learning.app, scope, 'detect', 'live', { bytes }, { id: newId(), store });
  const askOld = (scope: ProjectScope, iterationId?: string): Promise<ImagePrediction> =>
    predictWith(learning.app, scope, iterationId, { bytes }, { id: newId(), store: false });

  await t.test('a detector tells what is where, the most probable first, and quick tests tell the same', async () => {
    const { scope, iterationId, tagIds } = planted;
    const { predictions, ...answer } = await detect(scope);
    assert.equal(answer.iterationId, iterationId);
    assert.ok(predictions.length > 2, String(predictions.length));
    assert.deepEqual(new Set(predictions.map((one) => one.tagId)), new Set(tagIds));
    assert.deepEqual(new Set(predictions.map((one) => one.tagName)), new Set(['dark', 'light']));
    const probabilities = predictions.map((one) => one.probability);
    assert.ok(Math.min(...probabilities) > 0.01 && Math.max(...probabilities) <= 1);
    assert.deepEqual(
      probabilities,
      probabilities.toSorted((a, b) => b - a),
    );
    for (const { box } of predictions) {
      assert.ok(box !== null && box.left >= 0 && box.top >= 0 && box.width > 0 && box.height > 0);
      assert.ok(box.left + box.width <= 1 + 1e-9 && box.top + box.height <= 1 + 1e-9);
    }
    for (const asked of [undefined, iterationId]) {
      const tried = await quickTest(learning.app, scope, asked, { bytes }, { id: newId(), store: false });
      assert.deepEqual(tried.predictions, predictions);
    }
  });

  await t.test('asked as before 3.0, the default iteration answers, or the one that is named', async () => {
    const { scope, iterationId } = planted;
    const { predictions } = await detect(scope);
    await assert.rejects(askOld(scope), { code: 'NotFoundProjectDefaultIteration' });
    await assert.rejects(askOld(scope, newId()), { code: 'NotFoundIteration' });
    assert.deepEqual((await askOld(scope, iterationId)).predictions, predictions);
    await updateIteration(learning.app, scope, iterationId, { isDefault: true });
    assert.deepEqual((await askOld(scope)).predictions, predictions);
  });

  await t.test('answers are counted where the tier of the account bounds them in a month', async () => {
    const { app, accountId } = learning;
    const { scope, iterationId } = planted;
    await setTier(app, accountId, 'F0');
    const used = async () => (await usageOf(app, accountId)).predictions.used;
    await detect(scope);
    await predictWith(app, scope, iterationId, { bytes }, { id: newId(), store: false });
    await quickTest(app, scope, iterationId, { bytes }, { id: newId(), store: false });
    await assert.rejects(predictPublished(app, scope, 'classify', 'live', { bytes }, { id: newId(), store: false }), {
      code: 'BadRequestOperationNotSupported',
    });
    assert.equal(await used(), 2);
    await app.db.query.updateTable('monthly_predictions').set({ count: 10_000 }).execute();
    await assert.rejects(detect(scope), { code: 'BadRequestExceededQuota' });
    await setTier(app, accountId, 'Unlimited');
    await detect(scope);
  });

  await t.test('what was found is kept with its boxes when it is to be kept', async () => {
    const { scope, tagIds } = planted;
    const { id, predictions } = await detect(scope, true);
    const { results } = await queryPredictions(learning.app, scope, everything);
    assert.deepEqual(
      results.map((one) => one.id),
      [id],
    );
    assert.deepEqual(results[0]?.predictions, predictions);
    const tags = [{ id: tagIds[0]!, minThreshold: 0.005, maxThreshold: 1 }];
    assert.equal((await queryPredictions(learning.app, scope, { ...everything, tags })).results.length, 1);
  });

  await t.test(
    'places for regions are proposed: what stands out, or what a detector finds, whatever it takes it for',
    async () => {
      const { app, accountId } = learning;
      const drawn = squares(101);
      const add = async (scope: ProjectScope): Promise<string> => {
        const entry = { source: { bytes: drawn.bytes }, name: '', tagIds: [], regions: [] };
        return (await createImages(app, scope, [entry], { tagIds: [], metadata: null })).images[0]!.image!.id;
      };
      const { id } = await createProject(app, accountId, { name: 'untrained', domainId: detectionDomain });
      const untrained = { accountId, projectId: id };
      const proposed = await proposeRegions(app, untrained, await add(untrained));
      for (const marked of drawn.marked) assert.ok(proposed.slice(0, 5).some(({ box }) => overlap(box, marked) > 0.7));
      const found = (await predictPublished(app, planted.scope, 'detect', 'live', drawn, { id: newId(), store: false }))
        .predictions;
      const byDetector = await proposeRegions(app, planted.scope, await add(planted.scope));
      assert.deepEqual(byDetector[0], { box: found[0]?.box, confidence: found[0]?.probability });
      for (const [n, { box }] of byDetector.entries())
        assert.ok(byDetector.slice(n + 1).every((other) => overlap(other.box, box) <= 0.5));
      const classification = await createProject(app, accountId, { name: 'no boxes' });
      const other = { accountId, projectId: classification.id };
      await assert.rejects(proposeRegions(app, other, await add(other)), { code: 'BadRequestOperationNotSupported' });
      await assert.rejects(proposeRegions(app, other, newId()), { code: 'BadRequestOperationNotSupported' });
      await assert.rejects(proposeRegions(app, untrained, newId()), { code: 'NotFoundImage' });
    },
  );

  await t.test('regions are suggested for images without tags', async () => {
    const { app } = learning;
    const { scope, iterationId, tagIds } = planted;
    const entry = { source: { bytes }, name: '', tagIds: [], regions: [] };
    const { images } = await createImages(app, scope, [entry], { tagIds: [], metadata: null });
    const [suggestion] = await suggest(app, scope, iterationId, [images[0]!.image!.id]);
    assert.deepEqual(suggestion?.predictions, (await detect(scope)).predictions);
    const query = {
      tagIds: [tagIds[1]!],
      threshold: 0,
      continuation: null,
      maxCount: 0,
      sortBy: 'UncertaintyAscending',
    };
    const { results } = await querySuggestions(app, scope, iterationId, query as SuggestionQuery);
    assert.deepEqual(results[0]?.predictions, suggestion?.predictions);
  });

  await t.test('each kind of project answers its own question only', async () => {
    const { app } = learning;
    const pictures = (await blots(10, 2, 1)).map(({ bytes, kind }) => ({ bytes, tags: [kind] }));
    const { scope } = await projectOf(learning, 'Multiclass', 2, pictures);
    const iterationId = await trained(learning, scope);
    await publishIteration(app, scope, iterationId, { publishName: 'live', predictionId: 'it', overwrite: false });
    const ask = (of: ProjectScope, task: 'classify' | 'detect'): Promise<ImagePrediction> =>
      predictPublished(app, of, task, 'live', { bytes }, { id: newId(), store: true });
    const refused = { code: 'BadRequestOperationNotSupported', message: /^Invalid project type for operation/ };
    await assert.rejects(ask(scope, 'detect'), refused);
    await assert.rejects(ask(planted.scope, 'classify'), refused);
    assert.equal((await ask(scope, 'classify')).predictions[0]?.box, null);
  });

  for (const flavor of [null, 'OnnxFloat16'])
    await t.test(`a detector is exported as ${flavor ?? 'ONNX'} that finds what the server finds`, async () => {
      const { app } = learning;
      const { scope, iterationId } = planted;
      const { id } = await exportIteration(app, scope, iterationId, 'onnx', flavor);
      await exportModel(app, { ...scope, exportId: id }, jobRun());
      await checkExportedDetector((await readExport(app, scope, id)).bytes, {
        iterationId,
        dtype: flavor === null ? 'float32' : 'float16',
        tolerance: flavor === null ? 1e-4 : 2e-2,
        picture: bytes,
        found: (await detect(scope)).predictions,
      });
    });

  await t.test(
    'taken out and put back, a detector answers the same to the last bit, and its answers have their boxes',
    async (t) => {
      const { app, accountId } = learning;
      const { scope } = planted;
      const other = await plantAccount(app as unknown as Stores);
      const file = join(temporaryFolder(t), 'all.zip');
      const takeout = await takeOut(app, accountId, { projectId: scope.projectId });
      writeFileSync(file, await buffer(takeout.stream));
      assert.deepEqual(takeout.missing, []);
      const { projects } = await putBack(app, { source: await fileSource(file), accountId: other });
      const copy = { accountId: other, projectId: projects[0]!.id };
      const said = ({ predictions }: ImagePrediction) => predictions.map(({ tagId: _id, ...rest }) => rest);
      assert.deepEqual(said(await detect(copy)), said(await detect(scope)));
      assert.deepEqual(said(await askOld(copy)), said(await askOld(scope)));
      const kept = async (of: ProjectScope) => (await queryPredictions(app, of, everything)).results.map(said);
      assert.deepEqual(await kept(copy), await kept(scope));
      assert.equal((await kept(copy)).length, 1);
    },
  );

  await t.test('copied into another account, a detector answers the same once it is published there', async () => {
    const { app } = learning;
    const copy = await copyProject(app, planted.scope, await plantAccount(app as unknown as Stores));
    await assert.rejects(detect(copy), { code: 'NotFoundIteration' });
    await assert.rejects(askOld(copy), { code: 'NotFoundProjectDefaultIteration' });
    const [iteration] = await listIterations(app, copy);
    const published = { publishName: 'live', predictionId: 'resource', overwrite: false };
    await publishIteration(app, copy, iteration!.id, published);
    const said = ({ predictions }: ImagePrediction) => predictions.map(({ tagId: _id, ...rest }) => rest);
    assert.deepEqual(said(await detect(copy)), said(await detect(planted.scope)));
    assert.deepEqual((await queryPredictions(app, copy, everything)).results, []);
  });
});
