import { sigmoid } from '../graph/build.ts';
import type { Graph, InputNode, Node } from '../graph/graph.ts';
import { input } from '../graph/graph.ts';
import { type Learnable, learnable } from '../train/learnable.ts';
import { withoutFirstLayers } from '../train/whole.ts';
import { strides } from './cells.ts';
import { type HeadOutput, head } from './head.ts';

/** A backbone as a detector uses it, for pictures of one size, so many at a time. */
export interface DetectorBody {
  /** [N, 3, size, size], pixel / 127.5 - 1 */
  readonly picture: InputNode;
  readonly network: Learnable;
  /** Names of the weights that are learned too when the backbone is: all but those of the first layers. */
  readonly learned: readonly string[];
  /** The maps of every stride, finest first, with some weights replaced. */
  maps(weights: Readonly<Record<string, Node>>): Node[];
}

/** The names under which backbones give out the maps that detectors look at. */
const mapNames = strides.map((stride) => `stride${stride}`);
/** Layers up to maps this many pixels apart stay as they are. */
const stemStride = 4;

/** A backbone that was read for pictures of `size` pixels, `count` at a time, made the body of a detector. */
export function detectorBody(backbone: Graph, count: number, size: number): DetectorBody {
  const picture = input('picture', 'float32', [count, 3, size, size]);
  const network = learnable(backbone);
  return {
    picture,
    network,
    learned: withoutFirstLayers(backbone, network, mapNames, { size, stride: stemStride }),
    maps(weights) {
      const outputs = network.with(weights, () => picture);
      return mapNames.map((name) => outputs[name]!);
    },
  };
}

/** What the whole network says of pictures: `scores` [N, C, P] 0..1 and `sides` [N, 4, P] as {@link HeadOutput}. */
export function answers(maps: readonly Node[], weights: Readonly<Record<string, Node>>): Record<string, Node> {
  const { logits, sides }: HeadOutput = head(maps, weights);
  return { scores: sigmoid(logits), sides };
}
