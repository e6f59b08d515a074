import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { News, Run } from '../../base/run.ts';
import { accuracy } from '../metrics/accuracy.ts';
import { ortRuntime } from '../runtime/ort.ts';
import { calibrate } from './calibrate.ts';
import type { ClassifierSet } from './classifier.ts';
import { fitClassifier } from './fit.ts';
import { cloudSet, normal, pick } from './fixture-set.ts';
import { classify } from './predict.ts';
import { solver } from './solve.ts';
import { standardise } from './standardise.ts';

const workers = { standardise, solve: solver(ortRuntime()), calibrate };
const fit = (set: ClassifierSet, run?: Run) => fitClassifier(set, workers, run);
const heldOutAccuracy = async (set: ClassifierSet): Promise<number> =>
  accuracy((await fit(set)).heldOut, set.targets, set.classes).value;
const finite = (values: Float32Array): void => assert.ok(values.every(Number.isFinite));

test('clouds are told apart, and the held-out accuracy is that of new pictures', async () => {
  const set = cloudSet({ perClass: [150, 150, 150] });
  const { classifier, heldOut } = await fit(set);
  const fresh = cloudSet({ perClass: [500, 500, 500], seed: 2 });
  const answers = Float32Array.from(
    fresh.order.flatMap((_, row) => [...classify(classifier, fresh.features.subarray(row * 8, row * 8 + 8))]),
  );
  const [claimed, reached] = [accuracy(heldOut, set.targets, 3), accuracy(answers, fresh.targets, 3)];
  assert.ok(reached.value > 0.8, String(reached.value));
  assert.ok(claimed.low < reached.value && reached.value < claimed.high, JSON.stringify({ claimed, reached }));
});

test('labels without any likeness are not learned: nothing of a picture leaks into its own held-out answer', async () => {
  const random = normal(5);
  const set = cloudSet({ perClass: [100, 100], length: 100 });
  const noise: ClassifierSet = { ...set, features: set.features.map(random) };
  const found = await heldOutAccuracy(noise);
  assert.ok(found > 0.38 && found < 0.62, String(found));
});

test('the same set gives the same bits in whatever order it comes', async () => {
  const set = cloudSet();
  const rows = [...set.order.keys()].sort((a, b) => ((a * 37) % 60) - ((b * 37) % 60));
  const [one, other] = [await fit(set), await fit(pick(set, rows))];
  assert.deepEqual(other.classifier, one.classifier);
  const answers = (held: Float32Array, row: number): Float32Array => held.subarray(row * 3, row * 3 + 3);
  for (const [to, from] of rows.entries()) assert.deepEqual(answers(other.heldOut, to), answers(one.heldOut, from));
});

test('the caller keeps its features as they were', async () => {
  const set = cloudSet();
  const before = set.features.slice();
  await fit(set);
  assert.deepEqual(set.features, before);
});

test('two labels of five pictures; five of one and many of another', async () => {
  assert.ok((await heldOutAccuracy(cloudSet({ perClass: [5, 5], width: 0.3 }))) >= 0.9);
  const uneven = cloudSet({ perClass: [5, 200], width: 0.5 });
  const { classifier, heldOut } = await fit(uneven);
  finite(heldOut);
  finite(classifier.weights);
  assert.ok(accuracy(heldOut, uneven.targets, 2).value > 0.97);
});

test('a fold that holds out every picture of a label gives that label low odds, and folds may be empty', async () => {
  const set = cloudSet({ perClass: [20, 20, 3], width: 0.3 });
  const folds = set.folds.map((fold, row) => (row >= 40 ? 4 : fold % 3));
  const { heldOut } = await fit({ ...set, folds });
  finite(heldOut);
  for (let row = 40; row < 43; row++) assert.ok(heldOut[row * 3 + 2]! < 0.1);
  finite((await fit({ ...set, folds: folds.fill(2) })).heldOut);
});

test('constant and almost constant features do no harm', async () => {
  const set = cloudSet();
  const features = set.features.map((value, i) => (i % 8 === 7 ? 1e6 : i % 8 === 6 ? 3 + 1e-9 * value : value));
  const { classifier, heldOut } = await fit({ ...set, features });
  finite(heldOut);
  assert.deepEqual([classifier.scale[7], classifier.weights[7]], [1, 0]);
  assert.ok(classifier.scale.every((scale) => scale > 0));
});

test('pictures told apart perfectly end with finite weights and a bounded temperature', async () => {
  const { classifier, heldOut } = await fit(cloudSet({ width: 0.01 }));
  finite(classifier.weights);
  finite(heldOut);
  assert.ok(classifier.temperature >= 0.25 && classifier.temperature <= 4);
});

test('multilabel: each label on its own, also one that all have and one that none has', async () => {
  // The first two labels are the signs of the first two features.
  const { features, folds, order } = cloudSet({ perClass: [200], width: 1 });
  const sign = (row: number, i: number): number => +(features[row * 8 + i]! > (i === 0 ? 2 : 0));
  const targets = Uint8Array.from(order.flatMap((_, row) => [sign(row, 0), sign(row, 1), 1, 0]));
  const { classifier, heldOut } = await fit({
    kind: 'multilabel',
    classes: 4,
    features,
    targets,
    folds,
    order,
  });
  const right = [0, 0, 0, 0];
  heldOut.forEach((value, i) => {
    right[i % 4]! += +(value > 0.5 === (targets[i] === 1));
  });
  assert.ok(right[0]! > 180 && right[1]! > 180 && right[2] === 200 && right[3] === 200, String(right));
  const both = classify(classifier, Float32Array.of(4, 2, 0, 0, 0, 0, 0, 0));
  assert.ok(both[0]! > 0.9 && both[1]! > 0.9 && both[2]! > 0.95 && both[3]! < 0.05, String(both));
});

test('sets that do not fit together, and features that are no numbers, are refused', async () => {
  const set = cloudSet();
  const refuse = (change: Partial<ClassifierSet>, message: RegExp, code = 'BadClassifierSet') =>
    assert.rejects(fit({ ...set, ...change }), { code, message });
  await refuse({ order: [] }, /pictures of at least two labels/);
  await refuse({ features: set.features.subarray(1) }, /60 rows/);
  await refuse({ targets: set.targets.subarray(3) }, /60 x 3 numbers/);
  await refuse({ folds: set.folds.subarray(1) }, /60 numbers/);
  await refuse({ order: set.order.map(() => 'same') }, /different key/);
  await refuse({ targets: new Uint8Array(180) }, /exactly one label/);
  for (const bad of [Number.NaN, Number.POSITIVE_INFINITY])
    await refuse({ features: set.features.map((value, i) => (i === 9 ? bad : value)) }, /finite/, 'BadFeatures');
});

test('progress rises to 1, every penalty is told of, and an abort ends it', async () => {
  const heard: number[] = [];
  const news: News[] = [];
  const set = cloudSet();
  const { heldOut } = await fit(set, {
    onProgress: (fraction) => void heard.push(fraction),
    onNews: (one) => void news.push(one),
  });
  assert.deepEqual(
    news.map(({ phase, step, steps }) => [phase, step, steps]),
    news.map((_, at) => ['head', at + 1, 8]),
  );
  const best = news.reduce((least, one) => (one.loss! < least.loss! ? one : least));
  assert.equal(best.score, accuracy(heldOut, set.targets, 3).value);
  assert.deepEqual(heard, heard.toSorted());
  assert.equal(heard.at(-1), 1);
  const abort = new AbortController();
  const reason = new Error('enough');
  await assert.rejects(fit(cloudSet(), { signal: abort.signal, onProgress: () => abort.abort(reason) }), reason);
});
