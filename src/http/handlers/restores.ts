import { fromRestore } from '../../contract/restore.ts';
import { beginRestore, cancelRestore, getRestore, listRestores } from '../../services/restore/restores.ts';
import { type Handlers, nothing } from '../handler.ts';

/** Archives that are put back. */
export const restoreHandlers: Pick<Handlers, 'BeginRestore' | 'ListRestores' | 'GetRestore' | 'CancelRestore'> = {
  async BeginRestore({ app, accountId, body }) {
    return { body: fromRestore(await beginRestore(app, accountId, body)) };
  },
  async ListRestores({ app, accountId }) {
    return { body: (await listRestores(app, accountId)).map(fromRestore) };
  },
  async GetRestore({ app, accountId, params }) {
    return { body: fromRestore(await getRestore(app, accountId, params.restoreId)) };
  },
  async CancelRestore({ app, accountId, params }) {
    await cancelRestore(app, accountId, params.restoreId);
    return nothing;
  },
};
