import type { Micros } from '../base/clock.ts';
import { newId } from '../base/id.ts';
import type { NamedKey } from '../domain/account.ts';
import { problem } from '../domain/problems.ts';
import type { Role } from '../domain/role.ts';
import { findAccount } from '../store/accounts.ts';
import { deleteNamedKey, keyNameTaken, listNamedKeys } from '../store/named-keys.ts';
import type { NamedKeyRow } from '../store/schema.ts';
import { openText, sealText } from '../store/sealed.ts';
import { newSecret } from './accounts.ts';
import { record } from './audit.ts';
import type { App } from './context.ts';
import { checkedName } from './names.ts';

/** What is said of a key that is to be made. */
export interface NamedKeyInput {
  readonly name: string;
  readonly role: Role;
  /** From when on it opens nothing; without it until it is revoked. */
  readonly expires?: Micros | undefined;
}

/**
 * Makes a further key of an account, for what its role may do, and returns it with its secret.
 * @throws AppError `NotFound`; `BadRequest` for a name that is none, or a date in the past; `Conflict` for the name of another
 * one.
 */
export async function addNamedKey(
  app: Pick<App, 'db' | 'keys' | 'clock'>,
  accountId: string,
  { role, expires, ...input }: NamedKeyInput,
): Promise<NamedKey> {
  const name = checkedName('BadRequest', 'the name of the key', input.name);
  const created = app.clock.now();
  if (expires !== undefined && expires <= created)
    throw problem('BadRequest', 'Expected a date in the future for when the key expires but received one in the past.');
  if ((await findAccount(app.db.query, accountId)) === undefined)
    throw problem('NotFound', 'There is no such account.');
  const id = newId();
  const { secret, lookup } = newSecret(app);
  const row: NamedKeyRow = {
    id,
    account_id: accountId,
    name: sealText(app.keys, { accountId }, 'named_keys.name', id, name),
    name_lookup: app.keys.lookup({ accountId }, 'key-name', name.toLowerCase()),
    role,
    lookup,
    secret: sealText(app.keys, { accountId }, 'named_keys.secret', id, secret),
    created,
    expires: expires ?? null,
  };
  await app.db.transaction(async (tx) => {
    if (await keyNameTaken(tx, accountId, row.name_lookup))
      throw problem('Conflict', 'Another key of the account has this name: choose another one, or revoke that key.');
    await tx.insertInto('named_keys').values(row).execute();
    await record(app, tx, 'key-added', { accountId, subjectId: id }, { role });
  });
  return { id, name, role, created, expires: row.expires, secret };
}

/** The account's named keys, oldest first; with `secrets` as they are, which the account's log tells of. */
export async function namedKeys(
  app: Pick<App, 'db' | 'keys' | 'clock'>,
  accountId: string,
  secrets: 'request' | 'command' | undefined,
): Promise<NamedKey[]> {
  const rows = await listNamedKeys(app.db.query, accountId);
  if (secrets !== undefined)
    await app.db.transaction((tx) =>
      record(app, tx, 'keys-viewed', { accountId }, { where: secrets, named: rows.length }),
    );
  const open = (column: 'name' | 'secret', row: NamedKeyRow): string =>
    openText(app.keys, { accountId }, `named_keys.${column}`, row.id, row[column]);
  return rows.map((row) => ({
    id: row.id,
    name: open('name', row),
    role: row.role,
    created: row.created,
    expires: row.expires,
    ...(secrets !== undefined && { secret: open('secret', row) }),
  }));
}

/**
 * Takes a key away: it is refused from the moment this resolves, whichever process asks; as soon as that is listed, seconds
 * later, an older copy of the data does not bring it back. @throws AppError `NotFound`.
 */
export async function revokeNamedKey(
  app: Pick<App, 'db' | 'keys' | 'clock' | 'queue'>,
  accountId: string,
  id: string,
): Promise<void> {
  await app.db.transaction(async (tx) => {
    if (!(await deleteNamedKey(tx, accountId, id))) throw problem('NotFound', 'The account has no such key.');
    await record(app, tx, 'key-revoked', { accountId, subjectId: id });
    await app.queue.enqueue(tx, 'purge', { accountId }, { once: `purge/${accountId}` });
  });
}
