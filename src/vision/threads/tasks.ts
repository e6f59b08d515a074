import type { TaskTable } from '../../base/threads/serve.ts';
import { backboneModel, featuresOutput, loadBackbone, pictureInput, readBackbone } from '../backbone/load.ts';
import { builtIn } from '../backbone/registry.ts';
import { type Calibrated, calibrate, type Scored } from '../classify/calibrate.ts';
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
import type { Runtime } from '../runtime/runtime.ts';
import type { TrainedModel } from '../trained-model.ts';

/** Detectors that stay loaded in a thread, some twenty megabytes each. */
const readyDetectors = 3;

/** What compute threads can do. */
export type Tasks = {
  /** Of each picture, in order: float32 [d]. */
  features: {
    input: { readonly pictures: readonly Uint8Array[]; readonly limits?: PictureLimits | undefined };
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
    };
    output: Found[];
  };
  exportOnnx: {
    input: { readonly model: TrainedModel; readonly labels: readonly string[]; readonly flavor: OnnxFlavor };
    output: ExportedModel;
  };
};

/**
 * The tasks of one thread, with the one backbone session they share, made when first needed. `modelsFolder`: where the
 * backbones lie.
 */
export function taskTable(
  runtime: Runtime,
  modelsFolder?: string,
): TaskTable<Tasks> & { readonly close: () => Promise<void> } {
  const backbone = once(() => loadBackbone(builtIn, modelsFolder));
  const network = once(async () => {
    const loaded = await backbone();
    const session = await runtime.load(backboneModel(loaded));
    const input = pictureInput(loaded).name;
    const { size } = loaded.entry;
    // Inputs are used again and again: a new one for each picture would keep the garbage collector busy.
    const spare: Float32Array[] = [];
    return {
      close: session.close,
      async extract(square: Uint8Array): Promise<Float32Array> {
        const picture = preprocess(square, size, spare.pop());
        const { [featuresOutput]: features } = await session.run({
          [input]: tensor('float32', [1, 3, size, size], picture),
        });
        spare.push(picture);
        return features!.data as Float32Array;
      },
    };
  });
  const solve = solver(runtime);
  const body = detectorBodies(modelsFolder);
  const ready = new Map<string, Promise<ReadyDetector>>();
  const readyFor = (key: string, detector: Detector): Promise<ReadyDetector> => {
    const found = ready.get(key) ?? body(1, detector.size).then((network) => readyDetector(runtime, detector, network));
    ready.delete(key);
    ready.set(key, found);
    found.catch(() => ready.delete(key));
    for (const [oldest, detector] of ready) {
      if (ready.size <= readyDetectors) break;
      ready.delete(oldest);
      void detector.then((one) => one.close());
    }
    return found;
  };
  return {
    async features({ pictures, limits }, { signal }) {
      const { extract } = await network();
      const features: Float32Array[] = [];
      // The next picture is decoded while this one is computed.
      let next = decodeAhead(pictures[0], limits);
      for (let n = 0; n < pictures.length; n++) {
        const square = await next!;
        signal?.throwIfAborted();
        next = decodeAhead(pictures[n + 1], limits);
        features.push(await extract(square));
      }
      return features;
    },
    standardise,
    solve,
    calibrate,
    detect: async ({ key, detector, picture, limits }) => (await readyFor(key, detector)).find(picture, limits),
    async exportOnnx({ model, labels, flavor }) {
      if (model.kind === 'classifier') return exportOnnx(runtime, await backbone(), model.classifier, labels, flavor);
      const { detector } = model;
      const network = await body(1, detector.size);
      const server = await readyDetector(runtime, detector, network);
      return exportOnnxDetector(runtime, network, detector, server, labels, flavor).finally(() => server.close());
    },
    async close() {
      await network.made?.then((made) => made.close());
      for (const detector of ready.values()) await detector.then((one) => one.close());
    },
  };
}

/** The backbone that detectors stand on, for any number of pictures of any size. */
export const detectorBodies =
  (modelsFolder?: string): DetectorTools['body'] =>
  async (count, size) =>
    detectorBody(await readBackbone(builtIn, size, count, modelsFolder), count, size);

/** The picture as the network takes it. A failure is met when the result is awaited, if it ever is. */
function decodeAhead(
  picture: Uint8Array | undefined,
  limits: PictureLimits | undefined,
): Promise<Uint8Array> | undefined {
  const square = picture && pixels(picture, builtIn.size, limits);
  square?.catch(() => undefined);
  return square;
}

/** Makes a thing when it is first asked for, and again if that failed. */
function once<T>(make: () => Promise<T>): (() => Promise<T>) & { made: Promise<T> | undefined } {
  const get = Object.assign(
    () => {
      get.made ??= make();
      get.made.catch(() => {
        get.made = undefined;
      });
      return get.made;
    },
    { made: undefined as Promise<T> | undefined },
  );
  return get;
}
