import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadBackbone } from '../backbone/load.ts';
import { builtIn } from '../backbone/registry.ts';
import type { Classifier, ClassifierKind } from '../classify/classifier.ts';
import { readModel } from '../graph/onnx-model.ts';
import { numbersFrom } from '../graph/op-cases.ts';
import { numbersOf, tensorOf } from '../graph/tensor.ts';
import { ortRuntime } from '../runtime/ort.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { learnable } from '../train/learnable.ts';
import type { ExportedModel, OnnxFlavor } from './exporter.ts';
import { exportOnnx } from './onnx.ts';
import { testPictures } from './test-vectors.ts';

const backbone = await loadBackbone(builtIn);
const labels = ['apple', 'leaf', 'mug'];

/** A classifier as if learned: scales and weights of the size that training gives. */
function classifierOf(kind: ClassifierKind): Classifier {
  const next = numbersFrom(7);
  const length = builtIn.featureLength;
  const numbers = (count: number, low: number, high: number) =>
    Float32Array.from({ length: count }, () => low + (high - low) * next());
  return {
    kind,
    classes: 3,
    mean: numbers(length, 0.1, 0.6),
    scale: numbers(length, 0.1, 0.8),
    weights: numbers(3 * length, -0.05, 0.05),
    bias: numbers(3, -1, 1),
    temperature: 1.7,
  };
}

const exported = (kind: ClassifierKind, flavor: OnnxFlavor): Promise<ExportedModel> =>
  exportOnnx(ortRuntime(), backbone, classifierOf(kind), labels, flavor);

interface VectorFile {
  readonly input: { readonly name: string; readonly dtype: OnnxFlavor; readonly shape: readonly number[] };
  readonly output: { readonly name: string };
  readonly tolerance: number;
  readonly vectors: readonly { readonly pixels: string; readonly output: readonly number[] }[];
}

for (const kind of ['multiclass', 'multilabel'] as const) {
  for (const [flavor, tolerance] of [
    ['float32', 1e-4],
    ['float16', 1e-2],
  ] as const) {
    test(`a ${kind} export in ${flavor} answers its own test vectors as a stranger would feed them`, async () => {
      const { files, maxDifference } = await exported(kind, flavor);
      assert.deepEqual(
        files.map((file) => file.name),
        ['model.onnx', 'test_vectors.json'],
      );
      const content = JSON.parse(new TextDecoder().decode(files[1]!.bytes)) as VectorFile;
      assert.equal(content.tolerance, tolerance);
      const session = await ortRuntime().load(files[0]!.bytes);
      assert.deepEqual(session.inputs, [{ name: 'data', dtype: flavor, shape: [1, 3, 160, 160] }]);
      assert.equal(session.outputs[0], 'model_output');
      let largest = 0;
      for (const { pixels, output } of content.vectors) {
        const feed = tensorOf(content.input.dtype, content.input.shape, Buffer.from(pixels, 'base64'));
        const answer = (await session.run({ [content.input.name]: feed }))[content.output.name]!;
        assert.deepEqual([...answer.shape], [1, 3]);
        output.forEach((value, i) => {
          largest = Math.max(largest, Math.abs(value - numbersOf(answer)[i]!));
        });
      }
      await session.close();
      assert.equal(largest, maxDifference);
      assert.ok(largest <= tolerance);
      // Not all the same, or agreement would mean nothing.
      assert.notDeepEqual(content.vectors[0]!.output, content.vectors[1]!.output);
    });
  }
}

test('an export of a classifier with a backbone of its own answers as that backbone does', async () => {
  const network = learnable(backbone.graph);
  const [name, weights] = Object.entries(network.weights).at(-2)!;
  const changed = tensorOf(
    'float32',
    weights.shape,
    (weights.data as Float32Array).map((value) => -value),
  );
  const classifier = { ...classifierOf('multiclass'), backbone: { [name]: changed } };
  const own = await exportOnnx(ortRuntime(), backbone, classifier, labels, 'float32');
  assert.ok(own.maxDifference <= 1e-4);
  assert.notDeepEqual(own.files[1]!.bytes, (await exported('multiclass', 'float32')).files[1]!.bytes);
  for (const wrong of [{ other: changed }, { [name]: tensorOf('float32', [1], [1]) }])
    await assert.rejects(exportOnnx(ortRuntime(), backbone, { ...classifier, backbone: wrong }, labels, 'float32'), {
      code: 'BadClassifier',
    });
});

test('an export uses standard operators and says how its pixels are', async () => {
  const { files, metadata } = await exported('multilabel', 'float32');
  const { nodes, opset, metadata: inside } = readModel(files[0]!.bytes);
  assert.equal(opset, 13);
  assert.ok(nodes.every((node) => node.domain === ''));
  for (const key of ['Image.BitmapPixelFormat', 'Image.NominalPixelRange']) assert.equal(inside[key], metadata[key]);
  assert.equal(inside['Image.BitmapPixelFormat'], 'Bgr8');
  assert.equal(inside['Image.NominalPixelRange'], 'NominalRange_0_255');
  assert.equal(metadata['CustomVision.Postprocess.Method'], 'ClassificationMultiLabel');
  assert.equal(metadata['CustomVision.Preprocess.TargetWidth'], '160');
  assert.ok(Object.values(metadata).every((value) => typeof value === 'string'));
});

test('the planes are blue, green, red: turned round they are answered otherwise', async () => {
  const { files } = await exported('multiclass', 'float32');
  const { vectors } = JSON.parse(new TextDecoder().decode(files[1]!.bytes)) as VectorFile;
  const [pixels, plane] = [Buffer.from(vectors[0]!.pixels, 'base64'), 160 * 160];
  assert.deepEqual([...pixels.subarray(2 * plane)], [...testPictures(160)[0]!.filter((_, at) => at % 3 === 0)]);
  const turned = Buffer.concat([2, 1, 0].map((channel) => pixels.subarray(channel * plane, (channel + 1) * plane)));
  const session = await ortRuntime().load(files[0]!.bytes);
  const answer = (await session.run({ data: tensorOf('float32', [1, 3, 160, 160], turned) })).model_output!;
  await session.close();
  assert.ok(vectors[0]!.output.some((value, i) => Math.abs(value - numbersOf(answer)[i]!) > 1e-3));
});

test('a model that answers otherwise is not handed out', async () => {
  const honest = ortRuntime();
  const wrong: Runtime = {
    compile: honest.compile,
    async load(model, options) {
      const session = await honest.load(model, options);
      return {
        ...session,
        async run(feeds) {
          const { model_output: answer, ...rest } = await session.run(feeds);
          if (!answer) return rest;
          return {
            model_output: tensorOf(
              'float32',
              answer.shape,
              Float32Array.from(numbersOf(answer), (value) => value + 2e-4),
            ),
          };
        },
      };
    },
  };
  const failure = { code: 'ExportCheck', message: /expected answers within 0.0001/ };
  await assert.rejects(exportOnnx(wrong, backbone, classifierOf('multiclass'), labels, 'float32'), failure);
});

test('labels must be as many as the outputs, and weights within half precision', async () => {
  const classifier = classifierOf('multiclass');
  await assert.rejects(exportOnnx(ortRuntime(), backbone, classifier, ['one'], 'float32'), {
    code: 'ExportCheck',
    message: /3 labels/,
  });
  const huge = { ...classifier, bias: Float32Array.of(1e6, 0, 0) };
  await assert.rejects(exportOnnx(ortRuntime(), backbone, huge, labels, 'float16'), {
    code: 'ExportCheck',
    message: /65504/,
  });
});
