import type { Box } from './region.ts';

/** Where something may be in an image, whatever it is. */
export interface RegionProposal {
  readonly box: Box;
  /** 0..1 */
  readonly confidence: number;
}
