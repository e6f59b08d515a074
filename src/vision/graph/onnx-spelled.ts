import { add, max, min, mul, pad, slice } from './build.ts';
import { apply, constant, type Node } from './graph.ts';
import type { OnnxSource } from './rule.ts';
import { numbersOf, type Tensor, tensorOf } from './tensor.ts';

/** Numbers for each channel of `x`, in a shape that fits its own. */
const perChannel = (x: Node, numbers: readonly number[]): Node =>
  constant(tensorOf('float32', [1, numbers.length, ...x.shape.slice(2).map(() => 1)], numbers));

/** factor x + offset, channel by channel: part of the convolution before where there is one. */
function scaled(x: Node, factor: readonly number[], offset: readonly number[]): Node {
  const fixed = (node: Node | undefined): Tensor | undefined => (node?.kind === 'constant' ? node.value : undefined);
  if (x.kind === 'op' && x.op === 'Conv') {
    const [picture, weights, bias] = x.inputs;
    const kernel = fixed(weights);
    const added = bias === undefined ? factor.map(() => 0) : fixed(bias) && Array.from(numbersOf(fixed(bias)!));
    if (kernel !== undefined && added !== undefined) {
      const each = numbersOf(kernel).length / factor.length;
      const folded = Array.from(numbersOf(kernel), (weight, at) => weight * factor[Math.floor(at / each)]!);
      const rest = added.map((number, channel) => number * factor[channel]! + offset[channel]!);
      const parts = [tensorOf('float32', kernel.shape, folded), tensorOf('float32', [rest.length], rest)];
      return apply('Conv', [picture!, ...parts.map(constant)], x.attributes as never);
    }
  }
  return add(mul(x, perChannel(x, factor)), perChannel(x, offset));
}

const between = (x: Node, least: number | undefined, most: number | undefined): Node => {
  const raised = least === undefined ? x : max(x, least);
  return most === undefined ? raised : min(raised, most);
};

/** Whether no element can be below 0, so that zeros around are never the largest. */
const isNotNegative = (x: Node): boolean =>
  x.kind === 'op' && (x.op === 'Relu' || (x.op === 'Min' && x.inputs.some(isNotNegative)) || isRaisedToZero(x));
const isRaisedToZero = (x: Node): boolean =>
  x.kind === 'op' &&
  x.op === 'Max' &&
  x.inputs.some((each) => each.kind === 'constant' && Array.from(numbersOf(each.value)).every((value) => value >= 0));

/**
 * Operators of ONNX that others of ours say: <https://onnx.ai/onnx/operators/>. As networks are used, not as they learn.
 */
export const spelledOut: Readonly<Record<string, (node: OnnxSource, x: Node) => Node>> = {
  Clip: (node, x) =>
    node.opset < 11
      ? between(x, node.float('min'), node.float('max'))
      : between(x, node.operand(1)?.[0], node.operand(2)?.[0]),
  LeakyRelu: (node, x) => add(max(x, 0), mul(min(x, 0), node.float('alpha') ?? 0.01)),
  HardSigmoid: (node, x) => between(add(mul(x, node.float('alpha') ?? 0.2), node.float('beta') ?? 0.5), 0, 1),
  HardSwish: (_, x) => mul(x, between(add(mul(x, 1 / 6), 0.5), 0, 1)),
  BatchNormalization(node, x) {
    const [scale, bias, mean, variance] = [1, 2, 3, 4].map((at) => node.operand(at));
    if (!scale || !bias || !mean || !variance || node.int('training_mode'))
      throw node.unsupported('only with the mean and variance it has learned');
    const tiny = node.float('epsilon') ?? 1e-5;
    const factor = scale.map((each, c) => each / Math.sqrt(variance[c]! + tiny));
    return scaled(
      x,
      factor,
      bias.map((each, c) => each - mean[c]! * factor[c]!),
    );
  },
  MaxPool(node, x) {
    const [kernel, strides = [1, 1], pads = [0, 0, 0, 0]] = [
      node.ints('kernel_shape'),
      node.ints('strides'),
      node.ints('pads'),
    ];
    const dilated = node.ints('dilations')?.some((each) => each !== 1);
    const auto = node.text('auto_pad') ?? 'NOTSET';
    if (kernel?.length !== 2 || dilated || node.int('ceil_mode') || !['NOTSET', 'VALID'].includes(auto))
      throw node.unsupported('only of images, without dilations, ceil_mode and auto_pad');
    if (pads.some((each) => each > 0) && !isNotNegative(x))
      throw node.unsupported('padding where elements may be below 0');
    const padded = pad(x, [0, 0, pads[0]!, pads[1]!], [0, 0, pads[2]!, pads[3]!]);
    const [height, width] = [Number(padded.shape[2]), Number(padded.shape[3])];
    const all = Number.MAX_SAFE_INTEGER;
    const [rows, columns] = [height - kernel[0]! + 1, width - kernel[1]! + 1];
    let largest: Node | undefined;
    for (let row = 0; row < kernel[0]!; row++)
      for (let column = 0; column < kernel[1]!; column++) {
        const ends = [all, all, row + rows, column + columns];
        const seen = slice(padded, [0, 0, row, column], ends, [1, 1, strides[0]!, strides[1]!]);
        largest = largest === undefined ? seen : max(largest, seen);
      }
    return largest!;
  },
};
