import { longestRetentionDays } from '../domain/retention.ts';
import { boolean, int32, model, nullable, optional } from './schema.ts';

const bad = { 'x-problem': 'BadRequest' } as const;
const predictions = { ...bad, minimum: 0, maximum: longestRetentionDays };
const exports = { ...bad, minimum: 1, maximum: longestRetentionDays };

/** How long a project keeps what is made while it is used. */
export const Retention = model('Retention', {
  predictionsDays: int32({ ...predictions, description: 'Days that a stored prediction is kept; 0: none is stored.' }),
  exportsDays: nullable(int32({ ...exports, description: 'Days that an export is kept; null: until it is deleted.' })),
  storesPredictions: boolean({
    description: 'Whether predictions are stored at all: not with 0 days, and not on a server that never stores any.',
  }),
});

/** What is to change; what is absent stays. */
export const RetentionUpdate = model(
  'RetentionUpdate',
  { predictionsDays: optional(int32(predictions)), exportsDays: optional(nullable(int32(exports))) },
  bad,
);
