/** Steps of fine-tuning a whole network of MobileNetV2's layout (Sandler et al., CVPR 2018, table 2), without normalisation layers. */

import { random } from '../../../src/base/random.ts';
import {
  add,
  flatten,
  globalAveragePool,
  logSoftmax,
  matMul,
  mul,
  neg,
  reduceMean,
  reduceSum,
  relu,
} from '../../../src/vision/graph/build.ts';
import { apply, input, type Node } from '../../../src/vision/graph/graph.ts';
import { elements, tensor } from '../../../src/vision/graph/tensor.ts';
import { ortRuntime } from '../../../src/vision/runtime/ort.ts';
import { layoutOf } from '../../../src/vision/train/layout.ts';
import { momentum } from '../../../src/vision/train/optimizer.ts';
import { createTrainer } from '../../../src/vision/train/step.ts';
import { serveSide } from '../side.ts';

/** Expansion, channels, blocks, stride of the first. */
const stages = [
  [1, 16, 1, 1],
  [6, 24, 2, 2],
  [6, 32, 3, 2],
  [6, 64, 4, 2],
  [6, 96, 3, 1],
  [6, 160, 3, 2],
  [6, 320, 1, 1],
] as const;
const classes = 20;

type Weights = Readonly<Record<string, Node>>;
type Layer = (x: Node, weights: Weights) => Node;

/** The network, and the shapes of its weights. */
function mobileNet(): { readonly shapes: Record<string, number[]>; readonly logits: Layer } {
  const shapes: Record<string, number[]> = {};
  const layers: Layer[] = [];
  const convolution = (
    inputs: number,
    outputs: number,
    kernel: number,
    stride: number,
    group: number,
    positive: boolean,
  ): Layer => {
    const name = String(Object.keys(shapes).length);
    shapes[name] = [outputs, inputs / group, kernel, kernel];
    shapes[`${name}.bias`] = [outputs];
    const around = (kernel - 1) / 2;
    return (x, weights) => {
      const y = apply('Conv', [x, weights[name]!, weights[`${name}.bias`]!], {
        strides: [stride, stride],
        pads: [around, around, around, around],
        dilations: [1, 1],
        group,
      });
      return positive ? relu(y) : y;
    };
  };
  layers.push(convolution(3, 32, 3, 2, 1, true));
  let channels = 32;
  for (const [expansion, outputs, blocks, first] of stages)
    for (let block = 0; block < blocks; block++) {
      const [stride, inner] = [block === 0 ? first : 1, channels * expansion];
      const parts = [
        ...(expansion > 1 ? [convolution(channels, inner, 1, 1, 1, true)] : []),
        convolution(inner, inner, 3, stride, inner, true),
        convolution(inner, outputs, 1, 1, 1, false),
      ];
      const around = stride === 1 && channels === outputs;
      layers.push((x, weights) => {
        const y = parts.reduce((value, part) => part(value, weights), x);
        return around ? add(x, y) : y;
      });
      channels = outputs;
    }
  layers.push(convolution(channels, 1280, 1, 1, 1, true));
  shapes.last = [1280, classes];
  shapes['last.bias'] = [classes];
  return {
    shapes,
    logits(x, weights) {
      const features = flatten(globalAveragePool(layers.reduce((value, layer) => layer(value, weights), x)));
      return add(matMul(features, weights.last!), weights['last.bias']!);
    },
  };
}

serveSide<{ batch: number; size: number; threads: number }, undefined, number>(async ({ batch, size, threads }) => {
  const { shapes, logits } = mobileNet();
  const layout = layoutOf(shapes);
  const draw = random('bench', 'step');
  const start = new Float32Array(layout.length);
  for (const { shape, from } of Object.values(layout.parts)) {
    if (shape.length === 1) continue;
    const inputs = shape.length === 4 ? elements(shape.slice(1)) : shape[0]!;
    for (let i = 0; i < elements(shape); i++) start[from + i] = draw.normal() / Math.sqrt(inputs);
  }
  const pictures = input('pictures', 'float32', [batch, 3, size, size]);
  const targets = input('targets', 'float32', [batch, classes]);
  const plan = {
    layout,
    start,
    inputs: [pictures, targets],
    loss: (weights: Weights) => ({
      loss: neg(reduceMean(reduceSum(mul(targets, logSoftmax(logits(pictures, weights))), [1]))),
    }),
    optimizer: momentum(),
  };
  const trainer = await createTrainer(ortRuntime(), plan, threads);
  const feeds = {
    pictures: tensor(
      'float32',
      [batch, 3, size, size],
      Float32Array.from({ length: batch * 3 * size * size }, () => draw.uniform(-1, 1)),
    ),
    targets: tensor(
      'float32',
      [batch, classes],
      Float32Array.from({ length: batch * classes }, (_, i) =>
        i % classes === Math.floor(i / classes) % classes ? 1 : 0,
      ),
    ),
  };
  return {
    /** Pictures a second. */
    async round() {
      const begun = performance.now();
      await trainer.step({ feeds, rate: 1e-3 });
      return batch / ((performance.now() - begun) / 1000);
    },
    close: () => trainer.close(),
  };
});
