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
import { type DetectorPlan, type DetectorTools, qualityAt } from './plan.ts';
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
/** What was learned is looked at after these parts of all steps. */
const looks = [0.5, 0.75, 1];

/**
 * Head and backbone learn together, all but the backbone's first layers, on ever new views of the pictures. `look` is
 * shown what was learned three times.
 */
export async function learnWhole(
  start: Readonly<Record<string, Tensor>>,
  samples: readonly Sample[],
  classes: number,
  cells: Cells,
  { size, steps: { whole: steps } }: DetectorPlan,
  tools: DetectorTools,
  run: LoopRun & { look(weights: Readonly<Record<string, Tensor>>): Promise<void> },
): Promise<void> {
  const body = await tools.body(batch, size);
  const all = { ...body.network.weights, ...start };
  const layout = weightLayout(all, [...body.learned, ...Object.keys(start)]);
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
  const draw = batches(batch, (round) => random('detector', 'whole', round).order(samples.length));
  const feeds = async (step: number): Promise<Record<string, Tensor>> => {
    const wanted = emptyTargets(batch, classes, cells);
    const pictures = new Float32Array(batch * 3 * size * size);
    for (const [slot, at] of draw.next().value.entries()) {
      const sample = samples[at]!;
      const view = randomView(views, random('detector', 'view', step, slot));
      drawView(await sample.pixels(), sample.side, view, size, pictures, slot * 3 * size * size);
      const { marked, unsure } = seen(sample.marked, view, size);
      assign(wanted, slot, marked, unsure, cells);
    }
    const picture = tensor('float32', [batch, 3, size, size], pictures);
    return { picture, ...targetFeeds(wanted, { count: batch, classes, quality: qualityAt(step, steps) }) };
  };
  const looked = new Set(looks.map((part) => Math.round(part * steps)));
  try {
    await learn(trainer, { steps, rate: headRate, warmUp: 50, flat: 0.5, last: 0.05 }, feeds, {
      ...run,
      async after(step) {
        if (looked.has(step)) await run.look(split(trainer.average().slice(), layout));
      },
    });
  } finally {
    await trainer.close();
  }
}
