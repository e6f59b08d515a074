import { AppError, expected } from '../../base/errors.ts';
import { changedBackbone } from '../backbone/changed.ts';
import type { Backbone } from '../backbone/load.ts';
import { backboneModel, featuresOutput, pictureInput } from '../backbone/load.ts';
import type { Classifier } from '../classify/classifier.ts';
import type { Graph } from '../graph/graph.ts';
import { apply, constant, graph, input } from '../graph/graph.ts';
import { writeOnnx } from '../graph/onnx-write.ts';
import { rewrite } from '../graph/rewrite.ts';
import { numbersOf, tensorOf } from '../graph/tensor.ts';
import type { Runtime } from '../runtime/runtime.ts';
import type { ExportedModel, OnnxFlavor } from './exporter.ts';
import { halfPrecision } from './float16.ts';
import { head } from './head.ts';
import { exportMetadata, pixelMetadata } from './metadata.ts';
import type { TestVector } from './test-vectors.ts';
import { bluePlanesFirst, testVectors, vectorFile } from './test-vectors.ts';

/** Names that programs written for Azure's exports look for. */
const [inputName, outputName] = ['data', 'model_output'] as const;

/** Name of the model's file in the export. */
const modelFileName = 'model.onnx';

/** Largest difference of a probability from the server's own that an export may show. */
const exportTolerance: Readonly<Record<OnnxFlavor, number>> = { float32: 1e-4, float16: 1e-2 };

/**
 * The whole way from pixels to probabilities as one graph: input `data` [1, 3, size, size], planes of blue, green and
 * red, 0..255; output `model_output` [1, C].
 */
function exportGraph(backbone: Backbone, classifier: Classifier, flavor: OnnxFlavor): Graph {
  const { size } = backbone.entry;
  const [divisor, offset] = [127.5, -1];
  const data = input(inputName, 'float32', [1, 3, size, size]);
  // Turns the channels round and scales them, in one step: a convolution with a 1 x 1 window.
  const turned = tensorOf('float32', [3, 3, 1, 1], [0, 0, 1 / divisor, 0, 1 / divisor, 0, 1 / divisor, 0, 0]);
  const offsets = tensorOf('float32', [3], [offset, offset, offset]);
  const still = { strides: [1, 1], pads: [0, 0, 0, 0], dilations: [1, 1], group: 1 } as const;
  const picture = apply('Conv', [data, constant(turned), constant(offsets)], still);
  const features = rewrite(backbone.graph, (leaf) => (leaf === pictureInput(backbone) ? picture : leaf))[
    featuresOutput
  ]!;
  const whole = graph({ [outputName]: head(features, classifier) });
  return flavor === 'float16' ? halfPrecision(whole) : whole;
}

/** The model's file: standard operators only, pixel format and range in its `metadata_props`. */
const buildOnnx = (backbone: Backbone, classifier: Classifier, flavor: OnnxFlavor): Uint8Array =>
  writeOnnx(exportGraph(backbone, classifier, flavor), { name: 'classifier', metadata: pixelMetadata });

/**
 * The largest difference between a model's probabilities and the server's own on the vectors.
 * @throws AppError `ExportCheck` when it is above the tolerance, or an answer is no number.
 */
async function compare(
  runtime: Runtime,
  model: Uint8Array,
  flavor: OnnxFlavor,
  vectors: readonly TestVector[],
): Promise<number> {
  const session = await runtime.load(model);
  let largest = 0;
  try {
    const { shape } = session.inputs[0]!;
    for (const { pixels, probabilities } of vectors) {
      const fed = tensorOf(flavor, shape as readonly number[], bluePlanesFirst(pixels));
      const answers = numbersOf((await session.run({ [inputName]: fed }))[outputName]!);
      const differences = probabilities.map((value, i) => Math.abs(value - answers[i]!));
      largest = differences.reduce((a, b) => Math.max(a, b), largest);
    }
  } finally {
    await session.close();
  }
  if (largest <= exportTolerance[flavor]) return largest;
  throw new AppError(
    'ExportCheck',
    expected(`answers within ${exportTolerance[flavor]}`, `the ${flavor} ONNX model`, largest),
  );
}

/**
 * The classifier with its backbone as an ONNX model and its test vectors, run in `runtime` and compared with the
 * server's own path. `labels`: one per output, as labels.txt will list them. Takes about the time of six predictions.
 * @throws AppError `ExportCheck` when the model answers otherwise, or there are more or fewer labels than outputs.
 */
export async function exportOnnx(
  runtime: Runtime,
  own: Backbone,
  classifier: Classifier,
  labels: readonly string[],
  flavor: OnnxFlavor,
): Promise<ExportedModel> {
  const { classes, kind } = classifier;
  const backbone = classifier.backbone === undefined ? own : changedBackbone(own, classifier.backbone);
  if (labels.length !== classes)
    throw new AppError('ExportCheck', expected(`${classes} labels`, 'the export', labels.length));
  const session = await runtime.load(backboneModel(backbone));
  const vectors = await testVectors(backbone, session, classifier).finally(() => session.close());
  const model = buildOnnx(backbone, classifier, flavor);
  const maxDifference = await compare(runtime, model, flavor, vectors);
  const { size } = backbone.entry;
  const header = {
    input: { name: inputName, dtype: flavor, shape: [1, 3, size, size] },
    output: { name: outputName, shape: [1, classes] },
    tolerance: exportTolerance[flavor],
  };
  return {
    files: [{ name: modelFileName, bytes: model }, vectorFile(header, vectors)],
    maxDifference,
    metadata: exportMetadata(backbone.entry, kind),
  };
}
