import type { Classifier } from '../classify/classifier.ts';
import { add, matMul, sigmoid, softmax, sub } from '../graph/build.ts';
import type { Node } from '../graph/graph.ts';
import { constant } from '../graph/graph.ts';
import { tensorOf } from '../graph/tensor.ts';

/**
 * The classifier as nodes: features [N, d] to probabilities [N, C], of the features' element type.
 * Scale and temperature are folded into the weights; the mean is subtracted by itself, because folded into the bias it
 * would cancel against large products and cost half precision its last digits.
 */
export function head(features: Node, { kind, classes, mean, scale, weights, bias, temperature }: Classifier): Node {
  const length = mean.length;
  const { dtype } = features;
  const folded = Float64Array.from({ length: length * classes }, (_, at) => {
    const [feature, label] = [Math.floor(at / classes), at % classes];
    return weights[label * length + feature]! / (scale[feature]! * temperature);
  });
  const offsets = Float64Array.from(bias, (value) => value / temperature);
  const centred = sub(features, constant(tensorOf(dtype, [length], mean)));
  const products = matMul(centred, constant(tensorOf(dtype, [length, classes], folded)));
  const scores = add(products, constant(tensorOf(dtype, [classes], offsets)));
  return kind === 'multiclass' ? softmax(scores, 1) : sigmoid(scores);
}
