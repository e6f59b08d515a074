import type { Micros } from '../base/clock.ts';
import type { Box } from './region.ts';
import type { TagType } from './tag.ts';

/** One tag's probability, and where, for detectors. */
export interface Prediction {
  readonly tagId: string;
  readonly tagName: string;
  readonly tagType: TagType;
  /** 0..1 */
  readonly probability: number;
  readonly box: Box | null;
}

/** The answer to one picture. */
export interface ImagePrediction {
  readonly id: string;
  readonly projectId: string;
  readonly iterationId: string;
  readonly created: Micros;
  /** Classification: most probable first. */
  readonly predictions: readonly Prediction[];
}

/** An answer that was kept with its picture. */
export interface StoredPrediction extends ImagePrediction {
  readonly domainId: string;
}

/** What to look for among the stored predictions. */
export interface PredictionQuery {
  readonly continuation: string | null;
  /** 0 = the default. */
  readonly maxCount: number;
  readonly orderBy: 'Newest' | 'Oldest' | 'Suggested';
  readonly tags: readonly { readonly id: string; readonly minThreshold: number; readonly maxThreshold: number }[];
  readonly iterationId: string | null;
  readonly startTime: Micros | null;
  readonly endTime: Micros | null;
  readonly application: string | null;
}

/**
 * How uncertain an answer is, in nats: for each tag or box the entropy of whether it is right, -p ln p - (1 - p) ln (1 - p),
 * added up. Of two answers a person's correction of the more uncertain one teaches more. A picture in which nothing was
 * found has 0: there is nothing in its answer to be in doubt about.
 */
export const uncertainty = (predictions: readonly Pick<Prediction, 'probability'>[]): number =>
  predictions.reduce((sum, { probability: p }) => sum + part(p) + part(1 - p), 0);

const part = (p: number): number => (p > 0 ? -p * Math.log(p) : 0);

/** The {@link uncertainty} as it is stored, for ordering: a whole number of 1e-12 nats, so that sure answers differ too. */
export const doubtOf = (predictions: readonly Pick<Prediction, 'probability'>[]): number =>
  Math.round(1e12 * uncertainty(predictions));
