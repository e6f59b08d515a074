import { erasureKinds, type Receipt as Noun } from '../domain/receipt.ts';
import { dateWithZone } from './json.ts';
import { dateTime, id, listOf, model, nullable, oneOf, text } from './schema.ts';

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
  { name: text({ description: 'The name of the account, typed as it is.' }) },
  { 'x-problem': 'BadRequest' },
);
/** What is left to whoever deleted their account. */
export const AccountDeleted = model('AccountDeleted', {
  receiptId: id(),
  receiptUrl: text({ description: 'Leads to the receipt without a key, for 90 days. Keep it.' }),
});
