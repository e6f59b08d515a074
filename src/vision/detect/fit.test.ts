import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { News } from '../../base/run.ts';
import { readBackbone } from '../backbone/load.ts';
import { builtIn } from '../backbone/registry.ts';
import { exportOnnxDetector } from '../export/onnx-detector.ts';
import { detectionPerformance } from '../metrics/detection.ts';
import { ortRuntime } from '../runtime/ort.ts';
import type { MarkedPicture } from './detector.ts';
import { fitDetector } from './fit.ts';
import { squareLabels, squares } from './fixture-squares.ts';
import { detectorBody } from './network.ts';
import type { DetectorTools } from './plan.ts';
import { readyDetector } from './run.ts';
import { encodeDetector } from './serialize.ts';

const tools: DetectorTools = {
  runtime: ortRuntime(),
  threads: 1,
  body: async (count, size) => detectorBody(await readBackbone(builtIn, size, count), count, size),
};
const side = 160;

const pictures = Array.from({ length: 24 }, (_, n) => squares(n, side));
const read = async (key: string): Promise<Uint8Array> => pictures.find((one) => one.key === key)!.bytes;
const plan = { size: side, steps: { head: 60, whole: 20 } };

test('a detector learns, is judged by pictures it has not seen, and finds things in others', async () => {
  const news: News[] = [];
  const fit = await fitDetector({ classes: 2, pictures, read }, plan, tools, { onNews: (one) => news.push(one) });
  assert.equal(news.filter(({ phase }) => phase === 'head').length, 60);
  assert.deepEqual(
    news.find(({ phase }) => phase === 'features'),
    { phase: 'features', step: 1, steps: 21 },
  );
  assert.equal(news.filter(({ phase }) => phase === 'judged').length, 4);
  const held = Object.keys(fit.heldOut);
  assert.ok(held.length >= 2 && held.length <= 8, String(held.length));
  const detector = await readyDetector(tools.runtime, fit.detector, await tools.body(1, side));
  const judged = [];
  for (let n = 100; n < 110; n++) {
    const { bytes, marked } = squares(n, side);
    judged.push({ marked, found: await detector.find(bytes) });
  }
  for (const flavor of ['float32', 'float16'] as const) {
    const body = await tools.body(1, side);
    const exported = await exportOnnxDetector(tools.runtime, body, fit.detector, detector, squareLabels, flavor);
    assert.ok(exported.maxDifference < (flavor === 'float32' ? 1e-4 : 2e-2), String(exported.maxDifference));
    assert.equal(exported.metadata['Image.BitmapPixelFormat'], 'Rgb8');
  }
  await detector.close();
  const { averagePrecision } = detectionPerformance(judged, 2, { threshold: 0.5, overlapThreshold: 0.5 });
  assert.ok(averagePrecision > 0.8, String(averagePrecision));
});

test('the same set gives the same bytes, in whatever order it comes', async () => {
  const short = { size: side, steps: { head: 3, whole: 2 } };
  const bytes = async (some: readonly MarkedPicture[]): Promise<Uint8Array> =>
    encodeDetector((await fitDetector({ classes: 2, pictures: some, read }, short, tools)).detector);
  const few = pictures.slice(0, 10);
  assert.deepEqual(await bytes(few.toReversed()), await bytes(few));
});

test('the last steps are on all pictures, those that were held out as well', async () => {
  const reads = new Map<string, number>();
  const counted = (key: string): Promise<Uint8Array> => {
    reads.set(key, (reads.get(key) ?? 0) + 1);
    return read(key);
  };
  const some = pictures.slice(0, 8);
  // After seven steps on the others comes one, which takes eight pictures.
  await fitDetector({ classes: 2, pictures: some, read: counted }, { size: 64, steps: { head: 1, whole: 7 } }, tools);
  // Each once to be judged or to see its maps, and once larger to be learned from.
  assert.deepEqual([...reads.values()], [2, 2, 2, 2, 2, 2, 2, 2]);
});

test('when time is up it ends with what it has', async () => {
  const news: News[] = [];
  const run = { onNews: (one: News) => void news.push(one) };
  const hurried = { size: 64, steps: { head: 100, whole: 100 }, seconds: 0 };
  const { detector, heldOut } = await fitDetector({ classes: 2, pictures, read }, hurried, tools, run);
  assert.ok(news.every(({ phase }) => phase === 'features' || phase === 'judged'));
  assert.match(news.at(-1)!.note!, /^Time was up/);
  assert.ok(Object.keys(heldOut).length >= 2 && Object.keys(detector.weights).length > 0);
});

test('it ends when told to', async () => {
  const abort = new AbortController();
  const fit = fitDetector({ classes: 2, pictures: pictures.slice(0, 6), read }, plan, tools, {
    signal: abort.signal,
    onNews: ({ phase }) => phase === 'head' && abort.abort(new Error('enough')),
  });
  await assert.rejects(fit, /enough/);
});
