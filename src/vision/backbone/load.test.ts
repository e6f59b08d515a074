import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { evaluate } from '../graph/evaluate.ts';
import type { Graph } from '../graph/graph.ts';
import { readOnnx } from '../graph/onnx-read.ts';
import { writeOnnx } from '../graph/onnx-write.ts';
import { tensorFromBytes, tensorOf } from '../graph/tensor.ts';
import { ortRuntime } from '../runtime/ort.ts';
import { backboneModel, featureGraph, loadBackbone } from './load.ts';
import { builtIn } from './registry.ts';

const repository = fileURLToPath(new URL('../../../', import.meta.url));
const golden = `${process.env.OWNSIGHT_SHARED ?? `${repository}../shared`}/models`;
const goldenImage = await readFile(`${golden}/golden-image.f32`).catch(() => undefined);
const skip = goldenImage ? false : 'needs the golden values of OWNSIGHT_SHARED/models';

/** The feature graph at 128 px, the size of the golden picture. */
const small = async (): Promise<Graph> => {
  const bytes = await readFile(`${repository}models/${builtIn.file}`);
  return featureGraph(readOnnx(bytes, { sizes: { H: 128, W: 128 } }), builtIn);
};

const difference = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  assert.equal(a.length, b.length);
  return Array.from(a).reduce((largest, value, i) => Math.max(largest, Math.abs(value - b[i]!)), 0);
};

test('the golden picture has the golden features, in onnxruntime and by definition', { skip }, async () => {
  const graph = await small();
  const image = tensorFromBytes('float32', [1, 3, 128, 128], goldenImage!);
  const features = tensorFromBytes('float32', [1024], await readFile(`${golden}/golden-features.f32`));
  const session = await ortRuntime().load(writeOnnx(graph));
  const computed = (await session.run({ image })).features!;
  await session.close();
  assert.deepEqual([...computed.shape], [1, 1792]);
  const squares = (computed.data.slice(768) as Float32Array).map((value) => value * value);
  assert.ok(difference(squares, features.data as Float32Array) < 1e-4);
  assert.ok(
    difference(evaluate(graph, { image }).features!.data as Float32Array, computed.data as Float32Array) < 1e-4,
  );
});

test('the features are the square roots of the means of two maps, then of the features of the file', async () => {
  const whole = readOnnx(await readFile(`${repository}models/${builtIn.file}`));
  const image = tensorOf(
    'float32',
    [2, 3, 160, 160],
    Float32Array.from({ length: 2 * 3 * 160 * 160 }, (_, i) => Math.sin(i / 300)),
  );
  const [file, ours] = await Promise.all(
    [writeOnnx(whole), backboneModel(await loadBackbone(builtIn))].map(async (model) => {
      const session = await ortRuntime().load(model);
      return session.run({ image }).finally(() => session.close());
    }),
  );
  const means = (name: string): number[] => {
    const { shape, data } = file![name]!;
    const plane = shape[2]! * shape[3]!;
    return Array.from({ length: shape[1]! }, (_, c) => {
      const from = (shape[1]! + c) * plane;
      return (data.slice(from, from + plane) as Float32Array).reduce((total, value) => total + value, 0) / plane;
    });
  };
  const expected = [
    ...means('stride16'),
    ...means('stride32'),
    ...(file!.features!.data.slice(1024) as Float32Array),
  ].map(Math.sqrt);
  assert.deepEqual(Object.keys(ours!), ['features']);
  assert.ok(difference(ours!.features!.data.slice(1792) as Float32Array, expected) < 1e-4);
});

test('a backbone of other bytes is refused', async () => {
  const folder = await mkdtemp(`${tmpdir()}/backbone-`);
  try {
    await assert.rejects(loadBackbone(builtIn, folder), { code: 'BadBackbone', message: /could not read/ });
    const bytes = await readFile(`${repository}models/${builtIn.file}`);
    bytes[5_000_000]! ^= 1;
    await writeFile(`${folder}/${builtIn.file}`, bytes);
    await assert.rejects(loadBackbone(builtIn, folder), { code: 'BadBackbone', message: /SHA-256/ });
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('a file with other features than the entry says is refused', async () => {
  const file = readOnnx(await readFile(`${repository}models/${builtIn.file}`), { sizes: { H: 160, W: 160 } });
  const refuse = (entry: Partial<typeof builtIn>, message: RegExp) =>
    assert.throws(() => featureGraph(file, { ...builtIn, ...entry }), { code: 'BadBackbone', message });
  refuse({ featureLength: 1024 }, /expected 1024 features .* received 1792/);
});
