import { withSevenDigits } from '../json.ts';
import type { Step } from '../step.ts';
import { training30 } from './training-3.0.ts';
import { training31 } from './training-3.1.ts';
import { training32 } from './training-3.2.ts';

/** Prediction 3.0 as it differs from 3.1: no types of predicted tags, seven digits in dates. */
export const prediction30: Step = {
  version: '3.0',
  models: {
    Prediction: { omit: ['tagType'] },
    ImagePrediction: { rewrite: (prediction) => ({ ...prediction, created: withSevenDigits(prediction.created) }) },
  },
  // Its list is that of Training 3.0 but for one code; that of 3.1 is Training 3.3's.
  problems: {
    ...training32.problems,
    ...training31.problems,
    ...training30.problems,
    BadRequestIterationNotPublished: 'BadRequest',
  },
};
