import { fromAudit } from '../../contract/audit.ts';
import { readAudit } from '../../services/audit.ts';
import type { Handlers } from '../handler.ts';

/** The account's log. */
export const auditHandlers: Pick<Handlers, 'GetAudit'> = {
  async GetAudit({ app, accountId, query }) {
    return { body: fromAudit(await readAudit(app, accountId, query.after)) };
  },
};
