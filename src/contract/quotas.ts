import type { AccountUsage, Quota } from '../domain/account.ts';
import { type Quotas, tierNames, tiers } from '../domain/tier.ts';
import { duration } from './json.ts';
import { float64, id, int53, listOf, model, nullable, oneOf, text } from './schema.ts';

const tier = oneOf(tierNames, {
  description: 'Azure’s pricing tier whose limits hold; `Unlimited`: none but the disk.',
});
const bounded = { total: nullable(int53({ description: 'null: as much as the disk holds.' })), used: int53() };
const Bound = model('QuotaBound', bounded);
const rate = nullable(float64({ description: 'null: without a bound.' }));

/** What an account may have, and has. */
export const AccountQuotas = model('AccountQuotas', {
  tier,
  projects: Bound,
  predictions: model('MonthlyPredictions', {
    ...bounded,
    timeUntilReset: nullable(
      text({ description: 'A duration of ISO 8601; null: not bounded, and `used` is how many are stored.' }),
    ),
  }),
  perProject: listOf(model('ProjectQuotas', { projectId: id(), iterations: Bound, images: Bound, tags: Bound })),
  perImage: model('ImageQuotas', { tags: nullable(int53()), regions: nullable(int53()) }),
  callsPerSecond: model('CallRates', { storingPredictions: rate, predictions: rate, trainings: rate, others: rate }),
});

/** Another tier. */
export const QuotasUpdate = model('QuotasUpdate', { tier }, { 'x-problem': 'BadRequest' });

/** What an account may have, and has, as the wire has it. */
export function fromQuotas({ tier: name, projects, predictions, perProject }: AccountUsage) {
  const { tagsPerImage, regionsPerImage, rates }: Quotas = tiers[name];
  return {
    tier: name,
    projects: fromQuota(projects),
    predictions: {
      ...fromQuota(predictions),
      timeUntilReset: predictions.untilReset === null ? null : duration(predictions.untilReset),
    },
    perProject: perProject.map(({ projectId, iterations, images, tags }) => ({
      projectId,
      iterations: fromQuota(iterations),
      images: fromQuota(images),
      tags: fromQuota(tags),
    })),
    perImage: { tags: bound(tagsPerImage), regions: bound(regionsPerImage) },
    callsPerSecond: {
      storingPredictions: bound(rates['storing prediction']),
      predictions: bound(rates.prediction),
      trainings: bound(rates.training),
      others: bound(rates.other),
    },
  };
}

const bound = (most: number): number | null => (most === Number.POSITIVE_INFINITY ? null : most);
const fromQuota = ({ total, used }: Quota) => ({ total: bound(total), used });
