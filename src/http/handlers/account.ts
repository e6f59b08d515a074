import { fromAccount } from '../../contract/from-domain.ts';
import { accountInfo } from '../../services/accounts.ts';
import type { Handlers } from '../handler.ts';

/** The account, its keys and quotas. */
export const accountHandlers: Pick<Handlers, 'GetAccountInfo'> = {
  async GetAccountInfo({ app, accountId }) {
    const { account, keys, usage } = await accountInfo(app, accountId);
    return { body: fromAccount(account, keys, usage) };
  },
};
