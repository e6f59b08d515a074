import type { KeyPurpose, KeySlot } from '../domain/account.ts';
import type { Queries } from './database.ts';
import type { AccountRow, ApiKeyRow } from './schema.ts';

/** The living account of this id. */
export const findAccount = (db: Queries, id: string): Promise<AccountRow | undefined> =>
  db.selectFrom('accounts').selectAll().where('id', '=', id).where('deleted', 'is', null).executeTakeFirst();

/** The living accounts, oldest first. */
export const listAccounts = (db: Queries): Promise<AccountRow[]> =>
  db.selectFrom('accounts').selectAll().where('deleted', 'is', null).orderBy('created').execute();

/** Whether there is any account, deleted ones that are not gone yet included. */
export async function anyAccount(db: Queries): Promise<boolean> {
  return (await db.selectFrom('accounts').select('id').limit(1).executeTakeFirst()) !== undefined;
}

/** Adds an account and its keys. */
export async function insertAccount(db: Queries, account: AccountRow, keys: readonly ApiKeyRow[]): Promise<void> {
  await db.insertInto('accounts').values(account).execute();
  await db
    .insertInto('api_keys')
    .values([...keys])
    .execute();
}

/** The living account whose key has this lookup and purpose, its tier, and which of its pair that is. */
export const accountOfKey = (
  db: Queries,
  purpose: KeyPurpose,
  lookup: string,
): Promise<(Pick<AccountRow, 'tier'> & { accountId: string; keyId: string; slot: KeySlot }) | undefined> =>
  db
    .selectFrom('api_keys')
    .innerJoin('accounts', 'accounts.id', 'api_keys.account_id')
    .select(['accounts.id as accountId', 'accounts.tier', 'api_keys.id as keyId', 'api_keys.slot'])
    .where('api_keys.lookup', '=', lookup)
    .where('api_keys.purpose', '=', purpose)
    .where('accounts.deleted', 'is', null)
    .executeTakeFirst();

/** An account's four keys. */
export const keysOfAccount = (db: Queries, accountId: string): Promise<ApiKeyRow[]> =>
  db.selectFrom('api_keys').selectAll().where('account_id', '=', accountId).execute();

/** Puts a new key in the place of the old one, which is dead from then on. */
export async function replaceKey(
  db: Queries,
  accountId: string,
  purpose: KeyPurpose,
  slot: KeySlot,
  row: ApiKeyRow,
): Promise<void> {
  await db
    .deleteFrom('api_keys')
    .where('account_id', '=', accountId)
    .where('purpose', '=', purpose)
    .where('slot', '=', slot)
    .execute();
  await db.insertInto('api_keys').values(row).execute();
}
