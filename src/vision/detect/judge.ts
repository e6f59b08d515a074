import type { Run } from '../../base/run.ts';
import { graph, input } from '../graph/graph.ts';
import { type Tensor, tensor } from '../graph/tensor.ts';
import { drawView, plainView } from '../image/augment.ts';
import type { Found } from '../image/box.ts';
import { detectionPerformance } from '../metrics/detection.ts';
import type { Session } from '../runtime/runtime.ts';
import { cut, join, type Layout } from '../train/layout.ts';
import { weightLayout } from '../train/whole.ts';
import type { Cells } from './cells.ts';
import { decode } from './decode.ts';
import type { Sample } from './detector.ts';
import { answers } from './network.ts';
import type { DetectorTools } from './plan.ts';

const batch = 4;

/** What was found in the held-out pictures, and how well: mean average precision at an overlap of 0.5. */
export interface Verdict {
  readonly found: readonly (readonly Found[])[];
  readonly score: number;
}

/** Judges weights by pictures that are held out. */
export interface Judge {
  judge(weights: Readonly<Record<string, Tensor>>): Promise<Verdict>;
  close(): Promise<void>;
}

/** A judge with these pictures. */
export async function judgeBy(
  samples: readonly Sample[],
  classes: number,
  cells: Cells,
  tools: DetectorTools,
  { signal }: Run,
): Promise<Judge> {
  const { size } = cells;
  const body = await tools.body(batch, size);
  // One session for each set of weights: of the head alone, of the whole.
  const sessions = new Map<string, { readonly session: Session; readonly layout: Layout }>();
  const sessionFor = async (weights: Readonly<Record<string, Tensor>>) => {
    const names = Object.keys(weights).join();
    const known = sessions.get(names);
    if (known !== undefined) return known;
    const layout = weightLayout(weights);
    const vector = input('parameters', 'float32', [layout.length]);
    const parts = cut(vector, layout);
    const network = graph(answers(body.maps(parts), parts), [body.picture, vector]);
    const made = { session: await tools.runtime.compile(network, { threads: tools.threads }), layout };
    sessions.set(names, made);
    return made;
  };
  return {
    async judge(weights) {
      const { session, layout } = await sessionFor(weights);
      const parameters = tensor('float32', [layout.length], join(weights, layout));
      const found: Found[][] = [];
      for (let at = 0; at < samples.length; at += batch) {
        const some = samples.slice(at, at + batch);
        const pictures = new Float32Array(batch * 3 * size * size);
        for (const [slot, sample] of some.entries())
          drawView(await sample.pixels(), sample.side, plainView, size, pictures, slot * 3 * size * size);
        signal?.throwIfAborted();
        const picture = tensor('float32', [batch, 3, size, size], pictures);
        const { scores, sides } = await session.run({ picture, parameters });
        some.forEach((_, slot) => {
          found.push(decode(scores!.data as Float32Array, sides!.data as Float32Array, slot, classes, cells));
        });
      }
      const judged = samples.map(({ marked }, i) => ({ marked, found: found[i]! }));
      const figures = detectionPerformance(judged, classes, { threshold: 0.5, overlapThreshold: 0.5 });
      return { found, score: figures.averagePrecision };
    },
    async close() {
      for (const { session } of sessions.values()) await session.close();
    },
  };
}
