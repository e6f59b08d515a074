import type { NamedKey as Key } from '../domain/account.ts';
import { roles } from '../domain/role.ts';
import { dateWithZone } from './json.ts';
import { dateTime, id, listOf, model, nullable, oneOf, optional, text } from './schema.ts';

const role = oneOf(roles, {
  description: 'What it may do: all; train and label; publish, export and predict; label; look.',
});

/** A key beside the account's four. */
export const NamedKey = model('NamedKey', {
  id: id({ description: 'What the log of the account calls it.' }),
  name: text(),
  role,
  created: dateTime(),
  expires: nullable(dateTime({ description: 'null: it is good until it is revoked.' })),
  secret: optional(text({ description: 'What the header carries; only where it was asked for, or is new.' })),
});

/** All of them. */
export const NamedKeys = listOf(NamedKey);

/** One that is to be made. */
export const NamedKeyRequest = model(
  'NamedKeyRequest',
  { name: text(), role, expires: optional(nullable(dateTime())) },
  { 'x-problem': 'BadRequest' },
);

/** A key as the wire has it. */
export const fromNamedKey = ({ created, expires, ...rest }: Key) => ({
  ...rest,
  created: dateWithZone(created),
  expires: expires === null ? null : dateWithZone(expires),
});
