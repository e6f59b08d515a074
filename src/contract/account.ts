import type { Account, HeldKey } from '../domain/account.ts';
import { dateWithZone } from './json.ts';
import { dateTime, id, listOf, model, nullable, oneOf, optional, text } from './schema.ts';

/** One of the account's four keys. */
export const AccountKey = model('AccountKey', {
  purpose: oneOf(['training', 'prediction']),
  slot: oneOf(['primary', 'secondary']),
  created: dateTime(),
  secret: optional(text({ description: 'What the header carries; only where it was asked for, or is new.' })),
});

/** The account and its keys. */
export const AccountDetails = model('AccountDetails', {
  id: id(),
  userName: text(),
  email: nullable(text()),
  tier: text(),
  created: dateTime(),
  keys: listOf(AccountKey),
});

/** A key as the wire has it. */
export const fromKey = ({ created, ...rest }: HeldKey) => ({ ...rest, created: dateWithZone(created) });

/** The account as the wire has it. */
export const fromAccountDetails = ({ created, ...rest }: Account, keys: readonly HeldKey[]) => ({
  ...rest,
  created: dateWithZone(created),
  keys: keys.map(fromKey),
});
