import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { AppError } from '../../base/errors.ts';
import type { News } from '../../base/run.ts';
import { cloudSet } from '../classify/fixture-set.ts';
import { classify } from '../classify/predict.ts';
import { testPictures } from '../export/test-vectors.ts';
import { bmpFile } from '../image/fixture-bmp.ts';
import type { Vision } from '../vision.ts';
import { createVision } from './vision-threads.ts';

const made: Vision[] = [];
const vision = (threads: number): Vision => {
  const one = createVision({ threads });
  made.push(one);
  return one;
};
after(() => Promise.all(made.map((each) => each.close())));

const size = 160;
const squares = testPictures(size);
const pictures = [...squares, ...squares.map((rgb) => rgb.toReversed())].map((rgb) => bmpFile(rgb, size));

test('features: in order, the same bits for any number of threads and whatever is asked beside', async () => {
  const [one, three] = [vision(1), vision(3)];
  const plain = await one.features(pictures);
  assert.equal(plain.length, 6);
  const { featureLength } = await one.backbone();
  assert.ok(plain.every((features) => features.length === featureLength && features.some((value) => value > 0)));
  assert.notDeepEqual(plain[0], plain[1]);
  assert.deepEqual(await three.features(pictures, {}, { urgent: true }), plain);
  assert.deepEqual(await one.features([]), []);
});

test('the pictures stay with the caller; one that is broken is refused, and the threads go on', async () => {
  const one = vision(1);
  const part = Buffer.concat([Buffer.alloc(100), pictures[0]!]).subarray(100);
  const [features] = await one.features([part]);
  assert.deepEqual([...part], [...pictures[0]!]);
  await assert.rejects(one.features([...pictures, pictures[0]!.subarray(0, 2000)]), {
    code: 'BadRequestImageFormat',
  });
  const heard: number[] = [];
  assert.deepEqual(await one.features([part], {}, { onProgress: (part) => void heard.push(part) }), [features]);
  assert.deepEqual(heard, [1]);
});

test('a classifier has the same bits from any number of threads', async () => {
  const set = cloudSet({ perClass: [60, 60, 60], length: 32 });
  const [one, three] = [await vision(1).fitClassifier(set), await vision(3).fitClassifier(set)];
  assert.deepEqual(three, one);
});

test('somebody who waits is answered while a training goes on, and the training can be stopped', async () => {
  const one = vision(1);
  const abort = new AbortController();
  const reason = new Error('enough');
  let trained = false;
  const training = assert
    .rejects(
      one.fitClassifier(cloudSet({ perClass: [700, 700, 700, 700], length: 800, width: 3 }), { signal: abort.signal }),
      reason,
    )
    .then(() => {
      trained = true;
    });
  for (let i = 0; i < 3; i++) await one.features([pictures[0]!], {}, { urgent: true });
  assert.equal(trained, false);
  abort.abort(reason);
  await training;
});

test('a classifier is exported by a thread, after it answered by itself', async () => {
  const one = vision(1);
  const set = cloudSet({ perClass: [5, 5], length: (await one.backbone()).featureLength });
  const { classifier } = await one.fitClassifier(set);
  assert.equal(classify(classifier, (await one.features([pictures[0]!]))[0]!).length, 2);
  const { files, maxDifference } = await one.exportOnnx({ kind: 'classifier', classifier }, ['a', 'b'], 'float32');
  assert.ok(files.some(({ name, bytes }) => name === 'model.onnx' && bytes.length > 5_000_000));
  assert.ok(maxDifference < 1e-4);
  await assert.rejects(one.exportOnnx({ kind: 'classifier', classifier }, ['a'], 'float32'), { code: 'ExportCheck' });
});

test('a detector learns in a process from pictures that are read here, one by one; one that is gone ends it', async () => {
  const one = vision(1);
  const marked = [{ left: 0.2, top: 0.2, width: 0.4, height: 0.5, label: 0 }];
  const set = {
    classes: 1,
    pictures: ['a', 'b', 'd', 'e', 'f', 'g'].map((key) => ({ key, marked })),
    read: async (key: string) => pictures[key.charCodeAt(0) % pictures.length]!,
  };
  const plan = { size: 64, steps: { head: 1, whole: 1 } };
  const { detector, heldOut } = await one.fitDetector(set, plan);
  assert.deepEqual(Object.keys(heldOut), ['a', 'g']);
  await one.detect('it', detector, pictures[0]!);
  const gone = new AppError('BadRequestImage', 'it is gone');
  const read = (key: string) => (key === 'f' ? Promise.reject(gone) : set.read(key));
  await assert.rejects(one.fitDetector({ ...set, read }, plan), { code: 'BadRequestImage' });
});

test('classifiers are fine-tuned in processes, from pictures that are read here', async () => {
  const one = vision(2);
  const { featureLength: length } = await one.backbone();
  const order = pictures.map((_, n) => `picture ${n}`);
  const targets = Uint8Array.from(order.flatMap((_, n) => (n % 2 === 0 ? [1, 0] : [0, 1])));
  const set = { kind: 'multiclass', classes: 2, targets, folds: Uint8Array.of(0, 0, 0, 1, 1, 1), order } as const;
  const start = { kind: 'multiclass', classes: 2, temperature: 1, bias: Float32Array.of(3, -3) } as const;
  const classifier = {
    ...start,
    mean: new Float32Array(length),
    scale: new Float32Array(length).fill(1),
    weights: Float32Array.from({ length: 2 * length }, (_, at) => (((at * 37) % 11) - 5) / 1000),
  };
  // Sure, and wrong about half of the pictures: whatever learns a little is better.
  const wrong = Float32Array.from(order.flatMap(() => [0.999999, 0.000001]));
  const quick = { classifier, heldOut: wrong, penalty: 1, without: [classifier, classifier] };
  const news: News[] = [];
  const read = async (key: string) => pictures[order.indexOf(key)]!;
  const tuned = await one.fineTune({ ...set, read }, quick, { hours: 1 }, { onNews: (told) => void news.push(told) });
  assert.ok(news.some(({ phase, loss }) => phase === 'whole' && loss! > 0));
  assert.equal(tuned.setting?.name, news.findLast(({ note }) => note !== undefined)!.note!.split(',')[0]);
  assert.ok(tuned.heldOut.every((p) => p!.length === 2));
  const changed = { key: 'its own', weights: tuned.classifier.backbone! };
  const [[own], [plain]] = [await one.features([pictures[0]!], { changed }), await one.features([pictures[0]!])];
  assert.notDeepEqual(own, plain);
  assert.deepEqual((await one.features([pictures[0]!], { changed }))[0], own);
  const abort = new AbortController();
  const run = { signal: abort.signal, onNews: () => abort.abort(new Error('enough')) };
  await assert.rejects(one.fineTune({ ...set, read }, quick, { hours: 1 }, run), /enough/);
});
