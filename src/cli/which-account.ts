import { AppError } from '../base/errors.ts';
import { listAccounts } from '../services/accounts.ts';
import type { App } from '../services/context.ts';

/** The id of the account meant by id or name; without either the only one. @throws AppError `NoAccount`. */
export async function accountId(app: Pick<App, 'db' | 'keys'>, wanted: string | undefined): Promise<string> {
  const accounts = await listAccounts(app);
  const found =
    wanted === undefined ? accounts : accounts.filter((one) => one.id === wanted || one.userName === wanted);
  if (found.length === 1) return found[0]!.id;
  if (wanted === undefined)
    throw new AppError(
      'NoAccount',
      `expected which account but there are ${accounts.length}: "ownsight account list" shows them`,
    );
  throw new AppError(
    'NoAccount',
    `expected the id or the unique name of an account but ${found.length} match: "ownsight account list" shows them`,
  );
}
