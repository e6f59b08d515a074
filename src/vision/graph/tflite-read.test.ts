import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { AppError } from '../../base/errors.ts';
import { pixels } from '../image/decode.ts';
import { preprocess } from '../image/preprocess.ts';
import { ortRuntime } from '../runtime/ort.ts';
import { graph } from './graph.ts';
import { writeOnnx } from './onnx-write.ts';
import { numbersFrom } from './op-cases.ts';
import { numbersOf, tensor } from './tensor.ts';
import { readTflite } from './tflite-read.ts';

const shared = process.env.OWNSIGHT_SHARED ?? new URL('../../../../shared', import.meta.url).pathname;
const file = `${shared}/models/tf2_mobilenet_v2_1.0_224_ptq.tflite`;
const missing = existsSync(file) ? false : `there is no ${file}`;

test('a quantised network tells what photographs show', { skip: missing }, async () => {
  const network = readTflite(readFileSync(file));
  const [picture] = network.inputs;
  const [[name, answer]] = Object.entries(network.outputs) as [[string, (typeof network.nodes)[number]]];
  assert.deepEqual(
    [picture!.shape, answer.shape],
    [
      [1, 3, 224, 224],
      [1, 1001],
    ],
  );
  const session = await ortRuntime().load(writeOnnx(network));
  const labels = readFileSync(`${shared}/models/imagenet_labels.txt`, 'utf8').split('\n');
  const folder = `${shared}/data/clothing/test/t-shirt`;
  let right = 0;
  const photographs = readdirSync(folder).sort();
  for (const one of photographs) {
    const square = preprocess(await pixels(readFileSync(`${folder}/${one}`), 224), 224);
    const results = await session.run({ [picture!.name]: tensor('float32', [1, 3, 224, 224], square) });
    const odds = Array.from(numbersOf(results[name]!));
    assert.ok(Math.abs(odds.reduce((a, b) => a + b, 0) - 1) < 1e-3);
    if (/T-shirt/.test(labels[odds.indexOf(Math.max(...odds))]!)) right++;
  }
  await session.close();
  assert.ok(right >= photographs.length / 2, `${right} of ${photographs.length}`);
});

test('it is read for pictures of another size, and any number of them', { skip: missing }, () => {
  const network = readTflite(readFileSync(file), { sizes: { N: 'N', H: 160, W: 160 } });
  assert.deepEqual(network.inputs[0]!.shape, ['N', 3, 160, 160]);
  assert.deepEqual(Object.values(network.outputs)[0]!.shape, ['N', 1001]);
  const sides = new Set(
    network.nodes.flatMap(({ shape }) => (shape.length === 4 && shape[0] === 'N' ? [shape[2]] : [])),
  );
  for (const side of [80, 40, 20, 10, 5]) assert.ok(sides.has(side), String(side));
  assert.ok(writeOnnx(graph(network.outputs)).length > 10_000_000);
});

test('damaged bytes are refused as such', { skip: missing }, () => {
  const bytes = readFileSync(file);
  assert.throws(() => readTflite(new Uint8Array(20)), { code: 'BadModel' });
  const next = numbersFrom(3);
  for (let round = 0; round < 24; round++) {
    const length = 200 + Math.floor(next() * 60_000);
    const broken = Uint8Array.from(round % 2 === 0 ? bytes.subarray(0, length) : bytes);
    for (let i = 0; i < 20; i++) broken[8 + Math.floor(next() * (broken.length - 8))] = Math.floor(next() * 256);
    try {
      readTflite(broken);
    } catch (error) {
      assert.ok(error instanceof AppError, String((error as Error).stack));
      assert.match(error.code, /^(BadModel|UnsupportedOp|BadGraph)$/);
    }
  }
});
