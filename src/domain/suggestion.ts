import type { Image } from './image.ts';
import type { ImagePrediction } from './prediction.ts';

/** How many days suggestions are kept. */
export const suggestionDays = 30;

/** What an iteration suggests for an image without tags; its id is the image's. */
export interface Suggestion extends ImagePrediction {
  /** `uncertainty` of its predictions: the higher, the more is learned from a person's answer. */
  readonly uncertainty: number;
}

/** A suggestion that was kept, with its image. */
export interface StoredSuggestion extends Suggestion {
  readonly image: Pick<Image, 'width' | 'height'>;
  readonly domainId: string;
}

/** Suggestions to look for: any of the tags, all without one, with at least this probability. */
export interface SuggestionFilter {
  readonly tagIds: readonly string[];
  /** 0..1 */
  readonly threshold: number;
}

/** Which page of them. */
export interface SuggestionQuery extends SuggestionFilter {
  readonly continuation: string | null;
  /** 0 = the default. */
  readonly maxCount: number;
  readonly sortBy: 'UncertaintyAscending' | 'UncertaintyDescending';
}
