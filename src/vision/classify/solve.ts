import type { Run } from '../../base/run.ts';
import { tensor } from '../graph/tensor.ts';
import type { Runtime, Session } from '../runtime/runtime.ts';
import { minimise } from '../train/lbfgs.ts';
import type { ClassifierKind } from './classifier.ts';
import { lossModel } from './loss.ts';

/** One linear classifier to be learned: of all pictures, or of all but one fold. */
export interface SolveTask {
  readonly kind: ClassifierKind;
  readonly classes: number;
  /** float32 [n, d] */
  readonly features: Float32Array;
  readonly length: number;
  /** float32 [n, C]: 0 or 1 */
  readonly targets: Float32Array;
  /** Pictures held out: from `heldOut[0]` up to `heldOut[1]`. */
  readonly heldOut: readonly [number, number];
  /** What the features are standardised by, taken from the pictures learned from: float64 [d] each. */
  readonly mean: Float64Array;
  readonly scale: Float64Array;
  /** Strength of the L2 penalty on the weights of standardised features. */
  readonly penalty: number;
  /** Where to begin: float64 [(d + 1) C], or nothing known. */
  readonly start: Float64Array | undefined;
}

/** A learned linear classifier. */
export interface Solution {
  /** float64 [(d + 1) C]: weights [d, C] of the standardised features, then the bias [C]. */
  readonly parameters: Float64Array;
  /** float32 [held out, C]: weights · features + bias of the pictures held out. */
  readonly logits: Float32Array;
}

/**
 * Penalty on the bias: too weak to matter (a label one in a thousand has still gets its odds), strong enough that the
 * answer is finite and the only one even when all or none of the pictures learned from have a label.
 */
const biasPenalty = 1e-4;
/** Rows per run of the model: a millisecond or so, so that others get their turn in between. */
const blockRows = 512;

/** What {@link solve} computes with; keeps the sessions it has made. */
export function solver(runtime: Runtime): (task: SolveTask, run?: Run) => Promise<Solution> {
  const sessions = new Map<string, Promise<Session>>();
  return async (task, run = {}) => {
    const key = `${task.kind} ${task.length} ${task.classes}`;
    const session = sessions.get(key) ?? runtime.load(lossModel(task.kind, task));
    // One is enough: the sizes change from project to project.
    for (const [other, old] of sessions)
      if (other !== key && sessions.delete(other)) void old.then((each) => each.close());
    sessions.set(key, session);
    return solve(await session, task, run);
  };
}

/**
 * Minimises mean cross-entropy + penalty / 2 · |weights|² + a very weak penalty on the bias, until a step gains less
 * than 0.003 %: what is left to gain changes no held-out figure, and stopping early is itself a little regularisation.
 * Standardisation is folded into the weights, so that the features are used where they lie:
 * w · (f - mean) / scale + b = (w / scale) · f + (b - w · mean / scale).
 */
async function solve(session: Session, task: SolveTask, { signal }: Run): Promise<Solution> {
  const { classes, length, mean, scale, penalty } = task;
  const size = length * classes;
  const pictures = task.features.length / length;
  const blocks = [...blocksOf(task, 0, task.heldOut[0]), ...blocksOf(task, task.heldOut[1], pictures)];
  const count = pictures - (task.heldOut[1] - task.heldOut[0]);

  const evaluate = async (point: Float64Array) => {
    const { weights, bias } = folded(point, task);
    const gradient = new Float64Array(point.length);
    let value = 0;
    for (const block of blocks) {
      signal?.throwIfAborted();
      const { loss, dWeights, dBias } = await session.run({ ...block, weights, bias });
      value += loss!.data[0] as number;
      accumulate(gradient, dWeights!.data as Float32Array, 0);
      accumulate(gradient, dBias!.data as Float32Array, size);
    }
    value /= count;
    // The chain rule through the folding: dw = (dv - mean · db) / scale.
    let square = 0;
    for (let i = 0, at = 0; i < length; i++) {
      const factor = 1 / (scale[i]! * count);
      const shift = mean[i]!;
      for (let label = 0; label < classes; label++, at++) {
        const weight = point[at]!;
        square += weight * weight;
        gradient[at] = (gradient[at]! - shift * gradient[size + label]!) * factor + penalty * weight;
      }
    }
    value += (penalty / 2) * square;
    for (let at = size; at < point.length; at++) {
      value += (biasPenalty / 2) * point[at]! ** 2;
      gradient[at] = gradient[at]! / count + biasPenalty * point[at]!;
    }
    return { value, gradient };
  };
  const start = task.start ?? new Float64Array(size + classes);
  const { point } = await minimise(evaluate, start, {
    gradientTolerance: 1e-5,
    valueTolerance: 3e-5,
    maxIterations: 300,
  });
  return { parameters: point, logits: await score(session, task, point, signal) };
}

async function score(
  session: Session,
  task: SolveTask,
  point: Float64Array,
  signal: AbortSignal | undefined,
): Promise<Float32Array> {
  const [from, to] = task.heldOut;
  const { weights, bias } = folded(point, task);
  const out = new Float32Array((to - from) * task.classes);
  let at = 0;
  for (const block of blocksOf(task, from, to)) {
    signal?.throwIfAborted();
    const { logits } = await session.run({ ...block, weights, bias });
    out.set(logits!.data as Float32Array, at);
    at += logits!.data.length;
  }
  return out;
}

/** The rows `from`..`to` in pieces, as feeds; nothing is copied. */
function blocksOf({ features, targets, length, classes }: SolveTask, from: number, to: number) {
  return Array.from({ length: Math.ceil((to - from) / blockRows) }, (_, i) => {
    const first = from + i * blockRows;
    const rows = Math.min(blockRows, to - first);
    return {
      x: tensor('float32', [rows, length], features.subarray(first * length, (first + rows) * length)),
      targets: tensor('float32', [rows, classes], targets.subarray(first * classes, (first + rows) * classes)),
      counts: tensor('float32', [1, rows], new Float32Array(rows).fill(1)),
    };
  });
}

/** Parameters of standardised features as weights [d, C] and bias [C] of the features as they lie. */
function folded(point: Float64Array, { classes, length, mean, scale }: SolveTask) {
  const weights = new Float32Array(length * classes);
  const bias = point.slice(length * classes);
  for (let i = 0, at = 0; i < length; i++) {
    const factor = 1 / scale[i]!;
    const shift = mean[i]!;
    for (let label = 0; label < classes; label++, at++) {
      const weight = point[at]! * factor;
      weights[at] = weight;
      bias[label]! -= weight * shift;
    }
  }
  return {
    weights: tensor('float32', [length, classes], weights),
    bias: tensor('float32', [classes], Float32Array.from(bias)),
  };
}

function accumulate(to: Float64Array, values: Float32Array, offset: number): void {
  for (let i = 0, at = offset; i < values.length; i++, at++) to[at]! += values[i]!;
}
