import type { Random } from '../../base/random.ts';
import { add, concat, expand, relu, reshape } from '../graph/build.ts';
import type { Node } from '../graph/graph.ts';
import { apply } from '../graph/graph.ts';
import { fixedShape } from '../graph/shapes.ts';
import { type Tensor, tensor } from '../graph/tensor.ts';
import { strides } from './cells.ts';

/** Channels inside the head. */
const width = 64;
/** Deviation of the last layers' weights at first: what they say then is their bias. */
const quiet = 0.01;

/** Mean and deviation of each channel of a map, over many pictures. */
export interface ChannelStatistics {
  readonly mean: Float32Array;
  readonly deviation: Float32Array;
}

/** What the head begins with. */
export interface HeadStart {
  /** Of each level's map, finest first. */
  readonly channels: readonly ChannelStatistics[];
  /** Of each label: the part of the cells that stand for it, 0..1. */
  readonly frequency: readonly number[];
  /** Of each level: left, top, right and bottom as they mostly are, in strides. */
  readonly sides: readonly (readonly number[])[];
  readonly random: Random;
}

/** The head's weights at first, by name: each channel of the maps evened out, the answers those that are most likely. */
export function headWeights({ channels, frequency, sides, random }: HeadStart): Record<string, Tensor> {
  const normal = (shape: readonly number[], deviation: number): Tensor =>
    tensor(
      'float32',
      shape,
      Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => deviation * random.normal()),
    );
  const zeros = (length: number): Tensor => tensor('float32', [length], new Float32Array(length));
  // He et al., Delving deep into rectifiers, ICCV 2015, eq. 10.
  const he = (outputs: number, inputs: number, kernel: number): Tensor =>
    normal([outputs, inputs, kernel, kernel], Math.sqrt(2 / (inputs * kernel * kernel)));
  const weights: Record<string, Tensor> = {};
  channels.forEach((statistics, level) => {
    const { weights: own, bias } = evened(he(width, statistics.mean.length, 1), statistics);
    weights[`lateral${level}.weights`] = own;
    weights[`lateral${level}.bias`] = bias;
  });
  for (const name of ['shared', 'label', 'side']) {
    weights[`${name}.weights`] = he(width, width, 3);
    weights[`${name}.bias`] = zeros(width);
  }
  channels.forEach((_, level) => {
    weights[`labels${level}.weights`] = normal([frequency.length, width, 1, 1], quiet);
    weights[`labels${level}.bias`] = tensor(
      'float32',
      [frequency.length],
      Float32Array.from(frequency, (p) => Math.log(p / (1 - p))),
    );
    weights[`sides${level}.weights`] = normal([4, width, 1, 1], quiet);
    weights[`sides${level}.bias`] = tensor('float32', [4], Float32Array.from(sides[level]!, Math.log));
  });
  return weights;
}

/** A layer that first takes the mean of each channel away and divides by its deviation: W x/d and b - W m/d. */
function evened(layer: Tensor, { mean, deviation }: ChannelStatistics): { weights: Tensor; bias: Tensor } {
  const [outputs, inputs] = layer.shape as readonly [number, number];
  const values = (layer.data as Float32Array).slice();
  const bias = new Float32Array(outputs);
  for (let o = 0; o < outputs; o++)
    for (let i = 0; i < inputs; i++) {
      values[o * inputs + i]! /= deviation[i]!;
      bias[o]! -= values[o * inputs + i]! * mean[i]!;
    }
  return { weights: tensor('float32', layer.shape, values), bias: tensor('float32', [outputs], bias) };
}

/** What the head says of P cells, in the order of `cellsOf`. */
export interface HeadOutput {
  /** [N, C, P]: by how much each label is likely, as a logit. */
  readonly logits: Node;
  /** [N, 4, P]: natural logarithms of the distances to left, top, right and bottom in strides. */
  readonly sides: Node;
}

const convolved = (x: Node, weights: Readonly<Record<string, Node>>, name: string, around = 0): Node =>
  apply('Conv', [x, weights[`${name}.weights`]!, weights[`${name}.bias`]!], {
    strides: [1, 1],
    pads: [around, around, around, around],
    dilations: [1, 1],
    group: 1,
  });

/** Twice as many pixels each way: each four times. */
function doubled(x: Node): Node {
  const [n, c, h, w] = fixedShape(x.shape, 'a map') as readonly [number, number, number, number];
  return reshape(expand(reshape(x, [n, c, h, 1, w, 1]), [n, c, h, 2, w, 2]), [n, c, 2 * h, 2 * w]);
}

/**
 * The head over the backbone's maps [N, C, size/stride, size/stride], finest first. What coarse maps know is handed
 * down to finer ones (Lin et al., Feature pyramid networks, CVPR 2017, figure 3); all levels share their 3x3 layers.
 */
export function head(maps: readonly Node[], weights: Readonly<Record<string, Node>>): HeadOutput {
  const levels = maps.map((map, level) => relu(convolved(map, weights, `lateral${level}`)));
  for (let level = levels.length - 2; level >= 0; level--)
    levels[level] = add(levels[level]!, doubled(levels[level + 1]!));
  const flat = (x: Node): Node => {
    const [n, c, h, w] = fixedShape(x.shape, 'a map') as readonly [number, number, number, number];
    return reshape(x, [n, c, h * w]);
  };
  const logits: Node[] = [];
  const sides: Node[] = [];
  levels.forEach((level, at) => {
    const shared = relu(convolved(level, weights, 'shared', 1));
    logits.push(flat(convolved(relu(convolved(shared, weights, 'label', 1)), weights, `labels${at}`)));
    sides.push(flat(convolved(relu(convolved(shared, weights, 'side', 1)), weights, `sides${at}`)));
  });
  return { logits: concat(logits, 2), sides: concat(sides, 2) };
}

/** How many maps the head needs. */
export const levelCount = strides.length;
