import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { AppError, expected } from '../../base/errors.ts';
import { add, concat, flatten, globalAveragePool, max, mul, relu, sqrt } from '../graph/build.ts';
import type { Graph, InputNode, Node } from '../graph/graph.ts';
import { constant, graph, input } from '../graph/graph.ts';
import { readOnnx } from '../graph/onnx-read.ts';
import { writeOnnx } from '../graph/onnx-write.ts';
import { rewrite } from '../graph/rewrite.ts';
import { tensorOf } from '../graph/tensor.ts';
import { isTflite, readTflite } from '../graph/tflite-read.ts';
import type { BackboneEntry, PixelScale } from './registry.ts';
import { builtIn, pixelScales } from './registry.ts';
import { tapped } from './taps.ts';

/** A backbone ready to be used. */
export interface Backbone {
  readonly entry: BackboneEntry;
  /** One input `image` [N, 3, size, size], -1..1; one output `features`, float32 [N, featureLength]. */
  readonly graph: Graph;
  /** Changes whenever the same picture might get other features. */
  readonly fingerprint: string;
}

/** Name of the one output. */
export const featuresOutput = 'features';
const inputName = 'image';

/**
 * The part of the fingerprint that stands for how we prepare pictures and gather outputs: to be raised when that
 * changes.
 */
const recipe = 2;

/** Changes whenever the same picture might get other features. */
export function fingerprintOf({ sha256, size, pixels, outputs }: BackboneEntry): string {
  const way = pixels === builtIn.pixels && outputs.join() === builtIn.outputs.join() ? [] : [pixels, outputs.join('+')];
  return [sha256.slice(0, 16), size, ...way, recipe].join('/');
}

/**
 * The network in a backbone's file, for pictures of `size` pixels, `count` at a time (any number if not given). Its input is
 * `image` [N, 3, size, size], RGB, pixel / 127.5 - 1, whatever the file's own is; its outputs are `stride8`, `stride16`,
 * `stride32` and `features`. `folder`: where its file lies; that of the built-in one lies in `models/` of the repository.
 * @throws AppError `BadBackbone` when the file is missing or another, or the network no such one.
 */
export async function readBackbone(
  entry: BackboneEntry,
  size: number,
  count?: number,
  folder?: string,
): Promise<Graph> {
  return readNetwork(await backboneFile(entry, folder), entry.pixels, size, count);
}

/** The same of a file's bytes. @throws AppError as {@link readBackbone}; `BadModel`, `UnsupportedOp`. */
export function readNetwork(bytes: Uint8Array, pixels: PixelScale, size: number, count?: number): Graph {
  const shape = [count ?? 'N', 3, size, size] as const;
  const file = isTflite(bytes)
    ? readTflite(bytes, { sizes: { N: shape[0], H: size, W: size } })
    : readOnnx(bytes, { picture: shape });
  const [own, ...others] = file.inputs;
  if (own === undefined || others.length > 0 || own.shape.length !== 4 || own.shape[1] !== 3)
    throw new AppError('BadBackbone', expected('one input [N, 3, H, W]', 'the network', file.inputs.length));
  const picture = input(inputName, 'float32', shape);
  const scaled = scaledAs(pixels, picture);
  return graph(
    rewrite(graph(tapped(file), [own]), (leaf) => (leaf === own ? scaled : leaf)),
    [picture],
  );
}

/** Pixels -1..1 as a network takes them: ((x + 1) / 2 - mean) / deviation. */
function scaledAs(pixels: PixelScale, picture: InputNode): Node {
  if (pixels === 'signed') return picture;
  const { mean, deviation } = pixelScales[pixels];
  const channels = (numbers: readonly number[]): Node => constant(tensorOf('float32', [1, 3, 1, 1], numbers));
  const factor = deviation.map((each) => 0.5 / each);
  return add(mul(picture, channels(factor)), channels(deviation.map((each, c) => (0.5 - mean[c]!) / each)));
}

/** Reads a backbone for features. @throws AppError `BadBackbone` as {@link readBackbone}. */
export async function loadBackbone(entry: BackboneEntry, folder?: string): Promise<Backbone> {
  return {
    entry,
    graph: featureGraph(await readBackbone(entry, entry.size, undefined, folder), entry),
    fingerprint: fingerprintOf(entry),
  };
}

/** The bytes of the file, which are the registered ones. */
async function backboneFile(
  entry: BackboneEntry,
  folder = fileURLToPath(new URL('../../../models', import.meta.url)),
): Promise<Uint8Array> {
  const bytes = await readFile(join(folder, entry.file)).catch((cause: unknown) => {
    throw new AppError(
      'BadBackbone',
      `expected the backbone ${entry.name} in the file ${entry.file} but could not read it`,
      cause,
    );
  });
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  if (bytes.length !== entry.bytes || sha256 !== entry.sha256) {
    throw new AppError(
      'BadBackbone',
      expected(`${entry.bytes} bytes with SHA-256 ${entry.sha256}`, entry.file, `${bytes.length} bytes, ${sha256}`),
    );
  }
  return bytes;
}

/**
 * The graph from pictures to features: the chosen outputs averaged, joined, and the square root taken, all others
 * dropped. The root evens out numbers of which few are large; a linear classifier gains about four points in a hundred
 * by it. Source: Perronnin et al., Improving the Fisher Kernel, ECCV 2010, section 3.2. What is negative counts as 0.
 * `least`: what is smaller counts as this, so that the root has a gradient everywhere.
 * @throws AppError `BadBackbone` when there are more or fewer features than the entry says.
 */
export function featureGraph(network: Graph, { name, outputs, featureLength }: FeatureChoice, least = 0): Graph {
  const parts = outputs.map((tap): Node => {
    const output = network.outputs[tap]!;
    return output.shape.length === 4 ? flatten(globalAveragePool(output)) : output;
  });
  const joined = concat(parts, 1);
  const features = sqrt(least > 0 ? max(joined, least) : relu(joined));
  if (features.shape[1] !== featureLength)
    throw new AppError('BadBackbone', expected(`${featureLength} features`, name, features.shape[1]));
  return graph({ [featuresOutput]: features }, network.inputs);
}

type FeatureChoice = Pick<BackboneEntry, 'name' | 'outputs' | 'featureLength'>;

/** The backbone as a model to be loaded by a runtime. */
export const backboneModel = ({ graph }: Backbone): Uint8Array => writeOnnx(graph);

/** The one input node of a backbone. */
export const pictureInput = ({ graph }: Backbone): InputNode => graph.inputs[0]!;
