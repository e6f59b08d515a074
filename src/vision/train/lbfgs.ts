/** A smooth function at one point. */
export interface Evaluation {
  readonly value: number;
  /** Same length as the point; not kept by the evaluator. */
  readonly gradient: Float64Array;
}

/** When to stop. */
export interface LbfgsOptions {
  /** Stops once no component of the gradient is larger than this. */
  readonly gradientTolerance: number;
  /** Stops once a step lowers the value by less than this part of it. */
  readonly valueTolerance: number;
  readonly maxIterations: number;
  /** Pairs remembered to shape the next step, 3..20. */
  readonly memory?: number;
}

/** Where a minimisation ended. */
export interface Minimum extends Evaluation {
  readonly point: Float64Array;
  readonly evaluations: number;
}

interface Pair {
  readonly step: Float64Array;
  readonly change: Float64Array;
  /** 1 / (step · change) */
  readonly rho: number;
}

/**
 * Minimises a smooth function by L-BFGS from `start`, which is left as it is. Deterministic: the same function and
 * start give the same bits. Whatever `evaluate` throws ends it. A function that is not finite at `start` is returned as
 * it is. Source: Nocedal & Wright, Numerical Optimization, 2nd ed., algorithms 7.4 (two-loop recursion) and 7.5,
 * initial matrix (7.20); line search by bracketing for the weak Wolfe conditions (3.6): Lewis & Overton, Mathematical
 * Programming 141 (2013), algorithm 2.6.
 */
export async function minimise(
  evaluate: (point: Float64Array) => Promise<Evaluation>,
  start: Float64Array,
  options: LbfgsOptions,
): Promise<Minimum> {
  const { memory = 8 } = options;
  const pairs: Pair[] = [];
  let point = start;
  let { value, gradient } = await evaluate(point);
  let evaluations = 1;
  for (
    let iteration = 0;
    iteration < options.maxIterations && largest(gradient) > options.gradientTolerance;
    iteration++
  ) {
    let direction = descent(pairs, gradient);
    let slope = dot(direction, gradient);
    if (!(slope < 0)) {
      // Rounding spoilt the memory: begin again from steepest descent.
      pairs.length = 0;
      direction = descent(pairs, gradient);
      slope = dot(direction, gradient);
    }
    const found = await search(
      evaluate,
      point,
      value,
      direction,
      slope,
      pairs.length === 0 ? 1 / Math.sqrt(dot(gradient, gradient)) : 1,
    );
    evaluations += found.evaluations;
    if (found.point === undefined) break;
    const step = difference(found.point, point);
    const change = difference(found.gradient, gradient);
    const curvature = dot(step, change);
    if (curvature > 1e-12 * dot(change, change)) {
      pairs.push({ step, change, rho: 1 / curvature });
      if (pairs.length > memory) pairs.shift();
    }
    const gain = value - found.value;
    ({ point, value, gradient } = found);
    if (gain <= options.valueTolerance * Math.abs(value)) break;
  }
  return { point, value, gradient, evaluations };
}

/** -H · gradient by the two-loop recursion. */
function descent(pairs: readonly Pair[], gradient: Float64Array): Float64Array {
  const direction = new Float64Array(gradient.length);
  add(direction, -1, gradient);
  const alphas = new Float64Array(pairs.length);
  for (let i = pairs.length - 1; i >= 0; i--) {
    const { step, change, rho } = pairs[i]!;
    alphas[i] = rho * dot(step, direction);
    add(direction, -alphas[i]!, change);
  }
  const last = pairs.at(-1);
  if (last !== undefined) {
    const scale = 1 / (last.rho * dot(last.change, last.change));
    for (let i = 0; i < direction.length; i++) direction[i]! *= scale;
  }
  for (const [i, { step, change, rho }] of pairs.entries())
    add(direction, alphas[i]! - rho * dot(change, direction), step);
  return direction;
}

/**
 * A point along `direction` that meets the weak Wolfe conditions; `point` is absent when rounding hides any descent.
 */
async function search(
  evaluate: (point: Float64Array) => Promise<Evaluation>,
  from: Float64Array,
  value: number,
  direction: Float64Array,
  slope: number,
  first: number,
): Promise<
  { evaluations: number } & ({ point: Float64Array; value: number; gradient: Float64Array } | { point: undefined })
> {
  let low = 0;
  let high = Number.POSITIVE_INFINITY;
  let length = first;
  for (let evaluations = 1; evaluations <= 30; evaluations++) {
    const point = new Float64Array(from.length);
    for (let i = 0; i < point.length; i++) point[i] = from[i]! + length * direction[i]!;
    const at = await evaluate(point);
    if (!(at.value <= value + 1e-4 * length * slope)) high = length;
    else if (dot(at.gradient, direction) < 0.9 * slope) low = length;
    else return { evaluations, point, value: at.value, gradient: at.gradient };
    length = high === Number.POSITIVE_INFINITY ? 2 * low : (low + high) / 2;
  }
  return { evaluations: 30, point: undefined };
}

/** Four running sums let the processor overlap the additions; their order is fixed. */
function dot(a: Float64Array, b: Float64Array): number {
  let s0 = 0;
  let s1 = 0;
  let s2 = 0;
  let s3 = 0;
  const whole = a.length - (a.length % 4);
  for (let i = 0; i < whole; i += 4) {
    s0 += a[i]! * b[i]!;
    s1 += a[i + 1]! * b[i + 1]!;
    s2 += a[i + 2]! * b[i + 2]!;
    s3 += a[i + 3]! * b[i + 3]!;
  }
  for (let i = whole; i < a.length; i++) s0 += a[i]! * b[i]!;
  return s0 + s1 + (s2 + s3);
}

function add(to: Float64Array, factor: number, other: Float64Array): void {
  for (let i = 0; i < to.length; i++) to[i]! += factor * other[i]!;
}

function difference(a: Float64Array, b: Float64Array): Float64Array {
  const out = new Float64Array(a.length);
  for (let i = 0; i < a.length; i++) out[i] = a[i]! - b[i]!;
  return out;
}

function largest(values: Float64Array): number {
  let most = 0;
  for (let i = 0; i < values.length; i++) most = Math.max(most, Math.abs(values[i]!));
  return most;
}
