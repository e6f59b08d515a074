import { codeOfDtype, dtypeOfCode } from '../onnx-dtype.ts';
import type { None, Rule, Rules } from '../rule.ts';
import { plainForm, sharedDtype } from '../rule.ts';
import { badGraph, broadcast } from '../shapes.ts';
import type { Dtype } from '../tensor.ts';
import { isFloat } from '../tensor.ts';
import { stretch } from './gather.ts';

const binary = (name: string, compute: (a: number, b: number) => number, result?: Dtype): Rule<None> => ({
  arity: [2, 2],
  infer: (inputs) => ({
    dtype: result ?? sharedDtype(inputs, name),
    shape: broadcast(inputs[0]!.shape, inputs[1]!.shape, name),
  }),
  evaluate([a, b], _, shape) {
    const other = stretch(b!, shape);
    return stretch(a!, shape).map((value, i) => compute(value, other[i]!));
  },
  onnx: plainForm,
});

const unary = (name: string, compute: (x: number) => number): Rule<None> => ({
  arity: [1, 1],
  infer([x]) {
    if (!isFloat(x!.dtype)) throw badGraph('floating point numbers', name, x!.dtype);
    return x!;
  },
  evaluate: ([x]) => Float64Array.from(x!.data, compute),
  onnx: plainForm,
});

const greater = binary('Greater', (a, b) => (a > b ? 1 : 0), 'bool');

/** Operations that treat every element alone; two inputs broadcast. */
export const elementwise: Rules<
  | 'Add'
  | 'Sub'
  | 'Mul'
  | 'Div'
  | 'Min'
  | 'Max'
  | 'Greater'
  | 'Neg'
  | 'Exp'
  | 'Log'
  | 'Sqrt'
  | 'Relu'
  | 'Sigmoid'
  | 'Softplus'
  | 'Identity'
  | 'Cast'
> = {
  Add: binary('Add', (a, b) => a + b),
  Sub: binary('Sub', (a, b) => a - b),
  Mul: binary('Mul', (a, b) => a * b),
  Div: binary('Div', (a, b) => a / b),
  Min: binary('Min', Math.min),
  Max: binary('Max', Math.max),
  Greater: {
    ...greater,
    infer(inputs, attributes) {
      sharedDtype(inputs, 'Greater');
      return greater.infer(inputs, attributes);
    },
  },
  Neg: unary('Neg', (x) => -x),
  Exp: unary('Exp', Math.exp),
  Log: unary('Log', Math.log),
  Sqrt: unary('Sqrt', Math.sqrt),
  Relu: unary('Relu', (x) => Math.max(x, 0)),
  Sigmoid: unary('Sigmoid', (x) => (x < 0 ? Math.exp(x) / (1 + Math.exp(x)) : 1 / (1 + Math.exp(-x)))),
  // log(1 + e^x) without overflow.
  Softplus: unary('Softplus', (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)))),
  Identity: { ...unary('Identity', (x) => x), infer: ([x]) => x! },
  Cast: {
    arity: [1, 1],
    infer: ([x], { to }) => ({ dtype: to, shape: x!.shape }),
    evaluate: ([x]) => Float64Array.from(x!.data),
    onnx: {
      read(node) {
        const to = dtypeOfCode(node.int('to') ?? 0);
        if (!to) throw node.unsupported('it casts to a type we do not compute with');
        return { to };
      },
      write: ({ to }) => ({ attributes: { to: codeOfDtype(to) } }),
    },
  },
};
