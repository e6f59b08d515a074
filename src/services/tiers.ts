import type { Clock, Micros } from '../base/clock.ts';
import { expected } from '../base/errors.ts';
import type { AccountUsage } from '../domain/account.ts';
import { type ProblemCode, problem } from '../domain/problems.ts';
import { type Quotas, type Tier, tierNames, tiers } from '../domain/tier.ts';
import type { Queries } from '../store/database.ts';
import { countedPredictions, countPrediction, uncountPrediction } from '../store/monthly-predictions.ts';
import { saveTier, tierOf } from '../store/tiers.ts';
import { usageByProject } from '../store/usage.ts';
import { record } from './audit.ts';
import type { App } from './context.ts';

/** What an account may have. */
export const quotasOf = async (db: Queries, accountId: string): Promise<Quotas> => tiers[await tierOf(db, accountId)];

/** How many more there may be, of which there are `count` and may be `most`: counted only where there is a bound. */
export const roomFor = async (most: number, count: () => Promise<number>): Promise<number> =>
  most === Number.POSITIVE_INFINITY ? most : most - (await count());

const bounds = {
  projects: ['projects', 'BadRequestExceedProjectLimit', 'account'],
  iterations: ['iterationsPerProject', 'BadRequestExceedIterationPerProjectLimit', 'project'],
  tags: ['tagsPerProject', 'BadRequestExceedTagPerProjectLimit', 'project'],
  images: ['imagesPerProject', 'BadRequestImageExceededCount', 'project'],
} as const satisfies Record<string, readonly [keyof Quotas, ProblemCode, string]>;

/**
 * Refuses `more` of something of which there are `count`, where the account's tier says that it is too much.
 * @throws AppError `BadRequestExceedProjectLimit` and its kin.
 */
export async function requireRoom(
  db: Queries,
  accountId: string,
  what: keyof typeof bounds,
  count: () => Promise<number>,
  more = 1,
): Promise<void> {
  const tier = await tierOf(db, accountId);
  const [bound, code, whose] = bounds[what];
  const most: number = tiers[tier][bound];
  const room = await roomFor(most, count);
  if (more > room)
    throw problem(
      code,
      `Expected at most ${most} ${what} in the ${whose}, as its tier ${tier} allows, but there would be ${most - room + more}: delete some first.`,
    );
}

/**
 * Does `work`, which answers one prediction, unless the account has made `most` of them this month; only those that were
 * answered count. @throws AppError `BadRequestExceededQuota`; whatever `work` throws.
 */
export async function countingPrediction<T>(
  app: Pick<App, 'db' | 'clock'>,
  accountId: string,
  most: number,
  work: () => Promise<T>,
): Promise<T> {
  if (most === Number.POSITIVE_INFINITY) return work();
  const { name, left } = monthAt(app.clock);
  if (!(await countPrediction(app.db.query, accountId, name, most)))
    throw problem(
      'BadRequestExceededQuota',
      `Expected at most ${most} predictions a month, as the account's tier allows, but there are as many: they are counted from zero again in ${Math.ceil(left / 3_600_000_000)} hours.`,
    );
  try {
    return await work();
  } catch (error) {
    await uncountPrediction(app.db.query, accountId, name);
    throw error;
  }
}

/** What an account has of what it may have. */
export async function usageOf(app: Pick<App, 'db' | 'clock'>, accountId: string): Promise<AccountUsage> {
  const db = app.db.query;
  const tier = await tierOf(db, accountId);
  const quotas: Quotas = tiers[tier];
  const projects = await usageByProject(db, accountId);
  const month = monthAt(app.clock);
  const isBounded = quotas.predictionsPerMonth !== Number.POSITIVE_INFINITY;
  return {
    tier,
    projects: { total: quotas.projects, used: projects.length },
    predictions: {
      total: quotas.predictionsPerMonth,
      used: isBounded
        ? await countedPredictions(db, accountId, month.name)
        : projects.reduce((sum, project) => sum + project.predictions, 0),
      untilReset: isBounded ? month.left : null,
    },
    perProject: projects.map(({ id, iterations, images, tags }) => ({
      projectId: id,
      iterations: { total: quotas.iterationsPerProject, used: iterations },
      images: { total: quotas.imagesPerProject, used: images },
      tags: { total: quotas.tagsPerProject, used: tags },
    })),
  };
}

/**
 * Holds an account to another tier from now on; what it has beyond that stays, and only what is new is refused. `loosest`: as
 * far as whoever asks may go. @throws AppError `BadRequest` for what is beyond that.
 */
export async function setTier(
  app: Pick<App, 'db' | 'keys' | 'clock'>,
  accountId: string,
  tier: Tier,
  loosest: Tier = 'Unlimited',
): Promise<AccountUsage> {
  const allowed = tierNames.slice(0, tierNames.indexOf(loosest) + 1);
  if (!allowed.some((one) => one === tier))
    throw problem(
      'BadRequest',
      `${expected(allowed.join(' or '), 'tier', tier)}: whoever runs this server can set others, with "ownsight account tier".`,
    );
  await app.db.transaction(async (tx) => {
    await saveTier(tx, accountId, tier);
    await record(app, tx, 'settings-changed', { accountId }, { tier });
  });
  return usageOf(app, accountId);
}

/** The month it is, in UTC, and how long it still lasts. */
function monthAt(clock: Clock): { readonly name: string; readonly left: Micros } {
  const now = clock.now();
  const date = new Date(now / 1000);
  const end = Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1) * 1000;
  return { name: date.toISOString().slice(0, 7), left: end - now };
}
