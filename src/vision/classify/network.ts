import { add, div, matMul, sub } from '../graph/build.ts';
import { constant, type Graph, type InputNode, input, type Node } from '../graph/graph.ts';
import { type Tensor, tensor } from '../graph/tensor.ts';
import { type Learnable, learnable } from '../train/learnable.ts';
import { withoutFirstLayers } from '../train/whole.ts';
import type { Classifier } from './classifier.ts';

/** A backbone as a classifier that changes it uses it, for so many pictures at a time. */
export interface ClassifierBody {
  /** [N, 3, size, size], as the backbone takes it */
  readonly picture: InputNode;
  readonly network: Learnable;
  /** Names of the weights behind the layers up to maps `stride` pixels apart. */
  behind(stride: number): string[];
  /** The features [N, d], with some weights replaced. */
  features(weights: Readonly<Record<string, Node>>): Node;
}

/** The one output of a graph from pictures, `count` of `size` pixels, to features, made the body of a classifier. */
export function classifierBody(features: Graph, count: number, size: number): ClassifierBody {
  const picture = input('picture', 'float32', [count, 3, size, size]);
  const network = learnable(features);
  const [name] = Object.keys(features.outputs) as [string];
  return {
    picture,
    network,
    behind: (stride) => withoutFirstLayers(features, network, [name], { size, stride }),
    features: (weights) => network.with(weights, () => picture)[name]!,
  };
}

/** Names of the head's weights [d, C] and bias [C], as they are learned. */
const head = { weights: 'head.weights', bias: 'head.bias' } as const;

/** What is learned of a linear classifier, by name. */
export const headWeights = ({ mean, classes, weights, bias }: Classifier): Record<string, Tensor> => ({
  [head.weights]: tensor('float32', [mean.length, classes], transposed(weights, mean.length)),
  [head.bias]: tensor('float32', [classes], bias),
});

/** Scores [N, C] of pictures, with features standardised as the classifier has it; temperature left out. */
export function scores(
  body: ClassifierBody,
  { mean, scale }: Classifier,
  weights: Readonly<Record<string, Node>>,
): Node {
  const row = (values: Float32Array): Node => constant(tensor('float32', [values.length], values));
  const standard = div(sub(body.features(weights), row(mean)), row(scale));
  return add(matMul(standard, weights[head.weights]!), weights[head.bias]!);
}

/** The classifier with these weights, of head and backbone, instead of its own; its temperature is 1. */
export function withWeights(classifier: Classifier, weights: Readonly<Record<string, Tensor>>): Classifier {
  const { [head.weights]: matrix, [head.bias]: bias, ...backbone } = weights;
  return {
    ...classifier,
    weights: transposed(matrix!.data as Float32Array, classifier.classes),
    bias: bias!.data as Float32Array,
    temperature: 1,
    backbone,
  };
}

/** A matrix of so many columns with rows and columns exchanged. */
function transposed(matrix: Float32Array, columns: number): Float32Array {
  const rows = matrix.length / columns;
  return Float32Array.from(matrix, (_, at) => matrix[(at % rows) * columns + Math.floor(at / rows)]!);
}
