import type { Run } from '../base/run.ts';
import type { ChangedWeights } from './backbone/changed.ts';
import type { BackboneChoice, BackboneFacts } from './backbone/installed.ts';
import type { ClassifierFit, ClassifierSet } from './classify/classifier.ts';
import type { FineTuned, FineTuneSet, TimeLimits } from './classify/fine-tune.ts';
import type { Detector, DetectorFit, DetectorSet } from './detect/detector.ts';
import type { DetectorPlan } from './detect/plan.ts';
import type { ExportedModel, OnnxFlavor } from './export/exporter.ts';
import type { Found } from './image/box.ts';
import type { PictureLimits } from './image/decode.ts';
import type { TrainedModel } from './trained-model.ts';

/**
 * The learning core as the rest of the server sees it: everything that takes time, run in worker threads, or
 * processes where it takes minutes, so that the caller's thread stays free. It has never heard of projects: pictures and arrays in, arrays out.
 */
export interface Vision {
  /**
   * What is known of a backbone, by its name or a reference to it; of the built-in one without. All that follows throws the
   * same where it names one. @throws AppError `BadRequestOperationNotSupported` when it is not installed here, saying how to get it.
   */
  backbone(wanted?: BackboneChoice['backbone']): Promise<BackboneFacts>;
  /**
   * The features of each picture (the bytes of an image file, already inspected), in order: float32 [featureLength of the backbone].
   * @throws AppError `BadRequestImageFormat` when a picture cannot be decoded, `BadRequestImageDimensions` when it is
   * beyond `limits`. `changed`: by a backbone with these weights instead of its own, and a name for them, another whenever
   * they are others.
   */
  features(
    pictures: readonly Uint8Array[],
    options?: { readonly limits?: PictureLimits; readonly changed?: ChangedWeights | undefined } & BackboneChoice,
    run?: Run,
  ): Promise<Float32Array[]>;
  /**
   * Learns a classifier and its held-out probabilities. The same set gives the same bits, in whatever order it comes.
   */
  fitClassifier(set: ClassifierSet, run?: Run): Promise<ClassifierFit>;
  /**
   * Learns a fitted classifier and its backbone together within a budget of time, as `classify/fine-tune.ts` says; the
   * same set gives the same bits, whatever the number of threads, unless time was up. `read`: the bytes of the picture
   * of a key of `order`; what it throws, this throws. Whoever waits for anything else goes first. @throws AppError
   * `ComputeProcessFailed`.
   */
  fineTune(
    set: FineTuneSet & { read(key: string): Promise<Uint8Array> },
    quick: ClassifierFit,
    budget: { readonly hours: number } & BackboneChoice,
    run?: Run & { readonly limits?: TimeLimits },
  ): Promise<FineTuned>;
  /**
   * Learns a detector, as `detect/fit.ts` says; the same set gives the same bytes with the same number of threads.
   * Whoever waits for anything else goes first. @throws AppError `TrainingDiverged`, `ComputeProcessFailed`.
   */
  fitDetector(set: DetectorSet, plan: DetectorPlan & BackboneChoice, run?: Run): Promise<DetectorFit>;
  /**
   * What a detector finds in a picture (the bytes of an image file), best first. `key`: a name for the detector, another
   * whenever its weights are others. @throws as {@link Vision.features}.
   */
  detect(
    key: string,
    detector: Detector,
    picture: Uint8Array,
    options?: { readonly limits?: PictureLimits } & BackboneChoice,
    run?: Run,
  ): Promise<Found[]>;
  /**
   * Where there may be things in a picture, whatever they are, as `propose/regions.ts` says: best first, labels 0.
   * @throws as {@link Vision.features}.
   */
  likelyRegions(picture: Uint8Array, options?: { readonly limits?: PictureLimits }, run?: Run): Promise<Found[]>;
  /**
   * The model with its backbone as an ONNX model and test vectors, checked: run by onnxruntime on the vectors it answers
   * as {@link Vision.features} and `classify` do, within 1e-4 (fp16: 1e-2), or as {@link Vision.detect} does, within 1e-4
   * (fp16: 2e-2). @throws AppError `ExportCheck` if not.
   */
  exportOnnx(
    model: TrainedModel & BackboneChoice,
    labels: readonly string[],
    flavor: OnnxFlavor,
    run?: Run,
  ): Promise<ExportedModel>;
  /** Stops the threads; what runs is abandoned. */
  close(): Promise<void>;
}
