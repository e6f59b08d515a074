import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AppError } from '../../base/errors.ts';
import { random } from '../../base/random.ts';
import type { News, Run } from '../../base/run.ts';
import { flatten, globalAveragePool, max, relu, sqrt } from '../graph/build.ts';
import { apply, constant, graph, input, type Node } from '../graph/graph.ts';
import { writeOnnx } from '../graph/onnx-write.ts';
import { tensor, tensorOf } from '../graph/tensor.ts';
import { pixels } from '../image/decode.ts';
import { bmpFile } from '../image/fixture-bmp.ts';
import { preprocess } from '../image/preprocess.ts';
import { ortRuntime } from '../runtime/ort.ts';
import { foldOf } from '../train/split.ts';
import { calibrate } from './calibrate.ts';
import type { Classifier, ClassifierFit, ClassifierKind } from './classifier.ts';
import { type FineTuneSet, type FineTuneWorkers, fineTune } from './fine-tune.ts';
import { type FineTunePlan, fineTunePlan, settings } from './fine-tune-plan.ts';
import { learnWhole, type Setting, type WholeTask, type WholeTools } from './learn-whole.ts';
import { classifierBody } from './network.ts';
import { classify } from './predict.ts';
import { encodeClassifier } from './serialize.ts';

const size = 32;
const side = 40;
const length = 16;

/** A picture of one colour, a little noisy: reddish or bluish. */
function coloured(n: number): Uint8Array {
  const draw = random('coloured', n);
  const hue = n % 2 === 0 ? [170, 110, 90] : [90, 110, 170];
  return bmpFile(
    Uint8Array.from({ length: 3 * side * side }, (_, at) => hue[at % 3]! + draw.uniform(-40, 40)),
    side,
  );
}
const keys = Array.from({ length: 24 }, (_, n) => `picture ${n}`);
const setOf = (kind: ClassifierKind): FineTuneSet => ({
  kind,
  classes: 2,
  targets: Uint8Array.from({ length: 2 * keys.length }, (_, at) => (at % 2 === (at >> 1) % 2 ? 1 : 0)),
  folds: Uint8Array.from(keys, (key) => foldOf(key)),
  order: keys,
});
/** Three layers, each of half as many pixels across, that have learned nothing. */
function backbone(count: number, smooth: boolean) {
  const picture = input('image', 'float32', [count, 3, size, size]);
  const window = { strides: [2, 2], pads: [1, 1, 1, 1], dilations: [1, 1], group: 1 } as const;
  const draw = random('backbone');
  const layer = (x: Node, from: number, to: number): Node => {
    const kernel = Float32Array.from({ length: 9 * from * to }, () => draw.normal() * Math.sqrt(2 / (9 * from)));
    const weights = [tensorOf('float32', [to, from, 3, 3], kernel), tensorOf('float32', [to], new Float32Array(to))];
    return relu(apply('Conv', [x, ...weights.map(constant)], window));
  };
  const pooled = flatten(globalAveragePool(layer(layer(layer(picture, 3, 8), 8, 16), 16, length)));
  return classifierBody(graph({ features: sqrt(smooth ? max(pooled, 1e-4) : pooled) }, [picture]), count, size);
}
const tools: WholeTools = {
  runtime: ortRuntime(),
  size,
  body: async (count, smooth) => backbone(count, smooth),
  read: async (key) => coloured(Number(key.split(' ')[1])),
};
/** What knows nothing, or the opposite: heads that score everything alike, but for the bias. */
const knowing = (kind: ClassifierKind, heldOut: (row: number) => readonly number[]): ClassifierFit => {
  const classifier: Classifier = {
    kind,
    classes: 2,
    mean: new Float32Array(length).fill(0.2),
    scale: new Float32Array(length).fill(0.5),
    weights: new Float32Array(2 * length),
    bias: new Float32Array(2),
    temperature: 1,
  };
  return {
    classifier,
    heldOut: Float32Array.from(keys.flatMap((_, row) => [...heldOut(row)])),
    penalty: 1,
    without: [0, 1, 2, 3, 4].map(() => classifier),
  };
};
const nothing = (kind: ClassifierKind = 'multiclass') => knowing(kind, () => [0.5, 0.5]);
const setting: Setting = { ...settings[1]!, still: 2, rates: { head: 0.1, backbone: 1e-2 } };
const plan: FineTunePlan = { settings: [setting], steps: 20, looks: [10, 20] };
const workers = (learn = (task: WholeTask, run?: Run) => learnWhole(task, tools, run)): FineTuneWorkers => ({
  atOnce: 2,
  learnWhole: learn,
  calibrate,
});

for (const kind of ['multiclass', 'multilabel'] as const)
  test(`a ${kind} network learns, is judged by pictures it has not seen, and gives the same bytes again`, async () => {
    const news: News[] = [];
    const heard: number[] = [];
    const told = { onNews: (one: News) => void news.push(one), onProgress: (part: number) => void heard.push(part) };
    const set = setOf(kind);
    const tuned = await fineTune(set, nothing(kind), plan, workers(), told);
    assert.equal(tuned.setting, setting);
    const right = tuned.heldOut.filter((p, row) => p![row % 2]! > 0.5 && p![1 - (row % 2)]! < 0.5).length;
    assert.ok(right >= 20, String(right));
    assert.ok(Object.keys(tuned.classifier.backbone!).length === 4);
    assert.deepEqual(
      heard,
      heard.toSorted((a, b) => a - b),
    );
    assert.equal(heard.at(-1), 1);
    assert.ok(news.some(({ phase, loss }) => phase === 'whole' && loss! > 0));
    assert.ok(news.some(({ phase, score }) => phase === 'judged' && score! > 0.8));
    const again = await fineTune(set, nothing(kind), plan, workers());
    assert.deepEqual(encodeClassifier(again.classifier), encodeClassifier(tuned.classifier));
    assert.deepEqual(again.heldOut, tuned.heldOut);
  });

test('every network is judged by what it has not learned from, and what predicts has learned from all', async () => {
  const tasks: WholeTask[] = [];
  await fineTune(
    setOf('multiclass'),
    nothing(),
    plan,
    workers((task, run) => {
      tasks.push(task);
      return learnWhole(task, tools, run);
    }),
  );
  const judged = tasks.map(({ heldOut }) => heldOut.keys);
  assert.deepEqual(judged.flat().sort(), keys.toSorted());
  for (const { learned, heldOut } of tasks)
    assert.deepEqual([...learned.keys, ...heldOut.keys].sort(), keys.toSorted());
  assert.deepEqual(
    judged.filter((some) => some.length === 0),
    [[]],
  );
});

test('what it began with stays when nothing is better, and when no setting settles', async () => {
  const sure = knowing('multiclass', (row) => (row % 2 === 0 ? [1, 0] : [0, 1]));
  const wild: Setting = { ...setting, rates: { head: 1e30, backbone: 1e30 } };
  for (const [before, tried] of [
    [sure, setting],
    [nothing(), wild],
  ] as const) {
    let networks = 0;
    const counted = workers((task, run) => {
      networks++;
      return learnWhole(task, tools, run);
    });
    const kept = await fineTune(setOf('multiclass'), before, { ...plan, settings: [tried] }, counted);
    assert.equal(networks, 1, 'no more is learned than what shows it');
    assert.equal(kept.setting, undefined);
    assert.equal(kept.classifier, before.classifier);
    assert.deepEqual(Float32Array.from(kept.heldOut.flatMap((p) => [...p!])), before.heldOut);
  }
});

test('what is better on the pictures that decide, but not on all, is not taken', async () => {
  const folds = keys.map((key) => foldOf(key));
  const counts = [0, 1, 2, 3, 4].map((fold) => folds.filter((own) => own === fold).length);
  const deciding = counts.indexOf(Math.max(...counts));
  const unsure = knowing('multiclass', (row) => {
    const right = folds[row] === deciding ? 0.4 : 1;
    return row % 2 === 0 ? [right, 1 - right] : [1 - right, right];
  });
  const slow: Setting = { ...setting, rates: { head: 1e-9, backbone: 1e-9 } };
  let networks = 0;
  const counted = workers((task, run) => {
    networks++;
    return learnWhole(task, tools, run);
  });
  const kept = await fineTune(setOf('multiclass'), unsure, { settings: [slow], steps: 1, looks: [1] }, counted);
  assert.equal(networks, 6);
  assert.equal(kept.classifier, unsure.classifier);
});

test('what is learned answers as it was judged', async () => {
  const { classifier: start } = nothing();
  const targets = setOf('multiclass').targets;
  const learned = { keys: keys.slice(4), targets: targets.subarray(8) };
  const heldOut = { keys: keys.slice(0, 4), targets: targets.subarray(0, 8) };
  const { classifier, logits } = await learnWhole({ learned, heldOut, start, setting, steps: 30, looks: [30] }, tools);
  const body = backbone(1, false);
  const weights: Record<string, Node> = {};
  for (const [name, value] of Object.entries(classifier.backbone!)) weights[name] = constant(value);
  const session = await ortRuntime().load(writeOnnx(graph({ features: body.features(weights) }, [body.picture])));
  for (const [at, key] of heldOut.keys.entries()) {
    const picture = tensor('float32', [1, 3, size, size], preprocess(await pixels(await tools.read(key), size), size));
    const { features } = await session.run({ [body.picture.name]: picture });
    const [p, q] = classify(classifier, features!.data as Float32Array);
    assert.ok(Math.abs(Math.log(p! / q!) - (logits[2 * at]! - logits[2 * at + 1]!)) < 1e-4, key);
  }
  await session.close();
});

test('when the network of all pictures does not settle, the one that decided is the result', async () => {
  const diverged = new AppError('TrainingDiverged', 'it did not settle');
  const tuned = await fineTune(
    setOf('multiclass'),
    nothing(),
    plan,
    workers((task, run) => (task.heldOut.keys.length === 0 ? Promise.reject(diverged) : learnWhole(task, tools, run))),
  );
  assert.equal(tuned.setting, setting);
  // The others have learned from what it had not seen, but it has learned from what they had not.
  assert.ok(tuned.heldOut.filter((p) => p !== undefined).length < keys.length / 2);
});

test('when time is up, what decided is the result, and nothing else is held out', async () => {
  const all = new AbortController();
  let begun = 0;
  const tuned = await fineTune(
    setOf('multiclass'),
    nothing(),
    plan,
    workers((task, run) => {
      if (++begun > 1) all.abort();
      run?.signal?.throwIfAborted();
      return learnWhole(task, tools, run);
    }),
    { limits: { all: all.signal } },
  );
  assert.equal(tuned.setting, setting);
  const largest = Math.max(...[0, 1, 2, 3, 4].map((fold) => keys.filter((key) => foldOf(key) === fold).length));
  assert.equal(tuned.heldOut.filter((p) => p !== undefined).length, largest);
  const late = { limits: { trials: AbortSignal.abort() } };
  assert.equal((await fineTune(setOf('multiclass'), nothing(), plan, workers(), late)).setting, undefined);
});

test('it ends when told to, and with what a picture that cannot be read says', async () => {
  const abort = new AbortController();
  const run = { signal: abort.signal, onNews: () => abort.abort(new Error('enough')) };
  await assert.rejects(fineTune(setOf('multiclass'), nothing(), plan, workers(), run), /enough/);
  const read = () => Promise.reject(new AppError('FeaturesMissing', 'it is gone'));
  const broken = workers((task, how) => learnWhole(task, { ...tools, read }, how));
  await assert.rejects(fineTune(setOf('multiclass'), nothing(), plan, broken), { code: 'FeaturesMissing' });
});

test('steps keep within the budget, and grow with it until there are enough', () => {
  const most = (pictures: number, hours: number, pixels = 160): number => {
    const { settings, steps } = fineTunePlan({ pictures, classes: 10, size: pixels, hours });
    return (settings.length + 5) * steps * 16;
  };
  for (const pictures of [10, 600, 10_000, 100_000])
    for (const hours of [1, 2, 24]) assert.ok(most(pictures, hours) <= 0.8 * hours * 3600 * 60, `${pictures} ${hours}`);
  assert.equal(most(600, 1), most(600, 9));
  assert.ok(most(100_000, 1) < most(100_000, 2));
  assert.ok(most(100_000, 1, 320) < most(100_000, 1) / 3);
  const few = fineTunePlan({ pictures: 20, classes: 2, size: 160, hours: 1 });
  assert.deepEqual([few.settings.length, few.steps, few.looks], [1, 2, [1, 2]]);
});
