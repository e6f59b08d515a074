import { randomBytes } from 'node:crypto';
import type { Micros } from '../base/clock.ts';
import { newId } from '../base/id.ts';
import {
  type Account,
  type AccountKeys,
  type AccountUsage,
  type HeldKey,
  type KeyPurpose,
  type KeySlot,
  keyWords,
} from '../domain/account.ts';
import { problem } from '../domain/problems.ts';
import type { Role } from '../domain/role.ts';
import type { Tier } from '../domain/tier.ts';
import {
  accountOfKey,
  findAccount,
  insertAccount,
  keysOfAccount,
  listAccounts as listRows,
  replaceKey,
} from '../store/accounts.ts';
import type { Keys } from '../store/keys.ts';
import { findNamedKey } from '../store/named-keys.ts';
import type { AccountRow, ApiKeyRow } from '../store/schema.ts';
import { openText, openTextOrNull, sealText } from '../store/sealed.ts';
import { record } from './audit.ts';
import type { App } from './context.ts';
import { createKey } from './storing.ts';
import { usageOf } from './tiers.ts';

const { purpose: purposes, slot: slots } = keyWords;

/** Characters an account's name, and its e-mail address, may have. */
const nameLength = 256;

type Accounts = Pick<App, 'db' | 'keys'>;

/** Whose key it is, which, and what it may do. */
export interface KeyHolder {
  readonly accountId: string;
  /** As the account's log names it: `primary training key`, or the id of a named one. */
  readonly key: string;
  readonly keyId: string;
  readonly role: Role;
  /** Whose limits the account is held to. */
  readonly tier: Tier;
}

/**
 * The living account whose key of this purpose, or whose named key, is `secret`; `undefined` for any other text, and for a
 * key that has expired. Rotations and revocations take effect at once, whichever process made them.
 */
export async function authenticate(
  app: Pick<App, 'db' | 'keys' | 'clock'>,
  purpose: KeyPurpose,
  secret: string,
): Promise<KeyHolder | undefined> {
  if (secret === '' || secret.length > 256) return undefined;
  const found = await app.db.remember(`account-of-key/${purpose}/${secret}`, () => holderOf(app, purpose, secret));
  return found === undefined || (found.expires !== null && found.expires <= app.clock.now()) ? undefined : found;
}

async function holderOf(
  app: Accounts,
  purpose: KeyPurpose,
  secret: string,
): Promise<(KeyHolder & { readonly expires: Micros | null }) | undefined> {
  const lookup = app.keys.lookup(undefined, 'api-key', secret);
  const own = await accountOfKey(app.db.query, purpose, lookup);
  if (own !== undefined) return { ...own, key: `${own.slot} ${purpose} key`, role: 'owner', expires: null };
  const named = await findNamedKey(app.db.query, lookup);
  if (named === undefined) return undefined;
  return { ...named, key: named.keyId };
}

/** Makes an account with its four keys. @throws AppError `BadRequest` for an empty or overlong name or address. */
export async function createAccount(
  app: Pick<App, 'db' | 'keys' | 'clock' | 'queue'>,
  input: { readonly userName: string; readonly email?: string; readonly tier?: Tier },
): Promise<Account> {
  const userName = input.userName.trim();
  if (userName === '' || userName.length > nameLength)
    throw problem(
      'BadRequest',
      `Expected a user name of 1 to ${nameLength} characters but received ${userName.length}.`,
    );
  if (input.email !== undefined && (!/^\S+@\S+$/.test(input.email) || input.email.length > nameLength))
    throw problem('BadRequestInvalidEmailAddress');
  const { email = null, tier = 'Unlimited' } = input;
  return addAccount(app, { id: newId(), userName, email, tier, created: app.clock.now() });
}

/**
 * Keeps an account under the id it has, with four new keys: for {@link createAccount}, and for one that comes back from
 * an archive.
 */
export async function addAccount(
  app: Pick<App, 'db' | 'keys' | 'clock' | 'queue'>,
  { id, userName, email, tier, created }: Account,
): Promise<Account> {
  const scope = { accountId: id };
  await createKey(app, scope);
  const row: AccountRow = {
    id,
    user_name: sealText(app.keys, scope, 'accounts.user_name', id, userName),
    email: email === null ? null : sealText(app.keys, scope, 'accounts.email', id, email),
    tier,
    backbone: null,
    created,
    deleted: null,
  };
  const keys = purposes.flatMap((purpose) => slots.map((slot) => newKey(app, id, purpose, slot)));
  await app.db.transaction(async (tx) => {
    await insertAccount(tx, row, keys);
    await record(app, tx, 'account-created', scope);
  });
  return accountFromRow(app.keys, row);
}

/** The living accounts, oldest first. */
export async function listAccounts(app: Accounts): Promise<Account[]> {
  return (await listRows(app.db.query)).map((row) => accountFromRow(app.keys, row));
}

/** An account's keys, in the clear. @throws AppError `NotFound` when there is no such account. */
export async function accountKeys(app: Accounts, accountId: string): Promise<AccountKeys> {
  const rows = await keysOfAccount(app.db.query, accountId);
  if (rows.length === 0) throw problem('NotFound', 'There is no such account.');
  const secret = (purpose: KeyPurpose, slot: KeySlot): string => {
    const row = rows.find((one) => one.purpose === purpose && one.slot === slot)!;
    return openText(app.keys, { accountId }, 'api_keys.secret', row.id, row.secret);
  };
  const pair = (purpose: KeyPurpose) => ({
    primary: secret(purpose, 'primary'),
    secondary: secret(purpose, 'secondary'),
  });
  return { training: pair('training'), prediction: pair('prediction') };
}

/** {@link accountKeys} for somebody's eyes, which the account's log tells of, and where they were shown. */
export async function viewKeys(
  app: Pick<App, 'db' | 'keys' | 'clock'>,
  accountId: string,
  where: 'request' | 'command' | 'start',
): Promise<AccountKeys> {
  const keys = await accountKeys(app, accountId);
  await app.db.transaction((tx) => record(app, tx, 'keys-viewed', { accountId }, { where }));
  return keys;
}

/**
 * Replaces one key; the old one is refused from the moment this resolves, the other three stay. Returns the new keys.
 */
export async function rotateKey(
  app: Pick<App, 'db' | 'keys' | 'clock'>,
  accountId: string,
  purpose: KeyPurpose,
  slot: KeySlot,
): Promise<AccountKeys> {
  if ((await findAccount(app.db.query, accountId)) === undefined)
    throw problem('NotFound', 'There is no such account.');
  await app.db.transaction(async (tx) => {
    await replaceKey(tx, accountId, purpose, slot, newKey(app, accountId, purpose, slot));
    await record(app, tx, 'key-rotated', { accountId }, { purpose, slot });
  });
  return accountKeys(app, accountId);
}

/**
 * The account and what is known of its keys; with `secrets` the keys themselves, which the account's log tells of.
 * @throws AppError `NotFound`.
 */
export async function accountDetails(
  app: Pick<App, 'db' | 'keys' | 'clock'>,
  accountId: string,
  secrets: boolean,
): Promise<{ account: Account; keys: HeldKey[] }> {
  const row = await findAccount(app.db.query, accountId);
  if (row === undefined) throw problem('NotFound', 'There is no such account.');
  const shown = secrets ? await viewKeys(app, accountId, 'request') : undefined;
  const keys = (await keysOfAccount(app.db.query, accountId)).map(({ purpose, slot, created }): HeldKey => {
    const secret = shown?.[purpose][slot];
    return { purpose, slot, created, ...(secret === undefined ? {} : { secret }) };
  });
  const place = ({ purpose, slot }: HeldKey): number => purposes.indexOf(purpose) * 2 + slots.indexOf(slot);
  return { account: accountFromRow(app.keys, row), keys: keys.sort((a, b) => place(a) - place(b)) };
}

/** {@link rotateKey} of the key that two words name; tells only the new one. @throws AppError `NotFound`. */
export async function rotateNamedKey(
  app: Pick<App, 'db' | 'keys' | 'clock'>,
  accountId: string,
  named: { readonly purpose: string | undefined; readonly slot: string | undefined },
): Promise<HeldKey> {
  const purpose = purposes.find((one) => one === named.purpose?.toLowerCase());
  const slot = slots.find((one) => one === named.slot?.toLowerCase());
  if (purpose === undefined || slot === undefined)
    throw problem('NotFound', 'Expected keys/training or keys/prediction, then primary or secondary.');
  const secret = (await rotateKey(app, accountId, purpose, slot))[purpose][slot];
  const { keys } = await accountDetails(app, accountId, false);
  const key = keys.find((one) => one.purpose === purpose && one.slot === slot)!;
  return { ...key, secret };
}

/**
 * What GetAccountInfo tells: the account, its keys, and how much of each quota is used.
 * @throws AppError `NotFound`.
 */
export async function accountInfo(
  app: Pick<App, 'db' | 'keys' | 'clock'>,
  accountId: string,
): Promise<{ account: Account; keys: AccountKeys; usage: AccountUsage }> {
  const row = await findAccount(app.db.query, accountId);
  if (row === undefined) throw problem('NotFound', 'There is no such account.');
  return {
    account: accountFromRow(app.keys, row),
    keys: await viewKeys(app, accountId, 'request'),
    usage: await usageOf(app, accountId),
  };
}

/** What a new key carries, and what it is found by. */
export function newSecret(app: Pick<App, 'keys'>): { readonly secret: string; readonly lookup: string } {
  const secret = randomBytes(16).toString('hex');
  return { secret, lookup: app.keys.lookup(undefined, 'api-key', secret) };
}

function newKey(app: Pick<App, 'keys' | 'clock'>, accountId: string, purpose: KeyPurpose, slot: KeySlot): ApiKeyRow {
  const id = newId();
  const { secret, lookup } = newSecret(app);
  return {
    id,
    account_id: accountId,
    purpose,
    slot,
    lookup,
    secret: sealText(app.keys, { accountId }, 'api_keys.secret', id, secret),
    created: app.clock.now(),
  };
}

const accountFromRow = (keys: Keys, row: AccountRow): Account => ({
  id: row.id,
  userName: openText(keys, { accountId: row.id }, 'accounts.user_name', row.id, row.user_name),
  email: openTextOrNull(keys, { accountId: row.id }, 'accounts.email', row.id, row.email),
  tier: row.tier,
  created: row.created,
});
