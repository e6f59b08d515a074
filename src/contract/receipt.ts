import { erasureKinds, type Receipt as Noun } from '../domain/receipt.ts';
import { longestTrashDays } from '../domain/trash.ts';
import { dateWithZone } from './json.ts';
import { dateTime, id, int32, listOf, model, nullable, oneOf, optional, text } from './schema.ts';

/** Something that was deleted and, once it is gone for good, the receipt. */
export const Receipt = model('Receipt', {
  id: id(),
  kind: oneOf(Object.keys(erasureKinds)),
  projectId: nullable(id()),
  state: oneOf(['Erasing', 'Finished']),
  asked: dateTime(),
  finished: nullable(dateTime()),
  receipt: nullable(
    text({ description: 'A JWS in compact form (RFC 7515, EdDSA), to be verified with the key of GetReceiptKey.' }),
  ),
});
/** All of an account's, latest first. */
export const Receipts = listOf(Receipt);

/** The public key receipts are signed with: a JWK (RFC 7517, RFC 8037). */
export const ReceiptKey = model('ReceiptKey', {
  kty: text(),
  crv: text(),
  x: text(),
  kid: text(),
  use: text(),
  alg: text(),
});

/** A receipt as the wire has it. */
export const fromReceipt = ({ asked, finished, ...rest }: Noun) => ({
  ...rest,
  asked: dateWithZone(asked),
  finished: finished === null ? null : dateWithZone(finished),
});

/** What deleting an account asks for. */
export const AccountDeletion = model(
  'AccountDeletion',
  {
    name: text({ description: 'The name of the account, typed as it is.' }),
    undoDays: optional(
      int32({
        minimum: 0,
        maximum: longestTrashDays,
        description:
          'How long it can be undone, 0: not at all. Without it as many days as the account keeps its trash.',
      }),
    ),
  },
  { 'x-problem': 'BadRequest' },
);
/** What is left to whoever deleted their account. */
export const AccountDeleted = model('AccountDeleted', {
  receiptId: id(),
  receiptUrl: text({ description: 'Leads to the receipt without a key, for 90 days once all is erased. Keep it.' }),
  due: nullable(dateTime({ description: 'Until then it can be undone; null: it is being erased.' })),
  undoUrl: nullable(
    text({
      description: 'Shows the deletion (GET) and undoes it (POST), without a key. Secret: whoever has it can do both.',
    }),
  ),
});

/** The deletion of an account that can still be undone. */
export const AccountPending = model('AccountPending', {
  id: id(),
  accountId: id(),
  userName: text(),
  asked: dateTime(),
  due: dateTime(),
});
/** An account that is back. */
export const AccountRestored = model('AccountRestored', {
  accountId: id(),
  message: text(),
});
