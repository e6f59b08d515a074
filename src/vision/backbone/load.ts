import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { AppError, expected } from '../../base/errors.ts';
import { concat, flatten, globalAveragePool, relu, sqrt } from '../graph/build.ts';
import type { Graph, InputNode, Node } from '../graph/graph.ts';
import { graph } from '../graph/graph.ts';
import { readOnnx } from '../graph/onnx-read.ts';
import { writeOnnx } from '../graph/onnx-write.ts';
import { shapeText } from '../graph/shapes.ts';
import type { BackboneEntry } from './registry.ts';

/** A backbone ready to be used. */
export interface Backbone {
  readonly entry: BackboneEntry;
  /** One input as the entry says, [N, 3, size, size]; one output `features`, float32 [N, featureLength]. */
  readonly graph: Graph;
  /** Changes whenever the same picture might get other features. */
  readonly fingerprint: string;
}

/** Name of the one output. */
export const featuresOutput = 'features';

/**
 * The part of the fingerprint that stands for how we prepare pictures and gather outputs: to be raised when that
 * changes.
 */
const recipe = 2;

/** Changes whenever the same picture might get other features. */
export const fingerprintOf = ({ sha256, size }: BackboneEntry): string => `${sha256.slice(0, 16)}/${size}/${recipe}`;

/**
 * The network in a backbone's file as it is, for pictures of `size` pixels, `count` at a time (any number if not given):
 * its outputs are those of the file. @throws AppError `BadBackbone` when the file is missing or another.
 */
export async function readBackbone(
  entry: BackboneEntry,
  size: number,
  count?: number,
  folder?: string,
): Promise<Graph> {
  const sizes = { H: size, W: size, ...(count !== undefined && { N: count }) };
  return readOnnx(await backboneFile(entry, folder), { sizes });
}

/**
 * Reads a backbone's file and checks that it is, byte for byte, the registered one.
 * `folder`: where the files of backbones lie, `models/` of the repository if not given.
 * @throws AppError `BadBackbone` when the file is missing or another.
 */
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
  const bytes = await readFile(`${folder}/${entry.file}`).catch((cause: unknown) => {
    throw new AppError(
      'BadBackbone',
      `expected the backbone ${entry.name} at models/${entry.file} but could not read it`,
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
 * @throws AppError `BadBackbone` when the file has not the input, outputs and length that the entry says.
 */
export function featureGraph(file: Graph, entry: BackboneEntry): Graph {
  const bad = (what: string, name: string, received: unknown): AppError =>
    new AppError('BadBackbone', expected(what, name, received));
  const picture = file.inputs.find((each) => each.name === entry.input);
  if (!picture || shapeText(picture.shape.slice(1)) !== shapeText([3, entry.size, entry.size])) {
    throw bad(`[N, 3, ${entry.size}, ${entry.size}]`, `input ${entry.input}`, picture && shapeText(picture.shape));
  }
  const parts = entry.outputs.map((name): Node => {
    const output = file.outputs[name];
    if (!output) throw bad('an output', name, Object.keys(file.outputs).join(', '));
    return output.shape.length === 4 ? flatten(globalAveragePool(output)) : output;
  });
  const features = sqrt(relu(concat(parts, 1)));
  if (features.shape[1] !== entry.featureLength)
    throw bad(`${entry.featureLength} features`, entry.name, features.shape[1]);
  return graph({ [featuresOutput]: features }, [picture]);
}

/** The backbone as a model to be loaded by a runtime. */
export const backboneModel = ({ graph }: Backbone): Uint8Array => writeOnnx(graph);

/** The one input node of a backbone. */
export const pictureInput = ({ graph }: Backbone): InputNode => graph.inputs[0]!;
