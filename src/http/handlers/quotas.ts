import { fromQuotas } from '../../contract/quotas.ts';
import { setTier, usageOf } from '../../services/tiers.ts';
import type { Handlers } from '../handler.ts';

/** What an account may have, and has. */
export const quotaHandlers: Pick<Handlers, 'GetAccountQuotas' | 'UpdateAccountQuotas'> = {
  async GetAccountQuotas({ app, accountId }) {
    return { body: fromQuotas(await usageOf(app, accountId)) };
  },
  async UpdateAccountQuotas({ app, accountId, body }) {
    return { body: fromQuotas(await setTier(app, accountId, body.tier, app.config.tier)) };
  },
};
