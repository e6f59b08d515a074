import { parseDate } from '../../contract/json.ts';
import { fromNamedKey } from '../../contract/named-keys.ts';
import { addNamedKey, namedKeys, revokeNamedKey } from '../../services/named-keys.ts';
import { type Handlers, nothing } from '../handler.ts';

/** Keys with a role, beside the account's four. */
export const namedKeyHandlers: Pick<Handlers, 'ListKeys' | 'AddKey' | 'RevokeKey'> = {
  async ListKeys({ app, accountId, query }) {
    return { body: (await namedKeys(app, accountId, query.secrets ? 'request' : undefined)).map(fromNamedKey) };
  },
  async AddKey({ app, accountId, body: { name, role, expires } }) {
    const until = expires ? parseDate(expires) : undefined;
    return { body: fromNamedKey(await addNamedKey(app, accountId, { name, role, expires: until })) };
  },
  async RevokeKey({ app, accountId, params }) {
    await revokeNamedKey(app, accountId, params.keyId);
    return nothing;
  },
};
