import { fromReceipt } from '../../contract/receipt.ts';
import { collectReceipt, getReceipt, listReceipts, receiptKey } from '../../services/receipts.ts';
import type { Handlers } from '../handler.ts';

/** Receipts of erasures. */
export const receiptHandlers: Pick<Handlers, 'ListReceipts' | 'GetReceipt' | 'GetReceiptKey' | 'CollectReceipt'> = {
  async ListReceipts({ app, accountId }) {
    return { body: (await listReceipts(app, accountId)).map(fromReceipt) };
  },
  async GetReceipt({ app, accountId, params }) {
    return { body: fromReceipt(await getReceipt(app, accountId, params.receiptId)) };
  },
  async GetReceiptKey({ app }) {
    return { body: receiptKey(app) };
  },
  async CollectReceipt({ app, params, query }) {
    return { body: fromReceipt(await collectReceipt(app, params.receiptId, query.token)) };
  },
};
