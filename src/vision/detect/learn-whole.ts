import { random } from '../../base/random.ts';
import { type Tensor, tensor } from '../graph/tensor.ts';
import { drawView, randomView, type ViewRange } from '../image/augment.ts';
import { batches } from '../train/batches.ts';
import { join, split } from '../train/layout.ts';
import { type LoopRun, learn } from '../train/loop.ts';
import { adamW } from '../train/optimizer.ts';
import { createTrainer } from '../train/step.ts';
import { decayOf, homeOf, ratesOf, weightLayout } from '../train/whole.ts';
import { assign, emptyTargets } from './assign.ts';
import { targetFeeds, targetInputs } from './batch.ts';
import type { Cells } from './cells.ts';
import type { Sample } from './detector.ts';
import { head } from './head.ts';
import { detectionLoss } from './loss.ts';
import { type DetectorPlan, type DetectorTools, lastPart, qualityAt } from './plan.ts';
import { seen } from './seen.ts';

const batch = 8;
const headRate = 7e-4;
/** How learned weights of the backbone may move against those of the head. */
const backboneRate = 2 / 7;
const views: ViewRange = {
  zoom: [1 / 1.5, 1 / 0.6],
  stretch: 1.12,
  shift: 0.2,
  mirror: true,
  brightness: 0.2,
  contrast: 0.4,
  saturation: 0.45,
  hue: 0.02,
};

/** One way through {@link learnWhole}. */
export interface Lap {
  /** Its name: chance depends on it. */
  readonly name: 'whole' | 'all';
  readonly steps: number;
  /** Smaller than usual by this factor are its steps, and there is no beginning in which boxes need not fit. */
  readonly pace: number;
  /** After these parts of the steps, 0..1, what was learned is looked at. */
  readonly looks: readonly number[];
}

/** Pictures are learned from first; then, where some were held out, for so many more steps, all of them are. */
export const laps = ({ steps: { whole } }: DetectorPlan): { readonly first: Lap; readonly last: Lap } => ({
  first: { name: 'whole', steps: whole, pace: 1, looks: [0.5, 0.75, 1] },
  last: { name: 'all', steps: Math.round(lastPart * whole), pace: 0.1, looks: [1] },
});

/**
 * Head and backbone learn together, all but the backbone's first layers, on ever new views of the pictures. `look` is
 * shown what was learned.
 */
export async function learnWhole(
  start: Readonly<Record<string, Tensor>>,
  samples: readonly Sample[],
  classes: number,
  cells: Cells,
  { name, steps, pace, looks }: Lap,
  tools: DetectorTools,
  run: LoopRun & { look(weights: Readonly<Record<string, Tensor>>): Promise<void> },
): Promise<void> {
  const { size } = cells;
  const body = await tools.body(batch, size);
  const all = { ...body.network.weights, ...start };
  const layout = weightLayout(all, [...new Set([...body.learned, ...Object.keys(start)])]);
  const begin = join(all, layout);
  const targets = targetInputs(batch, classes, cells);
  const trainer = await createTrainer(
    tools.runtime,
    {
      layout,
      start: begin,
      inputs: [body.picture, ...targets.all],
      loss: (weights) => detectionLoss(head(body.maps(weights), weights), targets),
      optimizer: adamW(),
      rates: ratesOf(layout, body.learned, all, backboneRate),
      decay: decayOf(layout),
      home: homeOf(layout, body.learned, begin),
      clip: 10,
      averaged: true,
    },
    tools.threads,
  );
  const draw = batches(batch, (round) => random('detector', name, round).order(samples.length));
  const feeds = async (step: number): Promise<Record<string, Tensor>> => {
    const wanted = emptyTargets(batch, classes, cells);
    const pictures = new Float32Array(batch * 3 * size * size);
    for (const [slot, at] of draw.next().value.entries()) {
      const sample = samples[at]!;
      const view = randomView(views, random('detector', name, 'view', step, slot));
      drawView(await sample.pixels(), sample.side, view, size, pictures, slot * 3 * size * size);
      const { marked, unsure } = seen(sample.marked, view, size);
      assign(wanted, slot, marked, unsure, cells);
    }
    const picture = tensor('float32', [batch, 3, size, size], pictures);
    return {
      picture,
      ...targetFeeds(wanted, { count: batch, classes, quality: pace < 1 ? 1 : qualityAt(step, steps) }),
    };
  };
  const looked = new Set(looks.map((part) => Math.round(part * steps)));
  try {
    await learn(
      trainer,
      { steps, rate: pace * headRate, warmUp: Math.min(50, Math.ceil(steps / 5)), flat: 0.5, last: 0.05 },
      feeds,
      {
        ...run,
        async after(step) {
          if (looked.has(step)) await run.look(split(trainer.average().slice(), layout));
        },
      },
    );
  } finally {
    await trainer.close();
  }
}
