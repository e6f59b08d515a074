import type { Step } from '../step.ts';

/** Prediction 2.0: its operations are others than those of 3.0, their answers the same. */
export const prediction20: Step = { version: '2.0' };
