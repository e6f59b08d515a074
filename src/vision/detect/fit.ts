import { random } from '../../base/random.ts';
import type { Run } from '../../base/run.ts';
import type { Tensor } from '../graph/tensor.ts';
import { gallery } from '../image/gallery.ts';
import type { LoopRun } from '../train/loop.ts';
import { calibrated, calibration } from './calibrate.ts';
import { type Cells, cellsOf } from './cells.ts';
import type { DetectorFit, DetectorSet } from './detector.ts';
import { headWeights } from './head.ts';
import { holdOut } from './held-out.ts';
import { judgeBy } from './judge.ts';
import { learnHead } from './learn-head.ts';
import { laps, learnWhole } from './learn-whole.ts';
import { mapsOf } from './maps.ts';
import { commonly } from './odds.ts';
import type { DetectorPlan, DetectorTools } from './plan.ts';

/** Pictures to learn from are kept this much larger than they are looked at: views show parts of them. */
const spare = 1.3;
/** A step of head and backbone takes about so many times as long as one of the head. */
const wholeStep = 3;
/** And the maps of one picture about so many. */
const pictureWorth = 0.1;

type Weights = Readonly<Record<string, Tensor>>;

/** Bytes that decoded pictures may take. */
const rooms = { heldOut: 1e8, learned: 4e8 };

/** What the last steps, on all pictures, may cost on those that were held out, which are then known: more is a failure. */
const dearest = 0.02;

/**
 * Learns a detector: first the head on the backbone as it is, then both together, on pictures seen in ever new parts
 * and light. Some pictures are held out, as `held-out.ts` says: the point to stop at is the one that does best by those,
 * its scores are made probabilities by them, and what is told of it is what it finds in them. Then come a few small steps
 * on all pictures, which are kept unless they do harm. A function of the set, its keys and the plan, unless that
 * sets a time and it is up. The score it tells is the mean average precision.
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
  const { first, last } = laps(plan);
  const whole = first.steps + last.steps;
  const all = pictureWorth * learned.length + plan.steps.head + wholeStep * whole;
  let done = 0;
  const ahead = (worth: number): void => {
    done += worth;
    run.onProgress?.(Math.min(1, done / all));
  };
  const end = plan.seconds === undefined ? undefined : performance.now() + 1000 * plan.seconds;
  const late = (): boolean => end !== undefined && performance.now() >= end;
  const loop = (phase: 'head' | 'whole', worth: number, before = 0, steps = plan.steps.head) => ({
    ...(run.signal && { signal: run.signal }),
    enough: late,
    onStep({ step, loss }: { readonly step: number; readonly loss: number }) {
      ahead(worth);
      run.onNews?.({ phase, step: before + step, steps, loss });
    },
  });
  const judge = await judgeBy(heldOut, classes, cells, tools, run);
  const judged = async (weights: Weights) => ({ weights, ...(await judge.judge(weights)) });
  const told = async (weights: Weights) => {
    const verdict = await judged(weights);
    run.onNews?.({ phase: 'judged', score: verdict.score });
    return verdict;
  };
  try {
    const looking: Run = {
      ...run,
      onNews(news) {
        ahead(pictureWorth);
        run.onNews?.(news);
      },
    };
    const own = await headFor({ classes, pictures: learned, read }, cells, plan, tools, looking, loop('head', 1));
    let best = await told(own);
    const side = Math.round(plan.size * spare);
    const larger = gallery(learned, read, { side, room: rooms.learned });
    await learnWhole(own, larger, classes, cells, first, tools, {
      ...loop('whole', wholeStep, 0, whole),
      async look(weights) {
        const now = await told(weights);
        if (now.score > best.score) best = now;
      },
    });
    const lines = calibration(
      heldOut.map(({ marked }, at) => ({ marked, found: best.found[at]! })),
      classes,
    );
    let { weights } = best;
    const everything = [...larger, ...gallery(judges, read, { side, room: rooms.heldOut })];
    await learnWhole(weights, everything, classes, cells, last, tools, {
      ...loop('whole', wholeStep, first.steps, whole),
      async look(later) {
        if ((await judged(later)).score >= best.score - dearest) weights = later;
      },
    });
    if (late()) run.onNews?.({ phase: 'judged', note: 'Time was up: what had learned best by then is used.' });
    const { found } = await judged(calibrated(best.weights, lines));
    return {
      detector: { classes, size: plan.size, weights: calibrated(weights, lines) },
      heldOut: Object.fromEntries(heldOut.map(({ key }, at) => [key, found[at]!])),
    };
  } finally {
    await judge.close();
  }
}

/** The head's weights after it learned on the backbone as it is. */
async function headFor(
  { classes, pictures, read }: DetectorSet,
  cells: Cells,
  plan: DetectorPlan,
  tools: DetectorTools,
  run: Run,
  loop: LoopRun,
): Promise<Weights> {
  const order = random('detector', 'maps').order(pictures.length);
  const shuffled = Array.from(order, (at) => pictures[at]!);
  const maps = await mapsOf(gallery(shuffled, read, { side: plan.size, room: 0 }), plan, tools, run);
  const marked = pictures.map((picture) => picture.marked);
  const start = headWeights({
    channels: maps.statistics,
    ...commonly(marked, classes, cells),
    random: random('detector', 'start'),
  });
  return learnHead(start, maps, classes, cells, plan, tools, loop);
}
