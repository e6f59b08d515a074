import { type InputNode, input } from '../graph/graph.ts';
import { type Tensor, tensor } from '../graph/tensor.ts';
import type { Targets } from './assign.ts';
import type { Cells } from './cells.ts';
import type { TargetNodes } from './loss.ts';

/** The inputs of a training step that hold what ought to be found. */
export function targetInputs(
  count: number,
  classes: number,
  cells: Cells,
): TargetNodes & { readonly all: readonly InputNode[] } {
  const node = (name: string, channels: number) => input(name, 'float32', [count, channels, cells.count]);
  const nodes = {
    labels: node('labels', classes),
    sides: node('sides', 4),
    positive: node('positive', 1),
    counted: node('counted', 1),
    share: input('share', 'float32', []),
    quality: input('quality', 'float32', []),
  };
  return { ...nodes, all: Object.values(nodes) };
}

/** Targets as they are fed; `quality` as in {@link TargetNodes}. */
export function targetFeeds(
  targets: Targets,
  { count, classes, quality }: { readonly count: number; readonly classes: number; readonly quality: number },
): Record<string, Tensor> {
  const cells = targets.positive.length / count;
  const fed = (data: Float32Array, channels: number): Tensor => tensor('float32', [count, channels, cells], data);
  return {
    labels: fed(targets.labels, classes),
    sides: fed(targets.sides, 4),
    positive: fed(targets.positive, 1),
    counted: fed(targets.counted, 1),
    share: tensor('float32', [], Float32Array.of(1 / Math.max(1, targets.positives))),
    quality: tensor('float32', [], Float32Array.of(quality)),
  };
}
