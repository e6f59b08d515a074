import { dateWithZone } from '../../contract/json.ts';
import { fromReceipt } from '../../contract/receipt.ts';
import { trasherOf } from '../../domain/trash.ts';
import { deleteNamedAccount, pendingAccountDeletion, undoAccountDeletion } from '../../services/account-deletion.ts';
import { collectReceipt, getReceipt, listReceipts, receiptKey } from '../../services/receipts.ts';
import type { Handlers } from '../handler.ts';

/** Receipts of erasures, and the erasure whose receipt is all that is left. */
export const receiptHandlers: Pick<
  Handlers,
  | 'DeleteAccount'
  | 'GetPendingAccountDeletion'
  | 'UndoAccountDeletion'
  | 'ListReceipts'
  | 'GetReceipt'
  | 'GetReceiptKey'
  | 'CollectReceipt'
> = {
  async DeleteAccount({ app, accountId, key, body, links }) {
    const { undoDays } = body;
    const by = trasherOf(key);
    const { receiptId, due } = await deleteNamedAccount(app, accountId, body.name, { undoDays, by });
    return {
      body: {
        receiptId,
        receiptUrl: links.receipt(receiptId),
        due: due === null ? null : dateWithZone(due),
        undoUrl: due === null ? null : links.undo(receiptId),
      },
    };
  },
  async GetPendingAccountDeletion({ app, params, query }) {
    const found = await pendingAccountDeletion(app, params.deletionId, query.token);
    return { body: { ...found, asked: dateWithZone(found.asked), due: dateWithZone(found.due) } };
  },
  async UndoAccountDeletion({ app, params, query }) {
    const { id, accountId } = await pendingAccountDeletion(app, params.deletionId, query.token);
    await undoAccountDeletion(app, id);
    return { body: { accountId, message: 'The account is as it was, and its keys are alive again.' } };
  },
  async ListReceipts({ app, accountId }) {
    return { body: (await listReceipts(app, accountId)).map(fromReceipt) };
  },
  async GetReceipt({ app, accountId, params }) {
    return { body: fromReceipt(await getReceipt(app, accountId, params.receiptId)) };
  },
  async GetReceiptKey({ app }) {
    return { body: await receiptKey(app) };
  },
  async CollectReceipt({ app, params, query }) {
    return { body: fromReceipt(await collectReceipt(app, params.receiptId, query.token)) };
  },
};
