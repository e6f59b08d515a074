import { AppError, expected } from '../../base/errors.ts';
import type { Classifier } from './classifier.ts';

/**
 * Probability of every label for one picture: float32 [C], 0..1; they sum to 1 when multiclass.
 * Sums are in double precision and in a fixed order: the same features give the same bits everywhere.
 * `features`: float32 [d]. @throws AppError `BadFeatures` when they are of another length than the classifier's.
 */
export function classify(classifier: Classifier, features: Float32Array): Float32Array {
  const { kind, classes, mean, scale, weights, bias, temperature } = classifier;
  const length = mean.length;
  if (features.length !== length)
    throw new AppError('BadFeatures', expected(`${length} features`, 'a picture', features.length));
  const standard = Float64Array.from(features, (value, i) => (value - mean[i]!) / scale[i]!);
  const scores = Float64Array.from({ length: classes }, (_, label) => {
    let score = bias[label]!;
    for (let i = 0; i < length; i++) score += weights[label * length + i]! * standard[i]!;
    return score / temperature;
  });
  return kind === 'multiclass' ? softmax(scores) : Float32Array.from(scores, (score) => 1 / (1 + Math.exp(-score)));
}

function softmax(scores: Float64Array): Float32Array {
  const top = scores.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const powers = scores.map((score) => Math.exp(score - top));
  const total = powers.reduce((sum, power) => sum + power, 0);
  return Float32Array.from(powers, (power) => power / total);
}
