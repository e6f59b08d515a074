import { withZone } from '../json.ts';
import { id, listOf, optional } from '../schema.ts';
import type { Step } from '../step.ts';
import { Prediction } from '../wire.ts';
import { onePerTag, pascalCase, predicted } from './prediction-1.1.ts';

/**
 * Training 1.2 as it differs from 2.0: PascalCase; classifiers only, so of a detector it tells which things are there but
 * not where; one threshold, which must be given. Dates of images have a zone.
 */
export const training12: Step = {
  version: '1.2',
  naming: pascalCase,
  models: {
    ...predicted,
    Domain: { omit: ['type', 'enabled'] },
    Project: {
      add: { currentIterationId: id() },
      rewrite: ({ id: projectId, name, description, settings, ...rest }) => ({
        id: projectId,
        name,
        description,
        settings,
        currentIterationId: projectId,
        ...rest,
      }),
    },
    Image: {
      omit: ['regions'],
      add: { predictions: optional(listOf(Prediction)) },
      rewrite: (image) => ({ ...image, created: withZone(image.created) }),
    },
    ImageTag: { omit: ['tagName'], rewrite: (tag) => ({ ...tag, created: withZone(tag.created) }) },
    ImageCreateResult: {
      rewrite: (result) => ({
        ...result,
        status: result.status === 'ErrorRegionLimitExceed' ? 'ErrorTagLimitExceed' : result.status,
      }),
    },
    StoredImagePrediction: {
      omit: ['domain'],
      rewrite: ({ id: its, project, iteration, created, predictions, ...links }) => ({
        id: its,
        project,
        iteration,
        created,
        predictions: onePerTag(predictions),
        ...links,
      }),
    },
    TagPerformance: { omit: ['averagePrecision'] },
    IterationPerformance: { omit: ['averagePrecision'] },
    Export: { omit: ['flavor'] },
  },
  operations: {
    GetIterationPerformance: { omitQuery: ['overlapThreshold'], requireQuery: ['threshold'] },
    ExportIteration: { omitQuery: ['flavor'] },
  },
};
