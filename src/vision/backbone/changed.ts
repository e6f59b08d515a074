import { AppError, expected } from '../../base/errors.ts';
import { constant, graph, type Node } from '../graph/graph.ts';
import { sameShape, shapeText } from '../graph/shapes.ts';
import type { Tensor } from '../graph/tensor.ts';
import { learnable } from '../train/learnable.ts';
import type { Backbone } from './load.ts';

/** Weights of a backbone that were learned too. */
export interface ChangedWeights {
  /** A name for them, another whenever they are others. */
  readonly key: string;
  readonly weights: Readonly<Record<string, Tensor>>;
}

/**
 * A backbone with some of its weights, by their names in `learnable`, replaced.
 * @throws AppError `BadClassifier` when it has no such weight, or one of another shape.
 */
export function changedBackbone(backbone: Backbone, weights: Readonly<Record<string, Tensor>>): Backbone {
  const network = learnable(backbone.graph);
  const constants: Record<string, Node> = {};
  for (const [name, value] of Object.entries(weights)) {
    const own = network.weights[name];
    if (own === undefined || !sameShape(own.shape, value.shape))
      throw new AppError(
        'BadClassifier',
        expected(own ? shapeText(own.shape) : `no weight ${name}`, backbone.entry.name, shapeText(value.shape)),
      );
    constants[name] = constant(value);
  }
  return { ...backbone, graph: graph(network.with(constants), backbone.graph.inputs) };
}
