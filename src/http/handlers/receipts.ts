import { fromReceipt } from '../../contract/receipt.ts';
import { deleteNamedAccount } from '../../services/account-deletion.ts';
import { collectReceipt, getReceipt, listReceipts, receiptKey } from '../../services/receipts.ts';
import type { Handlers } from '../handler.ts';

/** Receipts of erasures, and the erasure whose receipt is all that is left. */
export const receiptHandlers: Pick<
  Handlers,
  'DeleteAccount' | 'ListReceipts' | 'GetReceipt' | 'GetReceiptKey' | 'CollectReceipt'
> = {
  async DeleteAccount({ app, accountId, body, links }) {
    const receiptId = await deleteNamedAccount(app, accountId, body.name);
    return { body: { receiptId, receiptUrl: links.receipt(receiptId) } };
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
