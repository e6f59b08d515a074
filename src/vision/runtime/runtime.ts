import { AppError, expected } from '../../base/errors.ts';
import type { Graph } from '../graph/graph.ts';
import type { TensorType } from '../graph/shapes.ts';
import { shapeText } from '../graph/shapes.ts';
import type { Tensor } from '../graph/tensor.ts';

/** A named value at the edge of a model. */
export interface Port extends TensorType {
  readonly name: string;
}

/** How a model is to be run. */
export interface LoadOptions {
  /** Threads one run may use, 1 if not given. */
  readonly threads?: number;
  /** Whether the runtime may rewrite the graph for speed, yes if not given; no makes loading faster. */
  readonly optimise?: boolean;
}

/** A loaded model. */
export interface Session {
  readonly inputs: readonly Port[];
  /** Names of the outputs, in the model's order. */
  readonly outputs: readonly string[];
  /**
   * Computes every output from exactly the inputs. Blocks the calling thread while it computes: call it in a worker.
   * @throws AppError `BadFeed` when an input is missing, unknown, or of another type or shape than the model says; the
   * session stays usable.
   */
  run(feeds: Readonly<Record<string, Tensor>>): Promise<Readonly<Record<string, Tensor>>>;
  /** Frees the model. No run may follow. */
  close(): Promise<void>;
}

/** Something that can run ONNX models. */
export interface Runtime {
  /**
   * A session of its own for the model, whose bytes are not kept.
   * @throws AppError `BadModel` when it cannot be read, `UnsupportedOp` when it needs an operation this runtime does
   * not have.
   */
  load(model: Uint8Array, options?: LoadOptions): Promise<Session>;
  /**
   * A session for a graph, in whatever operations this runtime is fastest with: what comes out may differ in the last
   * digits from what {@link Runtime.load} computes of the graph written as a model.
   * @throws AppError `BadModel`, `UnsupportedOp`.
   */
  compile(graph: Graph, options?: LoadOptions): Promise<Session>;
}

/**
 * Checks feeds against the inputs; equal names must stand for equal sizes.
 * @throws AppError `BadFeed` naming the first input that does not fit.
 */
export function checkFeeds(inputs: readonly Port[], feeds: Readonly<Record<string, Tensor>>): void {
  const sizes = new Map<string, number>();
  for (const { name, dtype, shape } of inputs) {
    const feed = feeds[name];
    const fits =
      feed?.dtype === dtype &&
      feed.shape.length === shape.length &&
      shape.every((size, axis) => {
        const given = feed.shape[axis]!;
        if (typeof size === 'number') return size === given;
        const known = sizes.get(size);
        sizes.set(size, given);
        return known === undefined || known === given;
      });
    if (!fits) {
      const received = feed && `${feed.dtype} ${shapeText(feed.shape)}`;
      throw new AppError('BadFeed', expected(`${dtype} ${shapeText(shape)}`, `input ${name}`, received));
    }
  }
  const unknown = Object.keys(feeds).find((name) => !inputs.some((input) => input.name === name));
  if (unknown !== undefined)
    throw new AppError('BadFeed', expected(inputs.map((input) => input.name).join(', '), 'the inputs', unknown));
}
