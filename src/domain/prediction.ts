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
