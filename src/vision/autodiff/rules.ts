import {
  add,
  cast,
  concat,
  div,
  exp,
  expand,
  greater,
  matMul,
  mul,
  neg,
  pad,
  reduceSum,
  reshape,
  sigmoid,
  slice,
  sub,
  transpose,
} from '../graph/build.ts';
import type { Node, OpNode } from '../graph/graph.ts';
import { apply, constant } from '../graph/graph.ts';
import type { OpName, Window } from '../graph/rule.ts';
import { fixedDim } from '../graph/rule.ts';
import { fixedShape, sameShape } from '../graph/shapes.ts';
import { type Dtype, elements, isFloat, tensorOf } from '../graph/tensor.ts';

/**
 * The gradient of one operation: from `g`, the gradient of the loss by the result `y`, those by the inputs, in order.
 * `undefined` where none flows. What is returned are nodes like any other: gradients can be differentiated again.
 */
export type Gradient<O extends OpName> = (g: Node, y: OpNode<O>) => readonly (Node | undefined)[];

/** Sums away what broadcasting stretched. */
function unbroadcast(g: Node, x: Node): Node {
  if (sameShape(g.shape, x.shape)) return g;
  const extra = g.shape.length - x.shape.length;
  const axes = [...g.shape.keys()].filter(
    (axis) => axis < extra || (x.shape[axis - extra] === 1 && g.shape[axis] !== 1),
  );
  const summed = axes.length === 0 ? g : reduceSum(g, axes, true);
  return extra === 0 ? summed : reshape(summed, x.shape);
}

const one = ({ inputs }: { readonly inputs: readonly Node[] }): Node => inputs[0]!;
const two = ({ inputs }: { readonly inputs: readonly Node[] }): readonly [Node, Node] => [inputs[0]!, inputs[1]!];
const sizes = (x: Node): readonly number[] => fixedShape(x.shape, 'a gradient');

/** Last two axes exchanged. */
const transposed = (x: Node): Node => {
  const axes = [...x.shape.keys()];
  return transpose(x, [...axes.slice(0, -2), axes.length - 1, axes.length - 2]);
};

/** A gradient that lacks the reduced axes, stretched over them again. */
function restored(g: Node, x: Node, axes: readonly number[]): Node {
  const shape = x.shape.map((size, axis) => (axes.includes(axis) ? 1 : size));
  const kept = sameShape(g.shape, shape) ? g : reshape(g, shape);
  return expand(kept, sizes(x));
}

/** How many zeros after an axis of `size` let a window have so many places, and no fewer. */
const zerosAfter = (size: number, places: number, before: number, step: number, reach: number): number =>
  Math.max(0, (places - 1) * step + reach - size - before);

/**
 * Gradient by the weights [O, C/group, h, w] of a convolution of `x` whose result has the gradient `g` [N, O, OH, OW]:
 * products of g with what each tap of the window saw.
 */
function weightGradient(x: Node, g: Node, weights: Node, window: Window): Node {
  const [o, perGroup] = sizes(weights) as readonly [number, number];
  if (perGroup === 1 && o === window.group) return planeGradient(x, g, weights, window);
  const parts = Array.from({ length: window.group }, (_, at) => {
    const of = (images: Node, channels: number): Node => {
      const [n, c, h, w] = sizes(images) as readonly [number, number, number, number];
      return c === channels ? images : slice(images, [0, at * channels, 0, 0], [n, (at + 1) * channels, h, w]);
    };
    return matrixGradient(of(x, perGroup), of(g, o / window.group), weights, window);
  });
  return parts.length === 1 ? parts[0]! : concat(parts, 0);
}

/**
 * Without groups: the product of the gradient and what the taps saw, as matrices. Either picture by picture, [O, P] and
 * [taps C, P] of the P places, and the products added up; or, where these would be larger than the pictures, of all
 * pictures together, [O, N P] and [taps C, N P], for which channels must come first.
 */
function matrixGradient(x: Node, g: Node, weights: Node, { strides, pads, dilations }: Window): Node {
  const [, , kh, kw] = sizes(weights) as readonly [number, number, number, number];
  const [n, o, oh, ow] = sizes(g) as readonly [number, number, number, number];
  const [, c, h, w] = sizes(x) as readonly [number, number, number, number];
  const taps = kh * kw * c;
  const together = o * taps > oh * ow * (o + c);
  const arranged = (images: Node): Node => (together ? transpose(images, [1, 0, 2, 3]) : images);
  const [below, right] = [
    zerosAfter(h, oh, pads[0], strides[0], (kh - 1) * dilations[0] + 1),
    zerosAfter(w, ow, pads[1], strides[1], (kw - 1) * dilations[1] + 1),
  ];
  const around = [pads[0], pads[1], below, right];
  const padded = around.some((size) => size > 0)
    ? pad(arranged(x), [0, 0, pads[0], pads[1]], [0, 0, below, right])
    : arranged(x);
  const [first, second] = sizes(padded) as readonly [number, number];
  const seen: Node[] = [];
  for (let ky = 0; ky < kh; ky++)
    for (let kx = 0; kx < kw; kx++) {
      const [y, x] = [ky * dilations[0], kx * dilations[1]];
      const end = [first, second, y + (oh - 1) * strides[0] + 1, x + (ow - 1) * strides[1] + 1];
      const whole = y === 0 && x === 0 && sameShape(padded.shape, end) && strides.every((step) => step === 1);
      seen.push(whole ? padded : slice(padded, [0, 0, y, x], end, [1, 1, ...strides]));
    }
  const joined = seen.length === 1 ? seen[0]! : concat(seen, together ? 0 : 1);
  const matrix = (images: Node, rows: number): Node =>
    reshape(images, together ? [rows, n * oh * ow] : [n, rows, oh * ow]);
  const products = matMul(matrix(arranged(g), o), transposed(matrix(joined, taps)));
  return transpose(reshape(together ? products : reduceSum(products, [0]), [o, kh, kw, c]), [0, 3, 1, 2]);
}

/**
 * Channel by channel: the gradient, plane by plane, is the kernel of a convolution of the images, whose places are the
 * taps, and whose steps and distances of taps have changed roles.
 */
function planeGradient(x: Node, g: Node, weights: Node, { strides, pads, dilations }: Window): Node {
  const [c, , kh, kw] = sizes(weights) as readonly [number, number, number, number];
  const [n, , h, w] = sizes(x) as readonly [number, number, number, number];
  const [, , oh, ow] = sizes(g) as readonly [number, number, number, number];
  const after = [
    zerosAfter(h, kh, pads[0], dilations[0], (oh - 1) * strides[0] + 1),
    zerosAfter(w, kw, pads[1], dilations[1], (ow - 1) * strides[1] + 1),
  ] as const;
  const products = apply('Conv', [reshape(x, [1, n * c, h, w]), reshape(g, [n * c, 1, oh, ow])], {
    strides: dilations,
    dilations: strides,
    pads: [pads[0], pads[1], ...after],
    group: n * c,
  });
  // An image may hold more places for the kernel than there are taps.
  const taps = sameShape(products.shape.slice(2), [kh, kw])
    ? products
    : slice(products, [0, 0, 0, 0], [1, n * c, kh, kw]);
  return reshape(reduceSum(reshape(taps, [n, c, kh, kw]), [0]), [c, 1, kh, kw]);
}

/**
 * The convolution transposed: spreads `g` [N, O, OH, OW] over images as large as `x`. Where the window moves by one, that
 * is a convolution of g by the weights turned around, which runs faster.
 */
function spread(g: Node, weights: Node, x: Node, window: Window): Node {
  const { strides, pads, dilations } = window;
  const [, , kh, kw] = sizes(weights) as readonly [number, number, number, number];
  const reach = [dilations[0] * (kh - 1), dilations[1] * (kw - 1)] as const;
  const around = [reach[0] - pads[0], reach[1] - pads[1], reach[0] - pads[2], reach[1] - pads[3]] as const;
  if (strides.every((step) => step === 1) && around.every((size) => size >= 0))
    return apply('Conv', [g, turned(weights, window.group)], { ...window, pads: around });
  const rest = (i: 0 | 1): number => {
    const size = fixedDim(x.shape[2 + i], 'a gradient');
    const places = fixedDim(g.shape[2 + i], 'a gradient');
    const kernel = fixedDim(weights.shape[2 + i], 'a gradient');
    return size - ((places - 1) * strides[i] - pads[i] - pads[i === 0 ? 2 : 3] + (kernel - 1) * dilations[i] + 1);
  };
  return apply('ConvTranspose', [g, weights], { ...window, outputPadding: [rest(0), rest(1)] });
}

/** Weights [O, C/group, h, w] with inputs and outputs exchanged, [C, O/group, h, w], and each kernel turned by 180 degrees. */
function turned(weights: Node, group: number): Node {
  const [o, perGroup, kh, kw] = sizes(weights) as readonly [number, number, number, number];
  const taps = kh * kw;
  const grouped = transpose(reshape(weights, [group, o / group, perGroup, taps]), [0, 2, 1, 3]);
  // A product with a matrix that has one 1 in each row moves numbers without changing them.
  const reversal = Float64Array.from({ length: taps * taps }, (_, i) =>
    Math.floor(i / taps) + (i % taps) === taps - 1 ? 1 : 0,
  );
  const flipped = taps === 1 ? grouped : matMul(grouped, constant(tensorOf(weights.dtype, [taps, taps], reversal)));
  return reshape(flipped, [group * perGroup, o / group, kh, kw]);
}

const biasGradient = (g: Node): Node => reduceSum(g, [0, 2, 3]);

/** Whole numbers, which may count from the end of `size`, as rows [count, size] of zeros with one 1. */
function oneHot(indices: Node, count: number, size: number, dtype: Dtype): Node {
  const column = reshape(cast(indices, dtype), [count, 1]);
  const positive = add(column, mul(cast(greater(0, column), dtype), size));
  const each = constant(
    tensorOf(
      dtype,
      [1, size],
      Array.from({ length: size }, (_, i) => i),
    ),
  );
  const away = sub(positive, each);
  // 1 where the difference is 0, and 0 where it is a whole number.
  return cast(greater(0.5, mul(away, away)), dtype);
}

/** Zeros between and around the elements a slice took, so that they are back in their places. */
function unslice(g: Node, x: Node, { starts, steps }: OpNode<'Slice'>['attributes']): Node {
  const to = sizes(x);
  let result = g;
  for (const [axis, step] of steps.entries()) {
    if (step === 1) continue;
    // [..., n, ...] -> [..., n, 1, ...] -> [..., n, step, ...] -> [..., n step, ...], cut where it overshoots.
    const shape = sizes(result);
    const apart = reshape(result, [...shape.slice(0, axis + 1), 1, ...shape.slice(axis + 1)]);
    const zeros = apart.shape.map(() => 0);
    const dilated = reshape(pad(apart, zeros, zeros.with(axis + 1, step - 1)), shape.with(axis, shape[axis]! * step));
    const end = Math.min(shape[axis]! * step, to[axis]! - starts[axis]!);
    result = slice(
      dilated,
      shape.map(() => 0),
      shape.with(axis, end),
    );
  }
  return pad(
    result,
    starts,
    sizes(result).map((size, axis) => to[axis]! - starts[axis]! - size),
  );
}

/** THE table of gradients: an operation without one does not compile. */
export const gradients: { readonly [O in OpName]: Gradient<O> } = {
  Add: (g, y) => y.inputs.map((x) => unbroadcast(g, x)),
  Sub(g, y) {
    const [a, b] = two(y);
    return [unbroadcast(g, a), unbroadcast(neg(g), b)];
  },
  Mul(g, y) {
    const [a, b] = two(y);
    return [unbroadcast(mul(g, b), a), unbroadcast(mul(g, a), b)];
  },
  // d(a/b) = da/b - (a/b) db/b
  Div(g, y) {
    const [a, b] = two(y);
    return [unbroadcast(div(g, b), a), unbroadcast(neg(div(mul(g, y), b)), b)];
  },
  // Where both are equal, all of it goes to the second.
  Min(g, y) {
    const [a, b] = two(y);
    const first = mul(g, cast(greater(b, a), g.dtype));
    return [unbroadcast(first, a), unbroadcast(sub(g, first), b)];
  },
  Max(g, y) {
    const [a, b] = two(y);
    const first = mul(g, cast(greater(a, b), g.dtype));
    return [unbroadcast(first, a), unbroadcast(sub(g, first), b)];
  },
  Greater: () => [undefined, undefined],
  // Each index as a row with one 1: a product with them gathers, one with their transpose puts back.
  Gather(g, y) {
    const [x, indices] = two(y);
    const { axis } = y.attributes;
    const [size, count] = [sizes(x)[axis]!, elements(sizes(indices))];
    const [outer, inner] = [elements(sizes(x).slice(0, axis)), elements(sizes(x).slice(axis + 1))];
    const back = matMul(transpose(oneHot(indices, count, size, g.dtype)), reshape(g, [outer, count, inner]));
    return [reshape(back, x.shape), undefined];
  },
  GatherND(g, y) {
    const [x, indices] = two(y);
    const depth = sizes(indices).at(-1)!;
    const picked = sizes(x).slice(0, depth);
    const strides = picked.map((_, axis) => elements(picked.slice(axis + 1)));
    const columns = reshape(indices, [elements(sizes(indices)) / depth, depth]);
    const place = picked.map((size, axis) => {
      const column = cast(slice(columns, [0, axis], [sizes(columns)[0]!, axis + 1]), g.dtype);
      const negative = cast(greater(0, column), g.dtype);
      return mul(add(column, mul(negative, size)), strides[axis]!);
    });
    const flat = place.reduce((sum, part) => add(sum, part));
    const [size, count, inner] = [elements(picked), sizes(columns)[0]!, elements(sizes(x).slice(depth))];
    const back = matMul(transpose(oneHot(flat, count, size, g.dtype)), reshape(g, [count, inner]));
    return [reshape(back, x.shape), undefined];
  },
  NonMaxSuppression: () => [undefined, undefined],
  Neg: (g) => [neg(g)],
  Exp: (g, y) => [mul(g, y)],
  Log: (g, y) => [div(g, one(y))],
  Sqrt: (g, y) => [div(g, mul(y, 2))],
  Relu: (g, y) => [mul(g, cast(greater(y, 0), y.dtype))],
  // y' = y (1 - y)
  Sigmoid: (g, y) => [mul(g, mul(y, sub(1, y)))],
  Softplus: (g, y) => [mul(g, sigmoid(one(y)))],
  Identity: (g) => [g],
  Cast: (g, y) => [isFloat(one(y).dtype) && isFloat(y.dtype) ? cast(g, one(y).dtype) : undefined],
  ReduceSum: (g, y) => [restored(g, one(y), y.attributes.axes)],
  ReduceMean(g, y) {
    const count = elements(y.attributes.axes.map((axis) => fixedDim(one(y).shape[axis], 'a gradient')));
    return [restored(div(g, count), one(y), y.attributes.axes)];
  },
  // y (g - sum g y)
  Softmax: (g, y) => [mul(y, sub(g, reduceSum(mul(g, y), [y.attributes.axis], true)))],
  // g - softmax(x) sum g
  LogSoftmax: (g, y) => [sub(g, mul(exp(y), reduceSum(g, [y.attributes.axis], true)))],
  GlobalAveragePool(g, y) {
    const x = one(y);
    return [restored(div(g, elements(sizes(x).slice(2))), x, [2, 3])];
  },
  MatMul(g, y) {
    const [a, b] = two(y);
    return [unbroadcast(matMul(g, transposed(b)), a), unbroadcast(matMul(transposed(a), g), b)];
  },
  Transpose: (g, { attributes: { perm } }) => [
    transpose(
      g,
      [...perm.keys()].map((axis) => perm.indexOf(axis)),
    ),
  ],
  Reshape: (g, y) => [reshape(g, one(y).shape)],
  Flatten: (g, y) => [reshape(g, one(y).shape)],
  Expand: (g, y) => [unbroadcast(g, one(y))],
  Concat(g, { inputs, attributes: { axis } }) {
    let start = 0;
    return inputs.map((x) => {
      const to = sizes(g);
      const end = start + sizes(x)[axis]!;
      const part = slice(g, to.map(() => 0).with(axis, start), to.with(axis, end));
      start = end;
      return part;
    });
  },
  Slice: (g, y) => [unslice(g, one(y), y.attributes)],
  Pad(g, y) {
    const { before } = y.attributes;
    return [
      slice(
        g,
        before,
        sizes(one(y)).map((size, axis) => size + before[axis]!),
      ),
    ];
  },
  Conv(g, y) {
    const [x, weights] = two(y);
    const { attributes } = y;
    return [spread(g, weights, x, attributes), weightGradient(x, g, weights, attributes), biasGradient(g)].slice(
      0,
      y.inputs.length,
    );
  },
  // The transpose of a convolution has that convolution as its own, with the parts of image and result exchanged.
  ConvTranspose(g, y) {
    const [x, weights] = two(y);
    const { outputPadding: _, ...window } = y.attributes;
    const back = apply('Conv', [g, weights], window);
    const places = sizes(x);
    // Output padding may leave room for one more window, which had no part in the result.
    const cut = sameShape(back.shape, x.shape)
      ? back
      : slice(
          back,
          places.map(() => 0),
          places,
        );
    return [cut, weightGradient(g, x, weights, window), biasGradient(g)].slice(0, y.inputs.length);
  },
  AveragePool(g, y) {
    const x = one(y);
    const { kernel, strides, pads, countIncludePad } = y.attributes;
    const channels = fixedDim(x.shape[1], 'a gradient');
    const window = { strides, pads, dilations: [1, 1] as const, group: channels };
    const ones = constant(
      tensorOf(x.dtype, [channels, 1, ...kernel], new Float64Array(channels * kernel[0] * kernel[1]).fill(1)),
    );
    const counts = countIncludePad ? kernel[0] * kernel[1] : constant(poolCounts(y));
    return [spread(div(g, counts), ones, x, window)];
  },
};

/** How many elements of the image, not of its padding, each window of a pooling sees: [1, 1, OH, OW]. */
function poolCounts(y: OpNode<'AveragePool'>) {
  const { kernel, strides, pads } = y.attributes;
  const [inner, outer] = [sizes(one(y)).slice(2), sizes(y).slice(2)];
  const along = (i: 0 | 1) =>
    Array.from({ length: outer[i]! }, (_, place) => {
      const start = place * strides[i] - pads[i];
      return Math.min(start + kernel[i], inner[i]!) - Math.max(start, 0);
    });
  const [rows, columns] = [along(0), along(1)];
  return tensorOf(
    y.dtype,
    [1, 1, rows.length, columns.length],
    rows.flatMap((row) => columns.map((column) => row * column)),
  );
}
