import { random } from '../../base/random.ts';
import { input } from '../graph/graph.ts';
import { elements, type Tensor, tensor } from '../graph/tensor.ts';
import { plainView } from '../image/augment.ts';
import { batches } from '../train/batches.ts';
import { join, split } from '../train/layout.ts';
import { type LoopRun, learn } from '../train/loop.ts';
import { adamW } from '../train/optimizer.ts';
import { createTrainer } from '../train/step.ts';
import { decayOf, weightLayout } from '../train/whole.ts';
import { assign, emptyTargets } from './assign.ts';
import { targetFeeds, targetInputs } from './batch.ts';
import type { Cells } from './cells.ts';
import { head } from './head.ts';
import { detectionLoss } from './loss.ts';
import type { Maps } from './maps.ts';
import { type DetectorPlan, type DetectorTools, qualityAt } from './plan.ts';
import { seen } from './seen.ts';

const batch = 16;

/** The head's weights after it learned from maps that stay as they are; `start`: what it begins with. */
export async function learnHead(
  start: Readonly<Record<string, Tensor>>,
  maps: Maps,
  classes: number,
  cells: Cells,
  { steps: { head: steps } }: DetectorPlan,
  tools: DetectorTools,
  run: LoopRun,
): Promise<Record<string, Tensor>> {
  const layout = weightLayout(start);
  const inputs = maps.levels.map(({ shape }, level) => input(`map${level}`, 'float32', [batch, ...shape]));
  const targets = targetInputs(batch, classes, cells);
  const trainer = await createTrainer(
    tools.runtime,
    {
      layout,
      start: join(start, layout),
      inputs: [...inputs, ...targets.all],
      loss: (weights) => detectionLoss(head(inputs, weights), targets),
      optimizer: adamW(),
      decay: decayOf(layout),
      home: new Float32Array(layout.length),
      clip: 10,
      averaged: true,
    },
    tools.threads,
  );
  const views = 2 * maps.pictures.length;
  const draw = batches(batch, (round) => random('detector', 'head', round).order(views));
  const feeds = (step: number): Record<string, Tensor> => {
    const wanted = emptyTargets(batch, classes, cells);
    const drawn = draw.next().value;
    drawn.forEach((at, slot) => {
      const view = { ...plainView, mirrored: at % 2 === 1 };
      const { marked, unsure } = seen(maps.pictures[at >> 1]!.marked, view, cells.size);
      assign(wanted, slot, marked, unsure, cells);
    });
    const fed = targetFeeds(wanted, { count: batch, classes, quality: qualityAt(step, steps) });
    maps.levels.forEach(({ shape, data }, level) => {
      const length = elements(shape);
      const joined = new Float32Array(batch * length);
      drawn.forEach((at, slot) => {
        joined.set(data.subarray(at * length, (at + 1) * length), slot * length);
      });
      fed[`map${level}`] = tensor('float32', [batch, ...shape], joined);
    });
    return fed;
  };
  try {
    await learn(trainer, { steps, rate: 1.5e-3, warmUp: 20, flat: 0, last: 0.2 }, feeds, run);
    return split(trainer.average().slice(), layout);
  } finally {
    await trainer.close();
  }
}
