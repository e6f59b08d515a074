import { createHash } from 'node:crypto';
import { readFile, rm } from 'node:fs/promises';
import { basename, extname, join } from 'node:path';
import { makeDirectorySync, syncDirectory, writeFileDurablySync } from '../../base/durable.ts';
import { AppError, expected } from '../../base/errors.ts';
import type { Graph } from '../graph/graph.ts';
import { readOnnx } from '../graph/onnx-read.ts';
import { tensor } from '../graph/tensor.ts';
import { isTflite, readTflite } from '../graph/tflite-read.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { backboneName, entryFile, installedBackbones } from './installed.ts';
import { backboneModel, featureGraph, featuresOutput, fingerprintOf, readNetwork } from './load.ts';
import { type BackboneEntry, builtIn, type PixelScale, pullable, type Tap } from './registry.ts';

/** How a network of the user's own is to be used. */
export interface Adding {
  /** What it is to be called; the file's name if not given. */
  readonly name?: string | undefined;
  /** Pixels; if not given the file's own, or 224. A multiple of 32. */
  readonly size?: number | undefined;
  readonly pixels: PixelScale;
  readonly licence?: string | undefined;
}

const usualSize = 224;

/**
 * Takes a network for classification, in a file of ONNX or TensorFlow Lite, as a backbone: reads it, finds its maps and
 * features, has it look at a picture, and keeps a copy under a name.
 * @throws AppError `BadBackbone` naming what is missing or taken, `UnsupportedOp`. Then nothing is kept.
 */
export async function addBackbone(
  path: string,
  folder: string,
  runtime: Runtime,
  { name = basename(path, extname(path)).toLowerCase(), size, pixels, licence = 'not stated' }: Adding,
): Promise<BackboneEntry> {
  if (!backboneName.test(name))
    throw bad(expected('1 to 63 of a-z, 0-9, dot, dash and underscore, the first a letter or digit', 'the name', name));
  const taken = [builtIn, ...pullable, ...(await installedBackbones(folder)).map(({ entry }) => entry)];
  if (taken.some((entry) => entry.name === name))
    throw bad(`expected a name that is free but there is a ${name} already: choose another with --name`);
  const bytes = await readFile(path).catch((cause: unknown) => {
    throw new AppError('BadBackbone', `the file ${path} cannot be read`, cause);
  });
  const wanted = size ?? understood(path, () => ownSize(bytes));
  if (wanted % 32 !== 0 || wanted < 64 || wanted > 1024)
    throw bad(expected('a multiple of 32 from 64 to 1024', 'the size', wanted));
  const network = understood(path, () => readNetwork(bytes, pixels, wanted));
  const outputs = featureTaps(network);
  const featureLength = outputs.reduce((sum, tap) => sum + Number(network.outputs[tap]!.shape[1]), 0);
  const entry: BackboneEntry = {
    name,
    file: `${name}${isTflite(bytes) ? '.tflite' : '.onnx'}`,
    sha256: createHash('sha256').update(bytes).digest('hex'),
    bytes: bytes.length,
    licence,
    size: wanted,
    pixels,
    outputs,
    featureLength,
  };
  await tryOut(network, entry, runtime);
  makeDirectorySync(folder);
  writeFileDurablySync(join(folder, entry.file), bytes);
  writeFileDurablySync(join(folder, entryFile(name)), Buffer.from(`${JSON.stringify(entry, null, 2)}\n`));
  return entry;
}

const bad = (message: string): AppError => new AppError('BadBackbone', message);

/** What is read of a file. @throws AppError `BadBackbone` saying that it is no network, where it is none. */
function understood<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    if (!(cause instanceof AppError) || cause.code !== 'BadModel') throw cause;
    throw new AppError(
      'BadBackbone',
      `expected a network in ONNX or TensorFlow Lite in ${path}, but it cannot be read: ${cause.message}`,
      cause,
    );
  }
}

/** The size of pictures that a file says it takes. */
function ownSize(bytes: Uint8Array): number {
  const [picture] = (isTflite(bytes) ? readTflite(bytes) : readOnnx(bytes)).inputs;
  const side = picture?.shape[2];
  return typeof side === 'number' ? side : usualSize;
}

/** What is known of each place helps beside what is known of the whole; but nothing twice. */
function featureTaps({ outputs }: Graph): Tap[] {
  const width = (tap: Tap): unknown => outputs[tap]!.shape[1];
  return width('stride32') === width('features') ? ['stride16', 'features'] : ['stride16', 'stride32', 'features'];
}

/** Has the network look at a picture. @throws AppError `BadBackbone` when no numbers come of it. */
async function tryOut(network: Graph, entry: BackboneEntry, runtime: Runtime): Promise<void> {
  const { size, featureLength } = entry;
  const whole = { entry, graph: featureGraph(network, entry), fingerprint: fingerprintOf(entry) };
  const picture = Float32Array.from({ length: 3 * size * size }, (_, at) => Math.sin(at / 97));
  try {
    const session = await runtime.load(backboneModel(whole));
    const answer = await session
      .run({ [whole.graph.inputs[0]!.name]: tensor('float32', [1, 3, size, size], picture) })
      .finally(() => session.close());
    const numbers = answer[featuresOutput]!.data as Float32Array;
    if (numbers.length === featureLength && numbers.every(Number.isFinite) && numbers.some((one) => one > 0)) return;
  } catch (cause) {
    throw new AppError('BadBackbone', `the network cannot be run: ${(cause as Error).message}`, cause);
  }
  throw bad(expected(`${featureLength} finite numbers, not all 0`, 'a picture', 'others'));
}

/** Takes a backbone's files away, and what is left of a pull. */
export async function removeBackboneFiles({ name, file }: BackboneEntry, folder: string): Promise<void> {
  for (const one of [entryFile(name), file, `${file}.part`, `${file}.part.json`])
    await rm(join(folder, one), { force: true });
  await syncDirectory(folder);
}
