import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { temporaryFolder } from '../../../test/fixtures/stores.ts';
import { add, flatten, globalAveragePool, matMul, relu, softmax } from '../graph/build.ts';
import { apply, constant, type Graph, graph, input, type Node } from '../graph/graph.ts';
import { writeOnnx } from '../graph/onnx-write.ts';
import { numbersFrom } from '../graph/op-cases.ts';
import { tensorOf } from '../graph/tensor.ts';
import { ortRuntime } from '../runtime/ort.ts';
import { type Adding, addBackbone, removeBackboneFiles } from './add.ts';
import { findBackbone, installedBackbones } from './installed.ts';
import { readBackbone } from './load.ts';
import { builtIn } from './registry.ts';

const repository = fileURLToPath(new URL('../../../', import.meta.url));
const tflite = `${process.env.OWNSIGHT_SHARED ?? `${repository}../shared`}/models/tf2_mobilenet_v2_1.0_224_ptq.tflite`;
const next = numbersFrom(5);
const weights = (...shape: number[]): Node =>
  constant(
    tensorOf(
      'float32',
      shape,
      Float32Array.from({ length: shape.reduce((a, b) => a * b) }, () => next() - 0.4),
    ),
  );

/** A layer with stride 2 that makes `channels` of `from`, after which nothing is below 0. */
const halved = (x: Node, from: number, channels: number): Node =>
  relu(
    apply('Conv', [x, weights(channels, from, 3, 3)], {
      strides: [2, 2],
      pads: [1, 1, 1, 1],
      dilations: [1, 1],
      group: 1,
    }),
  );

/** A network for classification as others have it: one input of one size, one output of odds. */
function classifierNetwork(passBy = false): Graph {
  const picture = input('pixels', 'float32', [1, 3, 64, 64]);
  const sizes = [3, 4, 5, 6, 7, 8];
  let x: Node = picture;
  const maps: Node[] = [];
  for (let layer = 1; layer < sizes.length; layer++) {
    x = halved(x, sizes[layer - 1]!, sizes[layer]!);
    maps.push(x);
  }
  const row = flatten(globalAveragePool(x));
  const seen = passBy
    ? add(
        row,
        flatten(
          globalAveragePool(
            apply('Conv', [maps[2]!, weights(8, 6, 1, 1)], {
              strides: [1, 1],
              pads: [0, 0, 0, 0],
              dilations: [1, 1],
              group: 1,
            }),
          ),
        ),
      )
    : row;
  return graph({ odds: softmax(matMul(seen, weights(8, 10))) }, [picture]);
}

const runtime = ortRuntime();
const how: Adding = { pixels: 'imagenet', licence: 'mine' };

test('a network of the user is read, tried and kept under a name, and read again for any size', async (t) => {
  const [folder, models] = [temporaryFolder(t), temporaryFolder(t)];
  const file = join(folder, 'Small.onnx');
  writeFileSync(file, writeOnnx(classifierNetwork()));
  const entry = await addBackbone(file, models, runtime, how);
  assert.deepEqual(
    [entry.name, entry.size, entry.outputs, entry.featureLength, entry.pixels],
    ['small', 64, ['stride16', 'features'], 15, 'imagenet'],
  );
  const found = await findBackbone('small', models);
  assert.deepEqual(found.entry, JSON.parse(JSON.stringify(entry)));
  const { outputs } = await readBackbone(found.entry, 96, 2, models);
  assert.deepEqual(
    Object.entries(outputs).map(([name, { shape }]) => [name, ...shape]),
    [
      ['stride8', 2, 6, 12, 12],
      ['stride16', 2, 7, 6, 6],
      ['stride32', 2, 8, 3, 3],
      ['features', 2, 8],
    ],
  );
  await assert.rejects(addBackbone(file, models, runtime, how), { message: /there is a small already/ });
  await assert.rejects(addBackbone(file, models, runtime, { ...how, name: builtIn.name }), { message: /already/ });
  await removeBackboneFiles(entry, models);
  assert.deepEqual(readdirSync(models), []);
});

test('the built-in one is taken with all it gives out', async (t) => {
  const models = temporaryFolder(t);
  const file = join(repository, 'models', builtIn.file);
  const entry = await addBackbone(file, models, runtime, { name: 'same', pixels: 'signed', size: 160 });
  assert.deepEqual([entry.outputs, entry.featureLength, entry.sha256], [builtIn.outputs, 1792, builtIn.sha256]);
});

test('what cannot be used is refused by what it lacks, and nothing is kept', async (t) => {
  const [folder, models] = [temporaryFolder(t), temporaryFolder(t)];
  const file = join(folder, 'net.onnx');
  const refuse = async (bytes: Uint8Array, message: RegExp, more: Partial<Adding> = {}) => {
    writeFileSync(file, bytes);
    await assert.rejects(addBackbone(file, models, runtime, { ...how, ...more }), { message }, String(message));
  };
  const small = classifierNetwork();
  const picture = input('x', 'float32', [1, 3, 64, 64]);
  await refuse(
    writeOnnx(graph({ y: softmax(matMul(flatten(halved(picture, 3, 4)), weights(4 * 32 * 32, 5))) })),
    /no stride8, no stride16, no stride32/,
  );
  // A later layer looks at the map of stride 8 past all between: none of the maps alone is all that follows.
  await refuse(writeOnnx(classifierNetwork(true)), /found no stride16, no stride32; its outputs are odds \[N, 10\]/);
  await refuse(
    writeOnnx(graph({ y: halved(input('x', 'float32', [1, 1, 64, 64]), 1, 4) })),
    /expected one input \[N, 3, H, W\]/,
  );
  await refuse(Buffer.from('no network'), /expected a network in ONNX or TensorFlow Lite/);
  await refuse(writeOnnx(small), /multiple of 32/, { size: 100 });
  await refuse(writeOnnx(small), /the name/, { name: 'A name' });
  await assert.rejects(addBackbone(join(folder, 'none.onnx'), models, runtime, how), { message: /cannot be read/ });
  assert.deepEqual(readdirSync(models), []);
});

test('TensorFlow Lite is taken too', { skip: existsSync(tflite) ? false : `needs ${tflite}` }, async (t) => {
  const models = temporaryFolder(t);
  const entry = await addBackbone(tflite, models, runtime, { name: 'mobile', pixels: 'signed' });
  assert.deepEqual([entry.size, entry.file, entry.featureLength], [224, 'mobile.tflite', 1856]);
  assert.equal((await installedBackbones(models)).length, 2);
  assert.deepEqual(readFileSync(join(models, entry.file)), readFileSync(tflite));
});
