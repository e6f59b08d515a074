import type { Attributes, Rules, Values } from '../rule.ts';
import { sharedDtype } from '../rule.ts';
import type { TensorType } from '../shapes.ts';
import { axisOf, badGraph, shapeText } from '../shapes.ts';
import { elements, tensorOf } from '../tensor.ts';

const whole = (name: string, { dtype }: TensorType): void => {
  if (dtype !== 'int64' && dtype !== 'int32') throw badGraph('whole numbers', `the indices of ${name}`, dtype);
};

/** An index that may count from the end. @throws AppError `BadGraph` outside the axis. */
function within(index: number, size: number, name: string): number {
  const positive = index < 0 ? index + size : index;
  if (positive < 0 || positive >= size) throw badGraph(`an index below ${size}`, name, index);
  return positive;
}

/** Of two boxes with opposite corners y, x, y, x: the part of their union they share. */
function shared(boxes: ArrayLike<number>, a: number, b: number): number {
  const side = (box: number, axis: 0 | 1): readonly [number, number] => {
    const [one, other] = [boxes[4 * box + axis]!, boxes[4 * box + axis + 2]!];
    return one < other ? [one, other] : [other, one];
  };
  const [ay, ax, by, bx] = [side(a, 0), side(a, 1), side(b, 0), side(b, 1)];
  const height = Math.min(ay[1], by[1]) - Math.max(ay[0], by[0]);
  const width = Math.min(ax[1], bx[1]) - Math.max(ax[0], bx[0]);
  if (height <= 0 || width <= 0) return 0;
  const area = ([low, high]: readonly [number, number], [first, last]: readonly [number, number]): number =>
    (high - low) * (last - first);
  return (height * width) / (area(ay, ax) + area(by, bx) - height * width);
}

/** What is kept, picture after picture, label after label, best first: three numbers each. */
function suppressed([boxes, scores]: readonly Values[], attributes: Attributes['NonMaxSuppression']): number[] {
  const [pictures, labels, places] = scores!.shape as readonly [number, number, number];
  const result: number[] = [];
  for (let picture = 0; picture < pictures; picture++) {
    const own = Array.from(boxes!.data).slice(4 * places * picture, 4 * places * (picture + 1));
    for (let label = 0; label < labels; label++) {
      const score = (place: number): number => scores!.data[(picture * labels + label) * places + place]!;
      const ranked = Array.from({ length: places }, (_, place) => place)
        .filter((place) => score(place) > attributes.leastScore)
        .sort((a, b) => score(b) - score(a));
      const kept: number[] = [];
      for (const place of ranked) {
        if (kept.length === attributes.most) break;
        if (kept.every((other) => shared(own, other, place) <= attributes.overlap)) kept.push(place);
      }
      result.push(...kept.flatMap((place) => [picture, label, place]));
    }
  }
  return result;
}

/** Operations that pick some of their elements. */
export const select: Rules<'Gather' | 'GatherND' | 'NonMaxSuppression'> = {
  Gather: {
    arity: [2, 2],
    infer([data, indices], { axis }) {
      whole('Gather', indices!);
      axisOf(axis, data!.shape.length, 'Gather');
      return {
        dtype: data!.dtype,
        shape: [...data!.shape.slice(0, axis), ...indices!.shape, ...data!.shape.slice(axis + 1)],
      };
    },
    evaluate([data, indices], { axis }, shape) {
      const [size, inner] = [data!.shape[axis]!, elements(data!.shape.slice(axis + 1))];
      const count = indices!.data.length;
      return Float64Array.from({ length: elements(shape) }, (_, i) => {
        const [outer, rest] = [Math.floor(i / (count * inner)), i % (count * inner)];
        const index = within(indices!.data[Math.floor(rest / inner)]!, size, 'Gather');
        return data!.data[(outer * size + index) * inner + (rest % inner)]!;
      });
    },
    onnx: {
      read: (node) => ({ axis: axisOf(node.int('axis') ?? 0, node.inputs[0]!.shape.length, 'Gather') }),
      write: ({ axis }) => ({ attributes: { axis } }),
    },
  },
  GatherND: {
    arity: [2, 2],
    infer([data, indices]) {
      whole('GatherND', indices!);
      const depth = indices!.shape.at(-1);
      if (typeof depth !== 'number' || depth < 1 || depth > data!.shape.length)
        throw badGraph(`places in ${shapeText(data!.shape)}`, 'GatherND', shapeText(indices!.shape));
      return { dtype: data!.dtype, shape: [...indices!.shape.slice(0, -1), ...data!.shape.slice(depth)] };
    },
    evaluate([data, indices], _, shape) {
      const depth = indices!.shape.at(-1)!;
      const inner = elements(data!.shape.slice(depth));
      return Float64Array.from({ length: elements(shape) }, (_, i) => {
        let from = 0;
        for (let axis = 0; axis < depth; axis++) {
          const size = data!.shape[axis]!;
          from = from * size + within(indices!.data[Math.floor(i / inner) * depth + axis]!, size, 'GatherND');
        }
        return data!.data[from * inner + (i % inner)]!;
      });
    },
    onnx: {
      read(node) {
        if (node.int('batch_dims')) throw node.unsupported('only without batch_dims');
        return {};
      },
      write: () => ({}),
    },
  },
  NonMaxSuppression: {
    arity: [2, 2],
    infer([boxes, scores]) {
      sharedDtype([boxes!, scores!], 'NonMaxSuppression');
      const fits = boxes!.shape.length === 3 && scores!.shape.length === 3 && boxes!.shape[2] === 4;
      if (!fits || boxes!.shape[0] !== scores!.shape[0] || boxes!.shape[1] !== scores!.shape[2])
        throw badGraph(
          'boxes [N, P, 4] and scores [N, C, P]',
          'NonMaxSuppression',
          `${shapeText(boxes!.shape)} and ${shapeText(scores!.shape)}`,
        );
      return { dtype: 'int64', shape: ['found', 3] };
    },
    sizes: (inputs, attributes) => [suppressed(inputs, attributes).length / 3, 3],
    evaluate: (inputs, attributes) => Float64Array.from(suppressed(inputs, attributes)),
    onnx: {
      operandsFrom: 2,
      read(node) {
        if (node.int('center_point_box')) throw node.unsupported('only boxes given by their corners');
        return {
          most: node.operand(2)?.[0] ?? 0,
          overlap: node.operand(3)?.[0] ?? 0,
          leastScore: node.operand(4)?.[0] ?? Number.NEGATIVE_INFINITY,
        };
      },
      write: ({ most, overlap, leastScore }) => ({
        operands: [
          tensorOf('int64', [1], [most]),
          tensorOf('float32', [1], [overlap]),
          tensorOf('float32', [1], [leastScore]),
        ],
      }),
    },
  },
};
