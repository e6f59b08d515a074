import type { Queries } from './database.ts';
import type { AccountRow, NamedKeyRow } from './schema.ts';

/** The key with this lookup, and the tier of its account, when that lives. */
export const findNamedKey = (
  db: Queries,
  lookup: string,
): Promise<
  (Pick<NamedKeyRow, 'role' | 'expires'> & Pick<AccountRow, 'tier'> & { accountId: string; keyId: string }) | undefined
> =>
  db
    .selectFrom('named_keys')
    .innerJoin('accounts', 'accounts.id', 'named_keys.account_id')
    .select([
      'named_keys.id as keyId',
      'accounts.id as accountId',
      'accounts.tier',
      'named_keys.role',
      'named_keys.expires',
    ])
    .where('named_keys.lookup', '=', lookup)
    .where('accounts.deleted', 'is', null)
    .executeTakeFirst();

/** An account's named keys, oldest first, those that have expired too. */
export const listNamedKeys = (db: Queries, accountId: string): Promise<NamedKeyRow[]> =>
  db.selectFrom('named_keys').selectAll().where('account_id', '=', accountId).orderBy('created').execute();

/** Whether a key of the account has this name. */
export async function keyNameTaken(db: Queries, accountId: string, nameLookup: string): Promise<boolean> {
  const row = await db
    .selectFrom('named_keys')
    .select('id')
    .where('account_id', '=', accountId)
    .where('name_lookup', '=', nameLookup)
    .executeTakeFirst();
  return row !== undefined;
}

/** Removes one of the account's; whether it was there. */
export async function deleteNamedKey(db: Queries, accountId: string, id: string): Promise<boolean> {
  const { numDeletedRows } = await db
    .deleteFrom('named_keys')
    .where('account_id', '=', accountId)
    .where('id', '=', id)
    .executeTakeFirst();
  return numDeletedRows > 0n;
}
