import type { Node, OpNode } from '../graph/graph.ts';
import type { Form, Pen } from '../graph/onnx-write.ts';
import type { OnnxAttribute, OpName, Window } from '../graph/rule.ts';
import { sameShape } from '../graph/shapes.ts';
import { tensorOf } from '../graph/tensor.ts';

/** Whose operators these are: onnxruntime's own, on the CPU, without a promise that they stay. */
const domain = 'com.microsoft.nchwc';
/** Channels must be a multiple of this: of every processor's block, 8 or 16. */
const block = 16;
/** Operations that look at each element by itself, and so do not mind the order of elements. */
const elementwise = new Set<OpName>([
  'Add',
  'Sub',
  'Mul',
  'Div',
  'Min',
  'Max',
  'Greater',
  'Cast',
  'Relu',
  'Sigmoid',
  'Neg',
]);

type Sizes = readonly [n: number, c: number, h: number, w: number];

const images = ({ shape }: Node): Sizes | undefined =>
  shape.length === 4 && shape.every((size) => typeof size === 'number') ? (shape as unknown as Sizes) : undefined;

/** Whether there is an order in blocks of this value: float32 images of channels that come in blocks. */
const hasBlocks = (node: Node): boolean => node.dtype === 'float32' && (images(node)?.[1] ?? 1) % block === 0;

/**
 * Writes convolutions with weights that change as onnxruntime's own operators for images in blocks of channels,
 * [N, C/16, H, W, 16] where a plain image is [N, C, H, W]: a vector register holds a block, and a convolution runs two to
 * three times as fast (Georganas et al., Anatomy of high-performance deep learning convolutions on SIMD architectures,
 * SC 2018, section II). onnxruntime does that by itself where weights are constant: those are left to it. Between
 * convolutions values stay in blocks; they are put in order where somebody else needs them.
 */
export function blockedForm(pen: Pen): Form {
  // Names of values in blocks; values that are only there as such; operations that were written with another.
  const blocked = new Map<Node, string>();
  const onlyBlocked = new Set<Node>();
  const done = new Set<Node>();
  // What is written when it is needed: in blocks only, mostly.
  const later = new Set<Node>();
  const { nameOf } = pen;

  const node = (op: string, inputs: readonly string[], output: string, attributes?: Record<string, OnnxAttribute>) => {
    pen.write({ op, domain, inputs, output, ...(attributes && { attributes }) });
    return output;
  };
  const reshaped = (from: string, shape: readonly number[], output: string): string => {
    pen.write({ op: 'Reshape', inputs: [from, pen.constant(tensorOf('int64', [shape.length], shape))], output });
    return output;
  };

  /** The value as others need it. */
  const plain = (value: Node): string => {
    const name = nameOf(value);
    if (onlyBlocked.delete(value)) node('ReorderOutput', [blocked.get(value)!], name, { channels: images(value)![1] });
    if (later.delete(value)) standard(value as OpNode);
    return name;
  };
  const standard = (each: OpNode): void => {
    each.inputs.forEach(plain);
    pen.standard(each);
  };
  const keep = (value: Node, name: string): void => {
    blocked.set(value, name);
    onlyBlocked.add(value);
  };
  const inBlocks = (value: Node): string => {
    const found = blocked.get(value);
    if (found !== undefined) return found;
    const name = `${nameOf(value)}.blocks`;
    const merged = mergedPictures(value);
    if (merged) reshaped(inBlocks(merged), images(value)!, name);
    else node('ReorderInput', [plain(value)], name);
    blocked.set(value, name);
    return name;
  };

  /**
   * Weights [O, I, h, w] in the order [O/16, I/16, h, w, 16 of I, 16 of O]: channels are put in blocks twice, once as
   * they are and once as what all other axes are one channel of. Those of a convolution channel by channel, [C, 1, h, w],
   * are put in blocks as an image [1, C, h, w].
   */
  const weightBlocks = (weights: Node, own: string): string => {
    const [o, i, h, w] = images(weights)!;
    if (i === 1) {
      const merged = mergedPictures(weights);
      const planes = merged
        ? inBlocks(merged)
        : node('ReorderInput', [reshaped(plain(weights), [1, o, h, w], `${own}.plane`)], `${own}.planes`);
      return reshaped(planes, [o, 1, h, w], `${own}.weights`);
    }
    const inner = node('ReorderInput', [plain(weights)], `${own}.inner`);
    const rows = reshaped(inner, [1, o, i * h, w], `${own}.rows`);
    return reshaped(node('ReorderInput', [rows], `${own}.outer`), [o, i, h, w], `${own}.weights`);
  };

  const fits = (conv: OpNode<'Conv'>): boolean => {
    const [x, weights] = conv.inputs as readonly [Node, Node];
    const kernel = images(weights);
    if (weights.kind === 'constant' || !hasBlocks(x) || !hasBlocks(conv) || kernel === undefined) return false;
    const { group } = conv.attributes;
    return group === 1 || (kernel[1] === 1 && group === kernel[0]);
  };

  /** A convolution, and what is made of it if that is the positive part and nothing else. */
  const convolve = (conv: OpNode<'Conv'>): void => {
    const [x, weights, bias] = conv.inputs as readonly [Node, Node, Node | undefined];
    const own = nameOf(conv);
    const inputs = [inBlocks(x), weightBlocks(weights, own), ...(bias ? [plain(bias)] : [])];
    const { group, strides, pads, dilations }: Window = conv.attributes;
    const window = { group, strides, pads, dilations, kernel_shape: images(weights)!.slice(2) };
    const positive = pen.onlyUse(conv);
    const fused = positive?.op === 'Relu' ? positive : undefined;
    keep(fused ?? conv, node('Conv', inputs, `${own}.blocks`, { ...window, ...(fused && { activation: 'Relu' }) }));
    if (fused) done.add(fused);
  };

  /** Whether an operation may stay in blocks: what it is made of, but for single numbers, is there in blocks. */
  const stays = (each: OpNode): boolean => {
    if (!elementwise.has(each.op)) return false;
    // Blocks of other types cannot be put in order again: only what makes numbers of them may follow.
    const use = pen.onlyUse(each);
    if (each.dtype !== 'float32' && (use?.op !== 'Cast' || use.dtype !== 'float32')) return false;
    const large = each.inputs.filter(({ shape }) => shape.length > 0);
    if (large.length === 0 || !large.every(({ shape }) => sameShape(shape, each.shape))) return false;
    return large.every((one) => blocked.has(one)) || large.some((one) => onlyBlocked.has(one));
  };

  return {
    write(each) {
      if (done.has(each)) return;
      if (each.op === 'Conv' && fits(each as OpNode<'Conv'>)) return convolve(each as OpNode<'Conv'>);
      if (stays(each)) {
        const name = `${nameOf(each)}.blocks`;
        pen.standard(each, {
          inputs: each.inputs.map((one) => (one.shape.length > 0 ? inBlocks(one) : plain(one))),
          output: name,
        });
        return keep(each, name);
      }
      if (mergedPictures(each)) later.add(each);
      else standard(each);
    },
    end(outputs) {
      outputs.forEach(plain);
    },
  };
}

/** What is merged where the channels of all pictures [N, C, h, w] become those of one, [1, N C, h, w] or [N C, 1, h, w]. */
function mergedPictures(reshape: Node): Node | undefined {
  if (reshape.kind !== 'op' || reshape.op !== 'Reshape') return undefined;
  const from = reshape.inputs[0]!;
  const [before, after] = [images(from), images(reshape)];
  if (before === undefined || after === undefined || !hasBlocks(from)) return undefined;
  const kept = (after[0] === 1 || after[1] === 1) && sameShape(before.slice(2), after.slice(2));
  return kept ? from : undefined;
}
