import { openArchive } from '../../base/archive.ts';
import { chunks } from '../../base/concurrency.ts';
import { AppError } from '../../base/errors.ts';
import type { Source } from '../../base/source.ts';
import { problem } from '../../domain/problems.ts';
import type { Tier } from '../../domain/tier.ts';
import { findAccount } from '../../store/accounts.ts';
import { idsTaken } from '../../store/rows.ts';
import { addAccount } from '../accounts.ts';
import { otherId } from '../other-ids.ts';
import { type ArchivedProject, checkArchive } from './archive-check.ts';
import { checkBag } from './bag-check.ts';
import { withLease } from './lease.ts';
import { hasOwnId, type Restoring, restoreProject } from './restore-project.ts';

/** How far a restore is. */
export interface RestoreProgress {
  /** First the whole archive is checked, then it is written. */
  readonly step: 'checking' | 'writing';
  readonly doneBytes: number;
  readonly totalBytes: number;
}

/** What is to be put back, and where. */
export interface RestoreInput {
  /** A zip or tar as `takeOut` makes them. It is closed in the end. */
  readonly source: Source;
  /** Into this account; without it into the archive's own, which is made when it is not there. */
  readonly accountId?: string | undefined;
  /** What an account that is made is held to: whoever runs the server says, not the archive. */
  readonly tier?: Tier | undefined;
  /** The restore that was written down already, into `accountId`; without it one is. */
  readonly id?: string;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: RestoreProgress) => void) | undefined;
}

/** What was done with one project of the archive. */
export interface RestoredProject {
  /** In the archive, and here: another one where it was taken. */
  readonly from: string;
  readonly id: string;
  /** `present`: it was here already and is left as it is. */
  readonly outcome: 'restored' | 'present';
  /** Rows left out because the archive lacks their files. */
  readonly leftOut: number;
}

/** What was done with an archive. */
export interface Restored {
  readonly accountId: string;
  /** The account was made, with new keys. */
  readonly accountMade: boolean;
  readonly projects: readonly RestoredProject[];
  /** What the archive itself said it lacks. */
  readonly missing: readonly string[];
}

/**
 * Puts an archive back: the projects it holds come to the account with the ids they had, or, where one is taken, with
 * new ones that are always the same for the same account. So a second time changes nothing. The whole archive is
 * checked
 * before anything is written.
 * Neither a server that starts meanwhile nor a purge takes what is half there for something left behind.
 * @throws AppError `BadArchive` naming the entry: nothing was written; `NotFound`; `Conflict` when another one is being
 * put back into the account.
 */
export async function putBack(app: Restoring, input: RestoreInput): Promise<Restored> {
  const { source, signal, onProgress } = input;
  const archive = await openArchive(source);
  try {
    const totalBytes = [...archive.files.values()].reduce((sum, file) => sum + file.bytes, 0);
    let checked = 0;
    const onFile = (bytes: number): void => {
      checked += bytes;
      onProgress?.({ step: 'checking', doneBytes: checked, totalBytes });
    };
    const bag = await checkBag(archive, { signal, onFile });
    const { account, projects } = await checkArchive(bag);
    const { accountId, accountMade } = await accountFor(app, input, account);
    const results: RestoredProject[] = [];
    const told = { projects: results, missing: bag.missing.size };
    await withLease(app, { accountId, id: input.id, told }, async (holding) => {
      const blobBytes = projects.reduce((sum, project) => sum + project.bytes, 0);
      let written = 0;
      const onBlob = (bytes: number): void => {
        written += bytes;
        onProgress?.({ step: 'writing', doneBytes: written, totalBytes: blobBytes });
      };
      for (const project of projects) {
        const { id, idOf, present } = await placeFor(app, accountId, project);
        const plan = { from: project.id, scope: { accountId, projectId: id }, idOf, signal, onBlob };
        if (!present) await holding(id);
        const leftOut = present ? 0 : await restoreProject(app, bag, plan);
        results.push({ from: project.id, id, outcome: present ? 'present' : 'restored', leftOut });
      }
    });
    return { accountId, accountMade, projects: results, missing: [...bag.missing] };
  } finally {
    await archive.close();
  }
}

async function accountFor(
  app: Restoring,
  { accountId: wanted, tier = 'Unlimited' }: RestoreInput,
  archived: Readonly<Record<string, unknown>>,
): Promise<{ accountId: string; accountMade: boolean }> {
  const accountId = wanted ?? (archived.id as string);
  if ((await findAccount(app.db.query, accountId)) !== undefined) return { accountId, accountMade: false };
  if (wanted !== undefined) throw problem('NotFound', 'There is no such account.');
  if (await idsTaken(app.db.query, 'accounts', [accountId]))
    throw new AppError('Conflict', 'The account is being removed: try again when it is gone, or name another one.');
  const { user_name, email, created } = archived;
  await addAccount(app, {
    id: accountId,
    userName: user_name as string,
    email: email as string | null,
    tier,
    created: created as number,
  });
  return { accountId, accountMade: true };
}

/** Under which ids a project can be put back, and whether it is there already. */
async function placeFor(
  app: Restoring,
  accountId: string,
  { id, ids }: ArchivedProject,
): Promise<{ id: string; idOf: (id: string) => string; present: boolean }> {
  const same = (one: string): string => one;
  const other = (one: string): string => otherId(app, accountId, one);
  const own = await ownerOf(app, id);
  if (own === accountId) return { id, idOf: same, present: true };
  const otherOwner = await ownerOf(app, other(id));
  if (otherOwner === accountId) return { id: other(id), idOf: other, present: true };
  if (otherOwner !== undefined)
    throw new AppError('Conflict', 'The project is being removed: try again when it is gone.');
  const taken = own !== undefined || (await anyTaken(app, ids));
  return { id: taken ? other(id) : id, idOf: taken ? other : same, present: false };
}

/** Whose project this is; `''` for one that is on its way out. */
async function ownerOf(app: Restoring, projectId: string): Promise<string | undefined> {
  const row = await app.db.query
    .selectFrom('projects')
    .select(['account_id', 'deleted'])
    .where('id', '=', projectId)
    .executeTakeFirst();
  return row === undefined || row.deleted === null ? row?.account_id : '';
}

async function anyTaken(app: Restoring, ids: ArchivedProject['ids']): Promise<boolean> {
  for (const [table, own] of ids)
    if (hasOwnId(table))
      for (const some of chunks([...own], 500)) if (await idsTaken(app.db.query, table, some)) return true;
  return false;
}
