import type { Step } from '../step.ts';

/** Prediction 1.0, of which nothing is published: programs written for it ask and read as those for 1.1 do. */
export const prediction10: Step = { version: '1.0' };
