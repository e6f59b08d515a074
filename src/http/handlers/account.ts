import { fromAccountDetails, fromKey } from '../../contract/account.ts';
import { fromAccount, fromTrainingQuota } from '../../contract/from-domain.ts';
import { accountDetails, accountInfo, rotateNamedKey } from '../../services/accounts.ts';
import { usageOf } from '../../services/tiers.ts';
import type { Handlers } from '../handler.ts';

/** The account, its keys and quotas. */
export const accountHandlers: Pick<Handlers, 'GetAccountInfo' | 'GetQuota' | 'GetAccount' | 'RotateKey'> = {
  async GetAccountInfo({ app, accountId }) {
    const { account, keys, usage } = await accountInfo(app, accountId);
    return { body: fromAccount(account, keys, usage) };
  },
  async GetQuota({ app, accountId }) {
    return { body: fromTrainingQuota(await usageOf(app, accountId)) };
  },
  async GetAccount({ app, accountId, query }) {
    const { account, keys } = await accountDetails(app, accountId, query.secrets ?? false);
    return { body: fromAccountDetails(account, keys) };
  },
  async RotateKey({ app, accountId, params }) {
    return { body: fromKey(await rotateNamedKey(app, accountId, { purpose: params.purpose, slot: params.slot })) };
  },
};
