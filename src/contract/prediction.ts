import type { Operation } from './operation.ts';
import { id, optional, query as parameters, text } from './schema.ts';
import { ImagePrediction, ImageUrl } from './wire.ts';

const classify = '/{projectId}/classify/iterations/{publishedName}';
const detect = '/{projectId}/detect/iterations/{publishedName}';
const application = optional(
  text({ description: 'The name of the program that asks, kept with the stored prediction.' }),
);
const query = parameters({ application });
/** Of the operations before there were published names. */
const asked = {
  until: '2.0',
  query: parameters({
    iterationId: optional(id({ description: 'Any trained iteration; the default one of the project when absent.' })),
    application,
  }),
} as const;
const picture = { kind: 'pictures', most: 1 } as const;
const url = { kind: 'json', schema: ImageUrl, required: true } as const;

const post = { api: 'prediction', method: 'POST', query, reply: ImagePrediction, success: [200] } as const;

/** The Prediction API. Source: its Swagger files 1.1 to 3.1. */
export const predictionOperations = {
  PredictImage: {
    ...post,
    ...asked,
    path: '/{projectId}/image',
    since: '1.0',
    body: picture,
    summary: 'Predict a picture with an iteration and keep it with the answer.',
  },
  PredictImageWithNoStore: {
    ...post,
    ...asked,
    path: '/{projectId}/image/nostore',
    since: '1.0',
    body: picture,
    summary: 'Predict a picture with an iteration and keep nothing.',
  },
  PredictImageUrl: {
    ...post,
    ...asked,
    path: '/{projectId}/url',
    since: '1.0',
    body: url,
    summary: 'Predict the picture at an address with an iteration and keep it with the answer.',
  },
  PredictImageUrlWithNoStore: {
    ...post,
    ...asked,
    path: '/{projectId}/url/nostore',
    since: '1.0',
    body: url,
    summary: 'Predict the picture at an address with an iteration and keep nothing.',
  },
  ClassifyImage: {
    ...post,
    path: `${classify}/image`,
    since: '3.0',
    body: picture,
    summary: 'Classify a picture and keep it with the answer.',
  },
  ClassifyImageWithNoStore: {
    ...post,
    path: `${classify}/image/nostore`,
    since: '3.0',
    body: picture,
    summary: 'Classify a picture and keep nothing.',
  },
  ClassifyImageUrl: {
    ...post,
    path: `${classify}/url`,
    since: '3.0',
    body: url,
    summary: 'Classify the picture at an address and keep it with the answer.',
  },
  ClassifyImageUrlWithNoStore: {
    ...post,
    path: `${classify}/url/nostore`,
    since: '3.0',
    body: url,
    summary: 'Classify the picture at an address and keep nothing.',
  },
  DetectImage: {
    ...post,
    path: `${detect}/image`,
    since: '3.0',
    body: picture,
    summary: 'Find things in a picture and keep it with the answer.',
  },
  DetectImageWithNoStore: {
    ...post,
    path: `${detect}/image/nostore`,
    since: '3.0',
    body: picture,
    summary: 'Find things in a picture and keep nothing.',
  },
  DetectImageUrl: {
    ...post,
    path: `${detect}/url`,
    since: '3.0',
    body: url,
    summary: 'Find things in the picture at an address and keep it with the answer.',
  },
  DetectImageUrlWithNoStore: {
    ...post,
    path: `${detect}/url/nostore`,
    since: '3.0',
    body: url,
    summary: 'Find things in the picture at an address and keep nothing.',
  },
} as const satisfies Record<string, Operation>;
