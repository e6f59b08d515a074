/** A detector: how long it takes and how much memory to learn one, how well it does, and how long one picture takes it. */
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { readBackbone } from '../../../src/vision/backbone/load.ts';
import { builtIn } from '../../../src/vision/backbone/registry.ts';
import type { Detector } from '../../../src/vision/detect/detector.ts';
import { fitDetector } from '../../../src/vision/detect/fit.ts';
import { detectorBody } from '../../../src/vision/detect/network.ts';
import type { DetectorPlan } from '../../../src/vision/detect/plan.ts';
import { readyDetector } from '../../../src/vision/detect/run.ts';
import type { Marked } from '../../../src/vision/image/box.ts';
import { detectionPerformance, type JudgedPicture, matchesOf } from '../../../src/vision/metrics/detection.ts';
import { ortRuntime } from '../../../src/vision/runtime/ort.ts';
import { serveSide } from '../side.ts';

/** A file and what is marked in it. */
export interface MarkedFile {
  readonly file: string;
  readonly marked: readonly Marked[];
}

/** What is learned from, and by what it is judged; chance and the split go by `seed`. */
export interface DetectorTask {
  readonly plan: DetectorPlan;
  readonly classes: number;
  readonly learned: readonly MarkedFile[];
  readonly test: readonly MarkedFile[];
  readonly seed: string;
}

/** What came out. */
export interface DetectorResult {
  readonly seconds: number;
  /** Most memory of the process so far, in GB. */
  readonly memory: number;
  /** Mean average precision on `test`, by all points and by COCO's 101; and by all points of each class. */
  readonly score: number;
  readonly cocoScore: number;
  readonly perClass: readonly number[];
  /** Milliseconds for each picture of `test`, decoding included. */
  readonly milliseconds: readonly number[];
}

serveSide<undefined, DetectorTask, DetectorResult>(async () => {
  const threads = availableParallelism();
  const runtime = ortRuntime();
  const body = async (count: number, size: number) =>
    detectorBody(await readBackbone(builtIn, size, count), count, size);
  const judge = async (detector: Detector, test: readonly MarkedFile[]) => {
    const ready = await readyDetector(runtime, detector, await body(1, detector.size));
    const milliseconds: number[] = [];
    const judged: JudgedPicture[] = [];
    for (const { file, marked } of test) {
      const bytes = readFileSync(file);
      const begun = performance.now();
      judged.push({ marked, found: await ready.find(bytes) });
      milliseconds.push(performance.now() - begun);
    }
    await ready.close();
    const at = { threshold: 0.5, overlapThreshold: 0.5 };
    const coco = Array.from({ length: detector.classes }, (_, label) => cocoPrecision(judged, label));
    return {
      milliseconds,
      figures: detectionPerformance(judged, detector.classes, at),
      cocoScore: coco.reduce((sum, one) => sum + one, 0) / coco.length,
    };
  };
  return {
    async round({ plan, classes, learned, test, seed }) {
      const pictures = learned.map(({ file, marked }) => ({ key: `${seed}${file}`, marked }));
      const read = async (key: string) => readFileSync(key.slice(seed.length));
      const begun = performance.now();
      const { detector } = await fitDetector({ classes, pictures, read }, plan, { runtime, threads, body });
      const seconds = (performance.now() - begun) / 1000;
      const { milliseconds, figures, cocoScore } = await judge(detector, test);
      return {
        seconds,
        memory: process.resourceUsage().maxRSS / 1e6,
        score: figures.averagePrecision,
        cocoScore,
        perClass: figures.perClass.map(({ averagePrecision }) => averagePrecision),
        milliseconds,
      };
    },
  };
});

/** Average precision as COCO's evaluation takes it: the mean of the precision at recall 0, 0.01 … 1 (cocoeval.py). */
function cocoPrecision(judged: readonly JudgedPicture[], label: number): number {
  const each = judged.map((picture) => matchesOf(picture, label, 0.5));
  const marked = each.reduce((sum, one) => sum + one.marked, 0);
  const ranked = each
    .flatMap(({ scores, right }) => scores.map((score, at) => ({ score, right: right[at]! })))
    .sort((a, b) => b.score - a.score);
  let hits = 0;
  const curve = ranked.map((one, at) => {
    hits += one.right;
    return { recall: hits / marked, precision: hits / (at + 1) };
  });
  const best = (recall: number): number =>
    curve.reduce((most, one) => (one.recall >= recall ? Math.max(most, one.precision) : most), 0);
  return Array.from({ length: 101 }, (_, at) => best(at / 100)).reduce((sum, one) => sum + one, 0) / 101;
}
