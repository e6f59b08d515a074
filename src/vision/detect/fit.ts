import { random } from '../../base/random.ts';
import type { Run } from '../../base/run.ts';
import type { Tensor } from '../graph/tensor.ts';
import { gallery } from '../image/gallery.ts';
import { cellsOf } from './cells.ts';
import type { DetectorFit, DetectorSet } from './detector.ts';
import { headWeights } from './head.ts';
import { holdOut } from './held-out.ts';
import { judgeBy } from './judge.ts';
import { learnHead } from './learn-head.ts';
import { learnWhole } from './learn-whole.ts';
import { mapsOf } from './maps.ts';
import { commonly } from './odds.ts';
import type { DetectorPlan, DetectorTools } from './plan.ts';

/** Pictures to learn from are kept this much larger than they are looked at: views show parts of them. */
const spare = 1.3;
/** A step of head and backbone takes about so many times as long as one of the head. */
const wholeStep = 3;

/** Bytes that decoded pictures may take. */
const rooms = { heldOut: 1e8, learned: 4e8 };

/**
 * Learns a detector: first the head on the backbone as it is, then both together, on pictures seen in ever new parts
 * and light. A fifth of the pictures is held out, as `held-out.ts` says; the point to stop at is the one that does best by those. A function of
 * the set, its keys and the plan: no step looks at a clock. The score it tells is the mean average precision.
 * @throws AppError `TrainingDiverged`; the signal's reason when aborted, after the step in hand.
 */
export async function fitDetector(
  { classes, pictures, read }: DetectorSet,
  plan: DetectorPlan,
  tools: DetectorTools,
  run: Run = {},
): Promise<DetectorFit> {
  const cells = cellsOf(plan.size);
  const { learned, heldOut: judges } = holdOut(pictures, classes);
  const heldOut = gallery(judges, read, { side: plan.size, room: rooms.heldOut });
  const all = plan.steps.head + wholeStep * plan.steps.whole;
  let done = 0;
  const loop = (phase: 'head' | 'whole', worth: number) => ({
    ...(run.signal && { signal: run.signal }),
    onStep({ step, steps, loss }: { readonly step: number; readonly steps: number; readonly loss: number }) {
      done += worth;
      run.onProgress?.(Math.min(1, done / all));
      run.onNews?.({ phase, step, steps, loss });
    },
  });
  const judge = await judgeBy(heldOut, classes, cells, tools, run);
  const judged = async (weights: Readonly<Record<string, Tensor>>) => {
    const verdict = await judge.judge(weights);
    run.onNews?.({ phase: 'judged', score: verdict.score });
    return { weights, ...verdict };
  };
  try {
    const maps = await mapsOf(gallery(learned, read, { side: plan.size, room: 0 }), plan, tools, run);
    const start = headWeights({
      channels: maps.statistics,
      ...commonly(
        learned.map(({ marked }) => marked),
        classes,
        cells,
      ),
      random: random('detector', 'start'),
    });
    const own = await learnHead(start, maps, learned, classes, cells, plan, tools, loop('head', 1));
    let best = await judged(own);
    const larger = gallery(learned, read, { side: Math.round(plan.size * spare), room: rooms.learned });
    await learnWhole(own, larger, classes, cells, plan, tools, {
      ...loop('whole', wholeStep),
      async look(weights) {
        const now = await judged(weights);
        if (now.score > best.score) best = now;
      },
    });
    return {
      detector: { classes, size: plan.size, weights: best.weights },
      heldOut: Object.fromEntries(heldOut.map(({ key }, i) => [key, best.found[i]!])),
    };
  } finally {
    await judge.close();
  }
}
