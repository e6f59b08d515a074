import { backward } from '../autodiff/backward.ts';
import { add, concat, mul, reshape, sub } from '../graph/build.ts';
import { constant, graph, type InputNode, input, type Node } from '../graph/graph.ts';
import { elements, type Tensor, tensor } from '../graph/tensor.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { cut, type Layout } from './layout.ts';
import { clipped, norm, type Optimizer } from './optimizer.ts';

/** What is to be learned, and how. */
export interface StepPlan {
  readonly layout: Layout;
  /** The parameters at first, float32 [layout.length]; what `decay` draws towards where `home` is not given. */
  readonly start: Float32Array;
  /** What is fed besides the parameters. */
  readonly inputs: readonly InputNode[];
  /**
   * The loss, one float32, from the parameters by name and the inputs; values to be told beside it; and those that count
   * as constants when it is differentiated.
   */
  loss(parameters: Readonly<Record<string, Node>>): {
    readonly loss: Node;
    readonly told?: Readonly<Record<string, Node>>;
    readonly held?: readonly Node[];
  };
  readonly optimizer: Optimizer;
  /** Each float32 [layout.length] or one number; 1, 0 and `start` if not given. */
  readonly rates?: Float32Array | number;
  readonly decay?: Float32Array | number;
  readonly home?: Float32Array;
  /** Gradients longer than this are made as long as this. */
  readonly clip?: number;
  /** Whether a moving average of the parameters is kept as well. */
  readonly averaged?: boolean;
}

/** What one step is given. */
export interface StepInput {
  readonly feeds: Readonly<Record<string, Tensor>>;
  readonly rate: number;
  /** The weight of what was there in the moving average, 0..1. */
  readonly keep?: number;
  /** A step whose gradient is longer than this is not taken. */
  readonly most?: number;
}

/** What one step tells. */
export interface StepResult {
  readonly loss: number;
  /** Length of the gradient before it was clipped. */
  readonly norm: number;
  readonly told: Readonly<Record<string, Tensor>>;
}

/** Parameters that learn step by step. */
export interface Trainer {
  /**
   * One step. When its loss or gradient is not a finite number, or the gradient longer than `most`, the parameters stay
   * as they were, and it says so.
   * Blocks the thread while it computes.
   */
  step(input: StepInput): Promise<StepResult & { readonly taken: boolean }>;
  /** What was learned so far, float32 [layout.length]; not to be changed. */
  parameters(): Float32Array;
  /** Their moving average; the parameters themselves where none is kept. */
  average(): Float32Array;
  /** Goes on from here: parameters and average are these, the optimiser starts anew. */
  restart(parameters: Float32Array): void;
  close(): Promise<void>;
}

/**
 * Prepares a step as one graph for the runtime: loss, gradients in reverse mode and optimiser together. Sizes of the
 * inputs must be known beforehand. @throws AppError `BadGraph`.
 */
export async function createTrainer(runtime: Runtime, plan: StepPlan, threads?: number): Promise<Trainer> {
  const { layout, start, optimizer, averaged = false } = plan;
  const session = await runtime.compile(stepGraph(plan), threads === undefined ? {} : { threads });
  const vector = (data: Float32Array): Tensor => tensor('float32', [layout.length], data);
  const scalar = (value: number): Tensor => tensor('float32', [], Float32Array.of(value));
  let state: Record<string, Tensor>;
  let steps: number;
  const restart = (parameters: Float32Array): void => {
    steps = 0;
    state = { parameters: vector(parameters.slice()) };
    for (const name of optimizer.carries) state[name] = vector(new Float32Array(layout.length));
    if (averaged) state.average = vector(parameters.slice());
  };
  restart(start);
  return {
    async step({ feeds, rate, keep = 0, most = Number.MAX_VALUE }) {
      const numbers = { rate: scalar(rate), step: scalar(steps + 1), ...(averaged && { keep: scalar(keep) }) };
      const results = await session.run({ ...feeds, ...numbers, ...state });
      const [loss, length] = [results.loss!, results.norm!].map((value) => value.data[0] as number) as [number, number];
      const taken = Number.isFinite(loss) && length <= most;
      if (taken) {
        state = Object.fromEntries(Object.keys(state).map((name) => [name, results[after(name)]!]));
        steps++;
      }
      const told = Object.entries(results).flatMap(([name, value]) =>
        name.startsWith('told.') ? [[name.slice('told.'.length), value] as const] : [],
      );
      return { loss, norm: length, told: Object.fromEntries(told), taken };
    },
    parameters: () => state.parameters!.data as Float32Array,
    average: () => (state.average ?? state.parameters!).data as Float32Array,
    restart,
    close: () => session.close(),
  };
}

/** The name under which a step hands back a part of the state. */
const after = (name: string): string => `${name}.after`;

function stepGraph({ layout, start, inputs, loss, optimizer, rates = 1, decay = 0, home, clip, averaged }: StepPlan) {
  const vector = (name: string): InputNode => input(name, 'float32', [layout.length]);
  const number = (name: string): InputNode => input(name, 'float32', []);
  const fixed = (value: Float32Array | number): Node | number =>
    typeof value === 'number' ? value : constant(tensor('float32', [layout.length], value));
  const parameters = vector('parameters');
  const carried = optimizer.carries.map(vector);
  const pace = { rate: number('rate'), step: number('step') };
  const parts = cut(parameters, layout);
  const { loss: value, told = {}, held = [] } = loss(parts);
  // By the parts rather than by the vector they are cut from: each would be padded to its length and added otherwise.
  const gradients = backward(value, Object.values(parts), held).map((g, i) =>
    reshape(g, [elements(Object.values(layout.parts)[i]!.shape)]),
  );
  const gradient = concat(gradients, 0);
  const length = norm(gradient);
  const next = optimizer.update(
    { parameters, ...Object.fromEntries(carried.map((node) => [node.name, node])) },
    clip === undefined ? gradient : clipped(gradient, length, clip),
    pace,
    { rate: fixed(rates), decay: fixed(decay), home: decay === 0 ? 0 : fixed(home ?? start) },
  );
  const average = vector('average');
  const keep = number('keep');
  const outputs: Record<string, Node> = { loss: value, norm: length };
  for (const [name, node] of Object.entries(next)) outputs[after(name)] = node;
  if (averaged) outputs[after('average')] = add(next.parameters, mul(sub(average, next.parameters), keep));
  for (const [name, node] of Object.entries(told)) outputs[`told.${name}`] = node;
  return graph(outputs, [
    ...inputs,
    pace.rate,
    pace.step,
    parameters,
    ...carried,
    ...(averaged ? [keep, average] : []),
  ]);
}
