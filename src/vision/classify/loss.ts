import { backward } from '../autodiff/backward.ts';
import { add, logSoftmax, matMul, mul, neg, reduceSum, softplus, sub } from '../graph/build.ts';
import { graph, input, type Node } from '../graph/graph.ts';
import { writeOnnx } from '../graph/onnx-write.ts';
import type { ClassifierKind } from './classifier.ts';

/** The sizes a loss model is made for. */
export interface LossSizes {
  /** Numbers per picture, d. */
  readonly length: number;
  /** Labels, C. */
  readonly classes: number;
}

/**
 * Cross-entropy of scores [N, C] against what is true, a part for every label [N, C]: of a softmax when multiclass
 * (Bishop, Pattern Recognition and Machine Learning, eq. 4.108), of one sigmoid per label when multilabel (eq. 4.90, as
 * softplus(z) - t z, which never overflows).
 */
export const crossEntropy = (kind: ClassifierKind, logits: Node, targets: Node): Node =>
  kind === 'multiclass' ? neg(mul(targets, logSoftmax(logits))) : sub(softplus(logits), mul(targets, logits));

/**
 * The data term of learning a linear classifier and its gradient, as an ONNX model for any number of rows.
 * Inputs, all float32: `x` ['rows', d], `targets` ['rows', C] of 0 and 1, `counts` [1, 'rows'] how much each row counts
 * (0: not at all), `weights` [d, C], `bias` [C]. Outputs: `logits` ['rows', C], `loss` [] and its gradients `dWeights`
 * [d, C], `dBias` [C]. The loss is the sum over rows of count times {@link crossEntropy}.
 */
export function lossModel(kind: ClassifierKind, { length, classes }: LossSizes): Uint8Array {
  const x = input('x', 'float32', ['rows', length]);
  const targets = input('targets', 'float32', ['rows', classes]);
  const counts = input('counts', 'float32', [1, 'rows']);
  const weights = input('weights', 'float32', [length, classes]);
  const bias = input('bias', 'float32', [classes]);
  const logits = add(matMul(x, weights), bias);
  // A product sums over the rows: the gradient of a plain sum would have to know how many there are.
  const loss = reduceSum(matMul(counts, crossEntropy(kind, logits, targets)));
  const [dWeights, dBias] = backward(loss, [weights, bias]) as [Node, Node];
  return writeOnnx(graph({ logits, loss, dWeights, dBias }, [x, targets, counts, weights, bias]));
}
