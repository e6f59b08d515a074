import { recent } from '../../base/recent.ts';
import type { TaskTable } from '../../base/threads/serve.ts';
import { type ChangedWeights, changedBackbone } from '../backbone/changed.ts';
import { type BackboneChoice, findBackbone } from '../backbone/installed.ts';
import {
  backboneModel,
  featureGraph,
  featuresOutput,
  loadBackbone,
  pictureInput,
  readBackbone,
} from '../backbone/load.ts';
import { type Calibrated, calibrate, type Scored } from '../classify/calibrate.ts';
import type { WholeTools } from '../classify/learn-whole.ts';
import { classifierBody } from '../classify/network.ts';
import { type Solution, type SolveTask, solver } from '../classify/solve.ts';
import { type Standardised, type StandardiseTask, standardise } from '../classify/standardise.ts';
import type { Detector } from '../detect/detector.ts';
import { detectorBody } from '../detect/network.ts';
import type { DetectorTools } from '../detect/plan.ts';
import { type ReadyDetector, readyDetector } from '../detect/run.ts';
import type { ExportedModel, OnnxFlavor } from '../export/exporter.ts';
import { exportOnnx } from '../export/onnx.ts';
import { exportOnnxDetector } from '../export/onnx-detector.ts';
import { tensor } from '../graph/tensor.ts';
import type { Found } from '../image/box.ts';
import { type PictureLimits, pixels } from '../image/decode.ts';
import { preprocess } from '../image/preprocess.ts';
import { likelyRegions, proposalSize } from '../propose/regions.ts';
import type { Runtime } from '../runtime/runtime.ts';
import type { TrainedModel } from '../trained-model.ts';

/** Detectors that stay loaded in a thread, some twenty megabytes each; as many changed backbones; and backbones as they are. */
const readyDetectors = 3;
const readyBackbones = 2;
/** While a backbone learns, features count as this at least: small enough to change nothing, large enough for a root. */
const leastFeature = 1e-4;

/** What compute threads can do. */
export type Tasks = {
  /** Of each picture, in order: float32 [d]. */
  features: {
    input: {
      readonly pictures: readonly Uint8Array[];
      readonly limits?: PictureLimits | undefined;
      readonly changed?: ChangedWeights | undefined;
    } & BackboneChoice;
    output: Float32Array[];
  };
  standardise: { input: StandardiseTask; output: Standardised };
  solve: { input: SolveTask; output: Solution };
  calibrate: { input: Scored; output: Calibrated };
  /** `key` tells detectors apart: one that was used lately is not loaded again. */
  detect: {
    input: {
      readonly key: string;
      readonly detector: Detector;
      readonly picture: Uint8Array;
      readonly limits?: PictureLimits | undefined;
    } & BackboneChoice;
    output: Found[];
  };
  likelyRegions: {
    input: { readonly picture: Uint8Array; readonly limits?: PictureLimits | undefined };
    output: Found[];
  };
  exportOnnx: {
    input: {
      readonly model: TrainedModel & BackboneChoice;
      readonly labels: readonly string[];
      readonly flavor: OnnxFlavor;
    };
    output: ExportedModel;
  };
};

/** A backbone that is ready to look at pictures. */
interface Network {
  readonly size: number;
  /** Of RGB8 [size, size, 3]. */
  extract(square: Uint8Array): Promise<Float32Array>;
  close(): Promise<void>;
}

/**
 * The tasks of one thread, with the backbone sessions they share, made when first needed. `modelsFolder`: where
 * backbones lie beside the built-in one.
 */
export function taskTable(
  runtime: Runtime,
  modelsFolder?: string,
): TaskTable<Tasks> & { readonly close: () => Promise<void> } {
  const networks = recent<Network>(readyBackbones, (network) => network.close());
  const changedNetworks = recent<Network>(readyDetectors, (network) => network.close());
  const load = async (backbone: BackboneChoice['backbone']) => {
    const { entry, folder } = await findBackbone(backbone, modelsFolder);
    return loadBackbone(entry, folder);
  };
  const networkOf = async (
    backbone: BackboneChoice['backbone'],
    changed: ChangedWeights | undefined,
  ): Promise<Network> => {
    const own = await load(backbone);
    const loaded = changed === undefined ? own : changedBackbone(own, changed.weights);
    const session = await runtime.load(backboneModel(loaded));
    const input = pictureInput(loaded).name;
    const { size } = loaded.entry;
    // Inputs are used again and again: a new one for each picture would keep the garbage collector busy.
    const spare: Float32Array[] = [];
    return {
      size,
      close: session.close,
      async extract(square) {
        const picture = preprocess(square, size, spare.pop());
        const { [featuresOutput]: features } = await session.run({
          [input]: tensor('float32', [1, 3, size, size], picture),
        });
        spare.push(picture);
        return features!.data as Float32Array;
      },
    };
  };
  const solve = solver(runtime);
  const detectors = recent<ReadyDetector>(readyDetectors, (detector) => detector.close());
  return {
    features: ({ pictures, limits, backbone, changed }, { signal }) =>
      (changed === undefined ? networks : changedNetworks).use(
        changed?.key ?? backbone ?? '',
        () => networkOf(backbone, changed),
        async ({ size, extract }) => {
          const features: Float32Array[] = [];
          // The next picture is decoded while this one is computed.
          let next = decodeAhead(pictures[0], size, limits);
          for (let n = 0; n < pictures.length; n++) {
            const square = await next!;
            signal?.throwIfAborted();
            next = decodeAhead(pictures[n + 1], size, limits);
            features.push(await extract(square));
          }
          return features;
        },
      ),
    standardise,
    solve,
    calibrate,
    likelyRegions: async ({ picture, limits }) => likelyRegions(await pixels(picture, proposalSize, limits)),
    detect: ({ key, detector, picture, limits, backbone }) =>
      detectors.use(
        key,
        async () => readyDetector(runtime, detector, await detectorBodies(modelsFolder, backbone)(1, detector.size)),
        (ready) => ready.find(picture, limits),
      ),
    async exportOnnx({ model, labels, flavor }) {
      if (model.kind === 'classifier')
        return exportOnnx(runtime, await load(model.backbone), model.classifier, labels, flavor);
      const { detector } = model;
      const network = await detectorBodies(modelsFolder, model.backbone)(1, detector.size);
      const server = await readyDetector(runtime, detector, network);
      return exportOnnxDetector(runtime, network, detector, server, labels, flavor).finally(() => server.close());
    },
    async close() {
      await networks.close();
      await changedNetworks.close();
      await detectors.close();
    },
  };
}

/** The backbone that detectors stand on, for any number of pictures of any size. */
export const detectorBodies =
  (modelsFolder: string | undefined, backbone: BackboneChoice['backbone']): DetectorTools['body'] =>
  async (count, size) => {
    const { entry, folder } = await findBackbone(backbone, modelsFolder);
    return detectorBody(await readBackbone(entry, size, count, folder), count, size);
  };

/** What fine-tunes classifiers on a backbone. */
export const classifierBodies = async (
  modelsFolder: string | undefined,
  backbone: BackboneChoice['backbone'],
): Promise<Pick<WholeTools, 'size' | 'body'>> => {
  const { entry, folder } = await findBackbone(backbone, modelsFolder);
  return {
    size: entry.size,
    async body(count, smooth) {
      const network = await readBackbone(entry, entry.size, count, folder);
      return classifierBody(featureGraph(network, entry, smooth ? leastFeature : 0), count, entry.size);
    },
  };
};

/** The picture as the network takes it. A failure is met when the result is awaited, if it ever is. */
function decodeAhead(
  picture: Uint8Array | undefined,
  size: number,
  limits: PictureLimits | undefined,
): Promise<Uint8Array> | undefined {
  const square = picture && pixels(picture, size, limits);
  square?.catch(() => undefined);
  return square;
}
