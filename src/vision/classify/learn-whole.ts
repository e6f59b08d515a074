import { random } from '../../base/random.ts';
import type { Run } from '../../base/run.ts';
import { reduceMean, reduceSum } from '../graph/build.ts';
import { graph, input } from '../graph/graph.ts';
import { writeOnnx } from '../graph/onnx-write.ts';
import { type Tensor, tensor } from '../graph/tensor.ts';
import { drawView, plainView, randomView, type ViewRange } from '../image/augment.ts';
import { gallery } from '../image/gallery.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { batches } from '../train/batches.ts';
import { cut, join, type Layout, split } from '../train/layout.ts';
import { learn } from '../train/loop.ts';
import { adamW } from '../train/optimizer.ts';
import { createTrainer } from '../train/step.ts';
import { decayOf, ratesOf, weightLayout } from '../train/whole.ts';
import { type Calibrated, calibrate } from './calibrate.ts';
import type { Classifier } from './classifier.ts';
import { crossEntropy } from './loss.ts';
import { type ClassifierBody, headWeights, scores, withWeights } from './network.ts';

/** Pictures learned from in one step. */
export const batch = 16;
/** Held-out pictures judged at a time. */
const judgedAtOnce = 8;
/** So many looks in a row that are clearly worse than an earlier one end it. */
const patience = 2;
/** Clearly worse is a log loss higher by this factor: few pictures judge, and the last steps, the smallest, do good. */
const clearly = 1.03;
/** Pictures to learn from are kept this much larger than they are looked at: views show parts of them. */
const spare = 1.25;
/** Bytes that decoded pictures may take. */
const rooms = { heldOut: 5e7, learned: 2.5e8 };

/** One way to learn a whole network. */
export interface Setting {
  readonly name: string;
  /** Layers up to maps so many pixels apart stay as they are. */
  readonly still: number;
  /** Learning rates at their highest. */
  readonly rates: { readonly head: number; readonly backbone: number };
  readonly views: ViewRange;
}

/** Pictures and what is true of them. */
export interface Labelled {
  /** By which they are read. */
  readonly keys: readonly string[];
  /** 1 where the picture has the label: uint8 [n, C] */
  readonly targets: Uint8Array;
}

/** One network to be learned. */
export interface WholeTask {
  readonly learned: Labelled;
  /** What it is judged by, if anything. */
  readonly heldOut: Labelled;
  /** What it begins with: a classifier on the backbone as it is, which has not seen those held out. */
  readonly start: Classifier;
  readonly setting: Setting;
  readonly steps: number;
  /** Steps after which the held-out pictures are looked at, rising; the last one ends it. */
  readonly looks: readonly number[];
}

/** A learned network, at the last look whose log loss was not clearly above the lowest. */
export interface WholeSolution extends Calibrated {
  /** The steps it had learned. */
  readonly look: number;
  /** What it scores the held-out pictures: float32 [held out, C]. */
  readonly logits: Float32Array;
  /** Its temperature is 1. */
  readonly classifier: Classifier;
}

/** What learning whole networks needs besides the task. */
export interface WholeTools {
  readonly runtime: Runtime;
  /** Pixels in width and height of the pictures that the backbone takes. */
  readonly size: number;
  /** The backbone for so many pictures at a time; `smooth`: with a gradient at features of 0 as well. */
  body(count: number, smooth: boolean): Promise<ClassifierBody>;
  /** The bytes of the picture of this key: an image file, already inspected. */
  read(key: string): Promise<Uint8Array>;
}

/**
 * Learns head and backbone together, on ever new views of the pictures: from a fitted head on (Kumar et al., Fine-tuning
 * can distort pretrained features, ICLR 2022, section 3.4), all but the backbone's first layers, every weight drawn to
 * where it began. Uses one thread, so that the result does not depend on how many there are.
 * @throws AppError `TrainingDiverged`; what reading a picture throws; the signal's reason when aborted, after the step
 * in hand.
 */
export async function learnWhole(task: WholeTask, tools: WholeTools, run: Run = {}): Promise<WholeSolution> {
  const { start, setting, steps, looks } = task;
  const { kind, classes } = start;
  const { size } = tools;
  const body = await tools.body(batch, true);
  const changed = body.behind(setting.still);
  const head = headWeights(start);
  const all: Record<string, Tensor> = { ...body.network.weights, ...head };
  const layout = weightLayout(all, [...changed, ...Object.keys(head)]);
  const wanted = input('wanted', 'float32', [batch, classes]);
  const trainer = await createTrainer(tools.runtime, {
    layout,
    start: join(all, layout),
    inputs: [body.picture, wanted],
    loss(weights) {
      const each = crossEntropy(kind, scores(body, start, weights), wanted);
      return { loss: reduceMean(reduceSum(each, [1])) };
    },
    optimizer: adamW(),
    rates: ratesOf(layout, changed, all, setting.rates.backbone / setting.rates.head),
    decay: decayOf(layout),
    clip: 5,
    averaged: true,
  });
  const judge = await judgeOf(task, tools, layout, run);
  const samples = gallery(
    task.learned.keys.map((key) => ({ key })),
    tools.read,
    { side: Math.round(size * spare), room: rooms.learned },
  );
  const draw = batches(batch, (round) => random('classifier', 'whole', round).order(samples.length));
  const feeds = async (step: number): Promise<Record<string, Tensor>> => {
    const pictures = new Float32Array(batch * 3 * size * size);
    const targets = new Float32Array(batch * classes);
    for (const [slot, at] of draw.next().value.entries()) {
      const sample = samples[at]!;
      const view = randomView(setting.views, random('classifier', 'view', step, slot));
      drawView(await sample.pixels(), sample.side, view, size, pictures, slot * 3 * size * size);
      targets.set(task.learned.targets.subarray(at * classes, (at + 1) * classes), slot * classes);
    }
    return {
      [body.picture.name]: tensor('float32', [batch, 3, size, size], pictures),
      wanted: tensor('float32', [batch, classes], targets),
    };
  };
  const schedule = { steps, rate: setting.rates.head, warmUp: Math.ceil(steps / 10), flat: 0, last: 0 };
  let best: WholeSolution | undefined;
  let lowest = Number.POSITIVE_INFINITY;
  let worse = 0;
  try {
    await learn(trainer, schedule, feeds, {
      ...(run.signal && { signal: run.signal }),
      onStep: ({ step, loss }) => run.onNews?.({ phase: 'whole', step, steps, loss }),
      async after(step) {
        if (!looks.includes(step)) return true;
        const weights = trainer.average().slice();
        const logits = await judge.judge(weights);
        const calibrated = await calibrate({ kind, classes, logits, targets: task.heldOut.targets }, run);
        const { loss, score } = calibrated;
        if (logits.length > 0)
          run.onNews?.({
            phase: 'judged',
            step,
            steps,
            score,
            note: `${setting.name}: held-out log loss ${loss.toFixed(3)}`,
          });
        worse++;
        lowest = Math.min(lowest, loss);
        if (best === undefined || !(loss > clearly * lowest)) {
          best = { ...calibrated, look: step, logits, classifier: withWeights(start, split(weights, layout)) };
          worse = 0;
        }
        return worse < patience && step < looks.at(-1)!;
      },
    });
    return best!;
  } finally {
    await Promise.all([trainer.close(), judge.close()]);
  }
}

/** Says what networks of this layout score the pictures that are held out. */
async function judgeOf(
  { start, heldOut }: WholeTask,
  { runtime, size, body: bodyFor, read }: WholeTools,
  layout: Layout,
  { signal }: Run,
) {
  const { classes } = start;
  const body = await bodyFor(judgedAtOnce, false);
  const vector = input('parameters', 'float32', [layout.length]);
  const model = writeOnnx(graph({ scores: scores(body, start, cut(vector, layout)) }, [body.picture, vector]));
  const session = await runtime.load(model);
  const samples = gallery(
    heldOut.keys.map((key) => ({ key })),
    read,
    { side: size, room: rooms.heldOut },
  );
  return {
    async judge(parameters: Float32Array): Promise<Float32Array> {
      const logits = new Float32Array(samples.length * classes);
      for (let at = 0; at < samples.length; at += judgedAtOnce) {
        const some = samples.slice(at, at + judgedAtOnce);
        const pictures = new Float32Array(judgedAtOnce * 3 * size * size);
        for (const [slot, sample] of some.entries())
          drawView(await sample.pixels(), size, plainView, size, pictures, slot * 3 * size * size);
        signal?.throwIfAborted();
        const { scores: found } = await session.run({
          [body.picture.name]: tensor('float32', [judgedAtOnce, 3, size, size], pictures),
          parameters: tensor('float32', [layout.length], parameters),
        });
        logits.set((found!.data as Float32Array).subarray(0, some.length * classes), at * classes);
      }
      return logits;
    },
    close: () => session.close(),
  };
}
