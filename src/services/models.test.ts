import assert from 'node:assert/strict';
import { test } from 'node:test';
import { plantAccount, plantProject, testStores } from '../../test/fixtures/stores.ts';
import { encodeClassifier } from '../vision/classify/serialize.ts';
import { encodeDetector } from '../vision/detect/serialize.ts';
import { tensorOf } from '../vision/graph/tensor.ts';
import { createModels } from './models.ts';
import { putSealed } from './pictures.ts';

const zeros = (length: number) => new Float32Array(length);
const classifier = encodeClassifier({
  kind: 'multiclass',
  classes: 1,
  mean: zeros(1),
  scale: zeros(1).fill(1),
  weights: zeros(1),
  bias: zeros(1),
  temperature: 1,
});
const detector = encodeDetector({ classes: 1, size: 32, weights: { a: tensorOf('float32', [9], zeros(9)) } });

test('the models used last stay in memory as long as there is room, of whatever kind they are', async (t) => {
  const stores = await testStores(t);
  const accountId = await plantAccount(stores);
  const models = createModels(stores, classifier.length + detector.length);
  const load = async (bytes: Uint8Array) => {
    const { projectId, iterationId } = await plantProject(stores, accountId, 0);
    const scope = { accountId, projectId };
    await putSealed(stores, scope, 'model', iterationId, bytes);
    return { scope, get: () => models.load(scope, { id: iterationId, model_id: null, backbone: null }) };
  };
  const [a, b, c] = [await load(classifier), await load(detector), await load(classifier)];
  const [first, second] = [await a.get(), await b.get()];
  assert.deepEqual([first.kind, second.kind], ['classifier', 'detector']);
  assert.equal(await a.get(), first);
  await c.get();
  assert.equal(await a.get(), first, 'used after the other');
  assert.notEqual(await b.get(), second, 'gave way');
  models.forget(a.scope);
  assert.notEqual(await a.get(), first);
});

test('a model too large for all of the room is kept until another is used, and one that cannot be read is asked for again', async (t) => {
  const stores = await testStores(t);
  const planted = await plantProject(stores, await plantAccount(stores), 0);
  const { iterationId } = planted;
  const models = createModels(stores, 1);
  const get = () => models.load(planted, { id: iterationId, model_id: null, backbone: null });
  await assert.rejects(get(), { code: 'BadClassifier' });
  await putSealed(stores, planted, 'model', iterationId, classifier);
  assert.equal(await get(), await get());
  const trainedAnew = await models.load(planted, { id: iterationId, model_id: planted.tagId, backbone: null });
  assert.equal(trainedAnew.id, iterationId, 'the row was of a moment ago');
  await assert.rejects(models.load(planted, { id: planted.tagId, model_id: null, backbone: null }), {
    code: 'BadRequestIterationIsNotTrained',
  });
});
