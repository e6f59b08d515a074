import type { Dim, Shape, TensorType } from './shapes.ts';
import { badGraph } from './shapes.ts';
import type { Dtype, Tensor } from './tensor.ts';

/** An operation without settings. */
export type None = Readonly<Record<never, never>>;

/** How a convolution window moves over the last two axes. Pads are zeros: [top, left, bottom, right]. */
export interface Window {
  readonly strides: readonly [number, number];
  readonly pads: readonly [number, number, number, number];
  readonly dilations: readonly [number, number];
  /** Channels are convolved in this many separate groups. */
  readonly group: number;
}

/** Which axes are summed away (from the front, rising), and whether they stay with size 1. */
export interface Reduction {
  readonly axes: readonly number[];
  readonly keepdims: boolean;
}

/**
 * The settings of every operation we have: this is the list of operations. Each is the ONNX operator of the same name.
 */
export interface Attributes {
  Add: None;
  Sub: None;
  Mul: None;
  Div: None;
  Min: None;
  Max: None;
  Greater: None;
  Neg: None;
  Exp: None;
  Log: None;
  Sqrt: None;
  Relu: None;
  Sigmoid: None;
  Softplus: None;
  Identity: None;
  Cast: { readonly to: Dtype };
  ReduceSum: Reduction;
  ReduceMean: Reduction;
  Softmax: { readonly axis: number };
  LogSoftmax: { readonly axis: number };
  GlobalAveragePool: None;
  MatMul: None;
  Transpose: { readonly perm: readonly number[] };
  /** At most one size may be a name; it stands for whatever remains. */
  Reshape: { readonly shape: Shape };
  Flatten: { readonly axis: number };
  /** Stretches axes of size 1, as broadcasting does. */
  Expand: { readonly shape: readonly number[] };
  Concat: { readonly axis: number };
  /** One entry per axis: from `starts` (>= 0) while below `ends`, every `steps`th (>= 1). */
  Slice: { readonly starts: readonly number[]; readonly ends: readonly number[]; readonly steps: readonly number[] };
  /** Zeros before and after each axis, one entry (>= 0) per axis. */
  Pad: { readonly before: readonly number[]; readonly after: readonly number[] };
  /** Parts of the first input along an axis, in the order the second, whole numbers, says. */
  Gather: { readonly axis: number };
  /** Elements, or boxes of them, of the first input at the places that are the rows of the second, whole numbers. */
  GatherND: None;
  /**
   * Boxes [N, P, 4] (opposite corners y, x, y, x) and scores [N, C, P] to what is found: int64 [found, 3] of picture, label,
   * place. Kept is what scores more than `leastScore`, of boxes of a label that share more than `overlap` the best, and of
   * each label at most `most`.
   */
  NonMaxSuppression: { readonly most: number; readonly overlap: number; readonly leastScore: number };
  Conv: Window;
  ConvTranspose: Window & { readonly outputPadding: readonly [number, number] };
  /** Means over windows; the zeros of the padding count as elements only with `countIncludePad`. */
  AveragePool: Omit<Window, 'group' | 'dilations'> & {
    readonly kernel: readonly [number, number];
    readonly countIncludePad: boolean;
  };
}

/** The name of an operation. */
export type OpName = keyof Attributes;

/** A value while it is being computed: elements as plain numbers. */
export interface Values {
  readonly shape: readonly number[];
  readonly data: ArrayLike<number>;
}

/** An attribute as ONNX has it: a number is an INT, an array INTS, a string STRING. */
export type OnnxAttribute = number | readonly number[] | string | { readonly float: number };

/**
 * A node of a model being read, as {@link OnnxForm.read} sees it. Every getter throws `BadModel` when the attribute has
 * another type.
 */
export interface OnnxSource {
  /** Version of the operator set the model imports. */
  readonly opset: number;
  /** What is known of the inputs. */
  readonly inputs: readonly TensorType[];
  int(name: string): number | undefined;
  ints(name: string): readonly number[] | undefined;
  float(name: string): number | undefined;
  text(name: string): string | undefined;
  /**
   * The elements of the constant at this input position; `undefined` when the input is absent.
   * @throws AppError `UnsupportedOp` when it is computed.
   */
  operand(position: number): readonly number[] | undefined;
  /** To be thrown: this use of the operator is outside what we read. */
  unsupported(why: string): Error;
}

/** How an operation is written in ONNX (operator set 13) and read from it (operator sets 7 to 26). */
export interface OnnxForm<A> {
  /** Input positions from here on hold settings, not data: they must be constants. */
  readonly operandsFrom?: number;
  read(node: OnnxSource): A;
  write(attributes: A): {
    readonly attributes?: Readonly<Record<string, OnnxAttribute>>;
    readonly operands?: readonly Tensor[];
  };
}

/** Everything but the gradient that must be known of an operation. */
export interface Rule<A> {
  /** Fewest and most inputs. */
  readonly arity: readonly [number, number];
  /** Element type and shape of the result. @throws AppError `BadGraph` when the inputs do not fit. */
  infer(inputs: readonly TensorType[], attributes: A): TensorType;
  /** The sizes of a result that depend on values, not on shapes alone. */
  sizes?(inputs: readonly Values[], attributes: A): readonly number[];
  /** The definition, computed slowly and summed in double precision: elements of the result, whose shape is `shape`. */
  evaluate(inputs: readonly Values[], attributes: A, shape: readonly number[]): Float64Array;
  readonly onnx: OnnxForm<A>;
}

/** A part of the table: the rules of some of the operations. */
export type Rules<O extends OpName> = { readonly [K in O]: Rule<Attributes[K]> };

/** For operations whose ONNX form has no settings. */
export const plainForm = { read: (): None => ({}), write: () => ({}) };

/** The element type all inputs share. @throws AppError `BadGraph` when they differ. */
export function sharedDtype(inputs: readonly TensorType[], name: string): Dtype {
  const [first, ...rest] = inputs;
  const other = rest.find((input) => input.dtype !== first!.dtype);
  if (other) throw badGraph(`inputs of one element type`, name, `${first!.dtype} and ${other.dtype}`);
  return first!.dtype;
}

/** The size of an axis that must be known beforehand. @throws AppError `BadGraph` */
export function fixedDim(size: Dim | undefined, name: string): number {
  if (typeof size !== 'number') throw badGraph('a size known beforehand', name, size);
  return size;
}
