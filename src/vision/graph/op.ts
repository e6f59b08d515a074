import { convolve } from './ops/convolve.ts';
import { elementwise } from './ops/elementwise.ts';
import { move } from './ops/move.ts';
import { multiply } from './ops/multiply.ts';
import { reduce } from './ops/reduce.ts';
import { select } from './ops/select.ts';
import type { Attributes, OpName, Rule, Rules } from './rule.ts';

/**
 * THE table of operations: an operation without a shape rule, a definition and an ONNX form does not compile. Its
 * gradient is in `autodiff/rules.ts`.
 */
const rules: Rules<OpName> = { ...elementwise, ...reduce, ...multiply, ...move, ...select, ...convolve };

/** The row of an operation. */
export const ruleOf = <O extends OpName>(op: O): Rule<Attributes[O]> => rules[op];

/** Whether we have an operation of this name. */
export const isOpName = (name: string): name is OpName => Object.hasOwn(rules, name);
