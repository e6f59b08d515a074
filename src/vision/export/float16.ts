import { AppError } from '../../base/errors.ts';
import type { Graph } from '../graph/graph.ts';
import { constant, graph, input } from '../graph/graph.ts';
import { rewrite } from '../graph/rewrite.ts';
import { isFloat, numbersOf, tensorOf } from '../graph/tensor.ts';

/**
 * The graph with every floating point input, constant and result in half precision.
 * @throws AppError `ExportCheck` when a constant is beyond what half precision can hold (65504).
 */
export function halfPrecision(whole: Graph): Graph {
  const outputs = rewrite(whole, (leaf) => {
    if (!isFloat(leaf.dtype)) return leaf;
    if (leaf.kind === 'input') return input(leaf.name, 'float16', leaf.shape);
    const half = tensorOf('float16', leaf.value.shape, numbersOf(leaf.value));
    if (!(half.data as Float16Array).every(Number.isFinite)) {
      throw new AppError(
        'ExportCheck',
        'expected weights of at most 65504 for half precision but received larger ones',
      );
    }
    return constant(half);
  });
  return graph(outputs);
}
