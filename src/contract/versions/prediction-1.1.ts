import type { ModelChange, Models, Step } from '../step.ts';

/** `imageId` -> `ImageId`. */
export const pascalCase = (name: string): string => name.charAt(0).toUpperCase() + name.slice(1);

/** Of what was predicted the most probable of each tag; `predictions` has the most probable first. */
export const onePerTag = (predictions: Models['ImagePrediction']['predictions']) =>
  predictions.filter(({ tagId }, n) => predictions.findIndex((one) => one.tagId === tagId) === n);

/** What both APIs of 1.x said of a picture: each tag once, whatever was found where. The order is part of it for some. */
export const predicted: {
  readonly Prediction: ModelChange<Models['Prediction']>;
  readonly ImagePrediction: ModelChange<Models['ImagePrediction']>;
} = {
  Prediction: {
    omit: ['boundingBox'],
    rename: { tagName: 'tag' },
    rewrite: ({ probability, ...tag }) => ({ ...tag, probability }),
  },
  ImagePrediction: { rewrite: (prediction) => ({ ...prediction, predictions: onePerTag(prediction.predictions) }) },
};

/** Prediction 1.1 as it differs from 2.0: PascalCase, and classifiers only. */
export const prediction11: Step = { version: '1.1', naming: pascalCase, models: predicted };
