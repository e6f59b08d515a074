import type { Attributes, OnnxSource, Rules, Values, Window } from '../rule.ts';
import { fixedDim, sharedDtype } from '../rule.ts';
import type { Dim, TensorType } from '../shapes.ts';
import { badGraph, shapeText, slide } from '../shapes.ts';

type Pair = readonly [number, number];
type Pads = Window['pads'];

function images(name: string, { shape }: TensorType): readonly [n: Dim, c: number, h: Dim, w: Dim] {
  if (shape.length !== 4) throw badGraph('[N, C, H, W]', name, shapeText(shape));
  return [shape[0]!, fixedDim(shape[1], `the channels of ${name}`), shape[2]!, shape[3]!];
}

function kernelOf(name: string, weights: TensorType): readonly [number, number, number, number] {
  const sizes = weights.shape.map((size) => fixedDim(size, `the weights of ${name}`));
  if (sizes.length !== 4) throw badGraph('weights of rank 4', name, shapeText(weights.shape));
  return sizes as unknown as readonly [number, number, number, number];
}

function checkBias(name: string, bias: TensorType | undefined, channels: number): void {
  if (bias && (bias.shape.length !== 1 || bias.shape[0] !== channels))
    throw badGraph(`a bias [${channels}]`, name, shapeText(bias.shape));
}

/** Calls back with every pair of positions a window joins: one in the larger plane, one in the smaller. */
function eachTap(
  large: Pair,
  small: Pair,
  kernel: Pair,
  { strides, pads, dilations }: Omit<Window, 'group'>,
  tap: (large: number, small: number, kernel: number) => void,
): void {
  for (let sy = 0; sy < small[0]; sy++) {
    for (let ky = 0; ky < kernel[0]; ky++) {
      const y = sy * strides[0] - pads[0] + ky * dilations[0];
      if (y < 0 || y >= large[0]) continue;
      for (let sx = 0; sx < small[1]; sx++) {
        for (let kx = 0; kx < kernel[1]; kx++) {
          const x = sx * strides[1] - pads[1] + kx * dilations[1];
          if (x >= 0 && x < large[1]) tap(y * large[1] + x, sy * small[1] + sx, ky * kernel[1] + kx);
        }
      }
    }
  }
}

const plane = ({ shape }: { readonly shape: readonly number[] }): Pair => [shape[2]!, shape[3]!];

/** Result starting from the bias of each channel, or zeros. */
function biased(shape: readonly number[], bias: Values | undefined): Float64Array {
  const [n, c, h, w] = shape as readonly [number, number, number, number];
  return Float64Array.from({ length: n * c * h * w }, (_, i) => bias?.data[Math.floor(i / (h * w)) % c] ?? 0);
}

const pair = (values: readonly number[] | undefined, otherwise: Pair): Pair =>
  values ? [values[0] ?? 1, values[1] ?? 1] : otherwise;

/** Zeros around the plane: written out, or by the rule SAME (as many places as the stride needs) or VALID (none). */
function readPads(node: OnnxSource, kernel: Pair, strides: Pair, dilations: Pair): Pads {
  const rule = node.text('auto_pad') ?? 'NOTSET';
  const pads = node.ints('pads') ?? [0, 0, 0, 0];
  if (pads.length !== 4 || pads.some((size) => size < 0))
    throw node.unsupported('its pads must be four, none negative');
  if (rule === 'NOTSET') return [pads[0]!, pads[1]!, pads[2]!, pads[3]!];
  if (rule === 'VALID') return [0, 0, 0, 0];
  const [first, second] = ([0, 1] as const).map((i) => {
    const size = node.inputs[0]!.shape[2 + i];
    if (typeof size !== 'number') throw node.unsupported(`${rule} needs a known image size`);
    const reach = (kernel[i] - 1) * dilations[i] + 1;
    const total = Math.max(0, (Math.ceil(size / strides[i]) - 1) * strides[i] + reach - size);
    const less = Math.floor(total / 2);
    return rule === 'SAME_LOWER' ? ([total - less, less] as const) : ([less, total - less] as const);
  }) as [Pair, Pair];
  return [first[0], second[0], first[1], second[1]];
}

function readWindow(node: OnnxSource): Window {
  const kernel = node.inputs[1]!.shape;
  if (node.inputs[0]!.shape.length !== 4 || kernel.length !== 4)
    throw node.unsupported('only images [N, C, H, W] are convolved');
  const strides = pair(node.ints('strides'), [1, 1]);
  const dilations = pair(node.ints('dilations'), [1, 1]);
  const size: Pair = [fixedDim(kernel[2], 'the kernel'), fixedDim(kernel[3], 'the kernel')];
  return { strides, dilations, group: node.int('group') ?? 1, pads: readPads(node, size, strides, dilations) };
}

/** Mean pooling as a window on every channel for itself. */
const poolWindow = ({ strides, pads }: Attributes['AveragePool']) => ({ strides, pads, dilations: [1, 1] as const });

/** Operations that slide a window over images [N, C, H, W]. */
export const convolve: Rules<'Conv' | 'ConvTranspose' | 'AveragePool'> = {
  Conv: {
    arity: [2, 3],
    infer(inputs, { strides, pads, dilations, group }) {
      const [n, c, h, w] = images('Conv', inputs[0]!);
      const [o, perGroup, kh, kw] = kernelOf('Conv', inputs[1]!);
      if (group < 1 || perGroup * group !== c || o % group !== 0) {
        throw badGraph(`weights [O, ${c}/${group}, h, w]`, 'Conv', shapeText(inputs[1]!.shape));
      }
      checkBias('Conv', inputs[2], o);
      const height = slide(
        h,
        { kernel: kh, stride: strides[0], dilation: dilations[0], padding: pads[0] + pads[2] },
        'the height of Conv',
      );
      const width = slide(
        w,
        { kernel: kw, stride: strides[1], dilation: dilations[1], padding: pads[1] + pads[3] },
        'the width of Conv',
      );
      return { dtype: sharedDtype(inputs, 'Conv'), shape: [n, o, height, width] };
    },
    evaluate([x, weights, bias], window, shape) {
      const [o, perGroup] = weights!.shape as readonly [number, number];
      const [big, small, kernel] = [plane(x!), plane({ shape }), plane(weights!)];
      const [bigSize, smallSize, kernelSize] = [big, small, kernel].map(([h, w]) => h * w) as [number, number, number];
      const result = biased(shape, bias);
      for (let at = 0; at < shape[0]! * o; at++) {
        const [n, channel] = [Math.floor(at / o), at % o];
        const group = Math.floor(channel / (o / window.group));
        for (let i = 0; i < perGroup; i++) {
          const from = (n * x!.shape[1]! + group * perGroup + i) * bigSize;
          const weight = (channel * perGroup + i) * kernelSize;
          eachTap(big, small, kernel, window, (l, s, k) => {
            result[at * smallSize + s]! += x!.data[from + l]! * weights!.data[weight + k]!;
          });
        }
      }
      return result;
    },
    onnx: {
      read: readWindow,
      write: ({ strides, pads, dilations, group }) => ({ attributes: { strides, pads, dilations, group } }),
    },
  },
  // The transpose of Conv as a linear map: weights [C, O/group, h, w], every input pixel spread over a window.
  ConvTranspose: {
    arity: [2, 3],
    infer(inputs, { strides, pads, dilations, group, outputPadding }) {
      const [n, c, h, w] = images('ConvTranspose', inputs[0]!);
      const [rows, perGroup, kh, kw] = kernelOf('ConvTranspose', inputs[1]!);
      if (group < 1 || rows !== c || c % group !== 0)
        throw badGraph(`weights [${c}, O/${group}, h, w]`, 'ConvTranspose', shapeText(inputs[1]!.shape));
      checkBias('ConvTranspose', inputs[2], perGroup * group);
      const size = (of: Dim, kernel: number, i: 0 | 1): number =>
        (fixedDim(of, 'the images of ConvTranspose') - 1) * strides[i] -
        pads[i] -
        pads[(i + 2) as 2 | 3] +
        (kernel - 1) * dilations[i] +
        1 +
        outputPadding[i];
      return {
        dtype: sharedDtype(inputs, 'ConvTranspose'),
        shape: [n, perGroup * group, size(h, kh, 0), size(w, kw, 1)],
      };
    },
    evaluate([x, weights, bias], window, shape) {
      const [c, perGroup] = weights!.shape as readonly [number, number];
      const [big, small, kernel] = [plane({ shape }), plane(x!), plane(weights!)];
      const [bigSize, smallSize, kernelSize] = [big, small, kernel].map(([h, w]) => h * w) as [number, number, number];
      const result = biased(shape, bias);
      for (let from = 0; from < shape[0]! * c; from++) {
        const [n, channel] = [Math.floor(from / c), from % c];
        const group = Math.floor(channel / (c / window.group));
        for (let i = 0; i < perGroup; i++) {
          const to = (n * shape[1]! + group * perGroup + i) * bigSize;
          const weight = (channel * perGroup + i) * kernelSize;
          eachTap(big, small, kernel, window, (l, s, k) => {
            result[to + l]! += x!.data[from * smallSize + s]! * weights!.data[weight + k]!;
          });
        }
      }
      return result;
    },
    onnx: {
      read(node) {
        const rule = node.text('auto_pad') ?? 'NOTSET';
        if (rule !== 'NOTSET' || node.ints('output_shape')) throw node.unsupported('its pads must be written out');
        return { ...readWindow(node), outputPadding: pair(node.ints('output_padding'), [0, 0]) };
      },
      write: ({ strides, pads, dilations, group, outputPadding }) => ({
        attributes: { strides, pads, dilations, group, output_padding: outputPadding },
      }),
    },
  },
  AveragePool: {
    arity: [1, 1],
    infer([x], { kernel, strides, pads }) {
      const [n, c, h, w] = images('AveragePool', x!);
      const height = slide(
        h,
        { kernel: kernel[0], stride: strides[0], dilation: 1, padding: pads[0] + pads[2] },
        'the height of AveragePool',
      );
      const width = slide(
        w,
        { kernel: kernel[1], stride: strides[1], dilation: 1, padding: pads[1] + pads[3] },
        'the width of AveragePool',
      );
      return { dtype: x!.dtype, shape: [n, c, height, width] };
    },
    evaluate([x], attributes, shape) {
      const [big, small] = [plane(x!), plane({ shape })];
      const [bigSize, smallSize] = [big[0] * big[1], small[0] * small[1]];
      const counts = new Float64Array(smallSize);
      const result = biased(shape, undefined);
      eachTap(big, small, attributes.kernel, poolWindow(attributes), (_, s) => {
        counts[s]! += 1;
      });
      if (attributes.countIncludePad) counts.fill(attributes.kernel[0] * attributes.kernel[1]);
      for (let c = 0; c < shape[0]! * shape[1]!; c++) {
        eachTap(big, small, attributes.kernel, poolWindow(attributes), (l, s) => {
          result[c * smallSize + s]! += x!.data[c * bigSize + l]! / counts[s]!;
        });
      }
      return result;
    },
    onnx: {
      read(node) {
        const kernel = pair(node.ints('kernel_shape'), [1, 1]);
        const strides = pair(node.ints('strides'), [1, 1]);
        if (node.inputs[0]!.shape.length !== 4 || node.int('ceil_mode'))
          throw node.unsupported('only images, without ceil_mode');
        if ((node.ints('dilations') ?? []).some((step) => step !== 1))
          throw node.unsupported('its dilations must be 1');
        return {
          kernel,
          strides,
          pads: readPads(node, kernel, strides, [1, 1]),
          countIncludePad: node.int('count_include_pad') === 1,
        };
      },
      write: ({ kernel, strides, pads, countIncludePad }) => ({
        attributes: { kernel_shape: kernel, strides, pads, count_include_pad: countIncludePad ? 1 : 0 },
      }),
    },
  },
};
