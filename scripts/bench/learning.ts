import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { inTurns, limitRow, median, type Row, ratioRow } from './compare.ts';
import { startSide } from './side.ts';
import type { DetectorResult, DetectorTask, MarkedFile } from './sides/detector.ts';

const step = { batch: 32, size: 128 };

/** A step of fine-tuning a whole network, against PyTorch's where Python has it. */
export async function stepRows(_: readonly string[], rounds: number): Promise<Row[]> {
  const threads = availableParallelism();
  const ours = await startSide('step', { ...step, threads });
  const rows: Row[] = [];
  for (const layout of ['plain', 'channels_last']) {
    const name = `fine-tune a MobileNetV2 at 128 px against PyTorch, ${layout}`;
    const peer = await torch(threads, layout);
    if (typeof peer === 'string') {
      rows.push({ name, ours: '', peer: '', result: peer, goal: '', ok: true, noise: undefined });
      continue;
    }
    const found = await inTurns(2 * rounds, () => ours.round<number>(), peer.round);
    peer.stop();
    const row = ratioRow(name, 'pictures/s', found.ours, found.peer, 1 / 0.9);
    // Its other layout is told for information.
    rows.push(layout === 'plain' ? row : { ...row, goal: '', ok: true });
  }
  await ours.stop();
  return rows;
}

/** The same step in PyTorch; or why not. */
async function torch(
  threads: number,
  layout: string,
): Promise<string | { round: () => Promise<number>; stop: () => void }> {
  const script = join(import.meta.dirname, 'sides', 'torch-step.py');
  for (const python of ['python3', '/usr/bin/python3']) {
    const args = [script, step.batch, step.size, threads, layout].map(String);
    const child = spawn(python, args, { stdio: ['pipe', 'pipe', 'ignore'] });
    const absent = new Promise<undefined>((resolve) => {
      child.once('error', () => resolve(undefined));
      child.once('exit', () => resolve(undefined));
    });
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const first = await Promise.race([lines.next(), absent]);
    if (first === undefined || first.done) continue;
    return {
      async round() {
        child.stdin.write('\n');
        return Number((await lines.next()).value);
      },
      stop: () => child.stdin.end(),
    };
  }
  return 'Python has no torch here';
}

/** A detector that learned a little: what that takes of memory, and how long one picture takes it. */
export async function detectorRows(files: readonly string[]): Promise<Row[]> {
  const marked = [{ left: 0.3, top: 0.3, width: 0.3, height: 0.4, label: 0 }];
  const once = files.map((file): MarkedFile => ({ file, marked }));
  // Links to the same files under other names: more than there is room for.
  const many = Array.from({ length: 8 }, (_, n) => once.map(({ file }) => ({ file: other(file, n), marked }))).flat();
  const side = await startSide('detector', undefined);
  const plan = { size: 320, steps: { head: 20, whole: 100 } };
  const task: DetectorTask = { plan, classes: 1, learned: many, test: once, seed: '' };
  const { memory, milliseconds } = await side.round<DetectorResult>(task);
  await side.stop();
  return [
    limitRow(`memory while a detector learns from ${many.length.toLocaleString('en')} pictures`, memory, 2, 'GB'),
    limitRow('detect in one picture of 640 x 480', median(milliseconds), 60, 'ms'),
  ];
}

/** The same file by another name. */
const other = (file: string, n: number): string => `${dirname(file)}/${'./'.repeat(n)}${basename(file)}`;

const names = ['WBC', 'RBC', 'Platelets'];
/** What is aimed at on two cores: so many seconds, and this mean average precision on the test list, mean of the seeds. */
const profiles = [
  { plan: { size: 320, steps: { head: 120, whole: 240 } }, seconds: 240, score: 0.72 },
  { plan: { size: 320, steps: { head: 200, whole: 800 } }, seconds: 720, score: 0.82 },
];

/**
 * Blood cells: the photographs of OWNSIGHT_SHARED/data/bccd, learned from the list `trainval`, judged once by `test`.
 * Takes three times sixteen minutes: only when asked for.
 */
export async function bloodCellRows(): Promise<Row[]> {
  const data = join(process.env.OWNSIGHT_SHARED ?? join(import.meta.dirname, '../../../shared'), 'data/bccd');
  if (!existsSync(data)) throw new Error(`expected the photographs of blood cells at ${data}`);
  const side = await startSide('detector', undefined);
  const rows: Row[] = [];
  for (const { plan, seconds, score } of profiles) {
    const found: DetectorResult[] = [];
    for (const seed of ['1', '2', '3']) {
      const task = {
        plan,
        classes: names.length,
        learned: bloodCells(data, 'trainval'),
        test: bloodCells(data, 'test'),
      };
      const result = await side.round<DetectorResult>({ ...task, seed } satisfies DetectorTask);
      found.push(result);
      const each = result.perClass.map((area, label) => `${names[label]} ${area.toFixed(3)}`).join(', ');
      console.log(
        `seed ${seed}: mAP@0.5 ${result.score.toFixed(4)} (${each}; by 101 points ${result.cocoScore.toFixed(4)}) in ${result.seconds.toFixed(0)} s`,
      );
    }
    const mean = found.reduce((sum, one) => sum + one.score, 0) / found.length;
    const what = `blood cells, ${plan.steps.head} + ${plan.steps.whole} steps at ${plan.size} px`;
    rows.push(limitRow(`${what}: time`, median(found.map((one) => one.seconds)), seconds, 's'), {
      ...limitRow(`${what}: mAP@0.5`, mean, score, ''),
      goal: `>= ${score}`,
      ok: mean >= score,
    });
  }
  await side.stop();
  return rows;
}

/** Pictures of a list with what is marked in them, by the rules of PASCAL VOC; boxes without area are left out. */
function bloodCells(data: string, list: string): MarkedFile[] {
  const lines = readFileSync(join(data, 'ImageSets/Main', `${list}.txt`), 'utf8')
    .trim()
    .split('\n');
  return lines.map((line) => {
    const id = line.trim();
    const xml = readFileSync(join(data, 'Annotations', `${id}.xml`), 'utf8');
    const number = (text: string, tag: string): number => Number(new RegExp(`<${tag}>(\\d+)`).exec(text)![1]);
    const [width, height] = [number(xml, 'width'), number(xml, 'height')];
    const marked = [...xml.matchAll(/<object>[\s\S]*?<\/object>/g)].map(([object]) => {
      const [left, right] = [number(object, 'xmin') / width, number(object, 'xmax') / width];
      const [top, bottom] = [number(object, 'ymin') / height, number(object, 'ymax') / height];
      const label = names.indexOf(/<name>(\w+)/.exec(object)![1]!);
      return { label, left, top, width: right - left, height: bottom - top };
    });
    return {
      file: join(data, 'JPEGImages', `${id}.jpg`),
      marked: marked.filter((box) => box.width > 0 && box.height > 0),
    };
  });
}
