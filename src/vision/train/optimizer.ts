import { add, div, exp, min, mul, reduceSum, sqrt, sub } from '../graph/build.ts';
import type { Node } from '../graph/graph.ts';

/** What an optimiser carries from step to step, each float32 [length]: what is learned, and its running averages. */
export type State = Readonly<Record<string, Node>> & { readonly parameters: Node };

/** How one step is taken; the numbers are nodes, so that they may change from step to step. */
export interface Pace {
  /** Learning rate. */
  readonly rate: Node;
  /** 1, 2, 3 …, as a float. */
  readonly step: Node;
}

/** What differs from parameter to parameter: numbers, or nodes of float32 [length]. */
export interface PerParameter {
  /** The learning rate is multiplied by it. 0: not learned. */
  readonly rate: Node | number;
  /** How strongly a parameter is drawn towards `home`, as a part of the learning rate. */
  readonly decay: Node | number;
  readonly home: Node | number;
}

/** A rule by which gradients change parameters. */
export interface Optimizer {
  /** Names of what it carries besides the parameters; all zeros at first. */
  readonly carries: readonly string[];
  /** The state after a step down the gradient float32 [length]. */
  update(state: State, gradient: Node, pace: Pace, each: PerParameter): Record<string, Node> & { parameters: Node };
}

const moved = (from: Node, direction: Node, pace: Pace, each: PerParameter): Node => {
  const pulled = each.decay === 0 ? direction : add(direction, mul(sub(from, each.home), each.decay));
  const rate = each.rate === 1 ? pace.rate : mul(each.rate as Node, pace.rate);
  return sub(from, mul(pulled, rate));
};

/**
 * Stochastic gradient descent with momentum: v = momentum v + g; p -= rate (v + decay (p - home)).
 * Source: Sutskever et al., On the importance of initialization and momentum in deep learning, ICML 2013, eq. 1 and 2.
 */
export const momentum = (keep = 0.9): Optimizer => ({
  carries: ['velocity'],
  update(state, gradient, pace, each) {
    const velocity = add(mul(state.velocity!, keep), gradient);
    return { parameters: moved(state.parameters, velocity, pace, each), velocity };
  },
});

/**
 * AdamW: m and v are running averages of the gradient and its square, both corrected for their start at zero;
 * p -= rate (m / (sqrt(v) + epsilon) + decay (p - home)). Source: Loshchilov and Hutter, Decoupled weight decay
 * regularization, ICLR 2019, algorithm 2; decay towards where learning began: Li et al., Explicit inductive bias for
 * transfer learning, ICML 2018, eq. 3.
 */
export const adamW = ({ beta1 = 0.9, beta2 = 0.99, epsilon = 1e-8 } = {}): Optimizer => ({
  carries: ['mean', 'square'],
  update(state, gradient, pace, each) {
    const mean = add(mul(state.mean!, beta1), mul(gradient, 1 - beta1));
    const square = add(mul(state.square!, beta2), mul(mul(gradient, gradient), 1 - beta2));
    const corrected = (average: Node, beta: number): Node => div(average, sub(1, power(beta, pace.step)));
    const direction = div(corrected(mean, beta1), add(sqrt(corrected(square, beta2)), epsilon));
    return { parameters: moved(state.parameters, direction, pace, each), mean, square };
  },
});

/** base^exponent of a positive number. */
const power = (base: number, exponent: Node): Node => exp(mul(exponent, Math.log(base)));

/** The Euclidean length of a vector. */
export const norm = (x: Node): Node => sqrt(reduceSum(mul(x, x)));

/** The vector, made shorter where it is longer than `most`. Source: Pascanu et al., ICML 2013, algorithm 1. */
export const clipped = (x: Node, length: Node, most: number): Node => mul(x, min(div(most, add(length, 1e-12)), 1));
