import { setImmediate, setTimeout } from 'node:timers/promises';
import { AppError } from '../base/errors.ts';
import { problem } from '../domain/problems.ts';
import { eraseRows, erasureOrder } from '../store/erase.ts';
import { unfinishedScopes } from '../store/erasures.ts';
import { collectGarbage, type GarbageCursor } from '../store/garbage.ts';
import type { KeyScope } from '../store/keys.ts';
import { projectsWithLooseBlobs, sweepBlobs } from '../store/loose-blobs.ts';
import { projectsBeingRestored } from '../store/restores.ts';
import { removeTakeouts, takeoutsOfProject } from '../store/takeouts.ts';
import type { App, ProjectScope } from './context.ts';
import { beginErasure, takeStock } from './receipts.ts';

type Erasing = Pick<App, 'db' | 'keys' | 'blobs' | 'clock'>;

/** Rows in one statement: few enough that nobody waits longer than a few milliseconds for the database. */
const rowsAtOnce = 300;
/** How often, and how far apart in ms, the log is emptied anew when a reader is in the way. */
const checkpointTries = 50;
const checkpointPause = 100;

/**
 * Makes an account invisible at once, its keys dead and its jobs cancelled, and has everything of it removed for good. Returns
 * the id of the receipt.
 * @throws AppError `NotFound` when there is no such account.
 */
export async function deleteAccount(
  app: Pick<App, 'db' | 'keys' | 'clock' | 'queue'>,
  accountId: string,
): Promise<string> {
  return app.db.transaction(async (tx) => {
    const { numUpdatedRows } = await tx
      .updateTable('accounts')
      .set({ deleted: app.clock.now() })
      .where('id', '=', accountId)
      .where('deleted', 'is', null)
      .executeTakeFirst();
    if (numUpdatedRows === 0n) throw problem('NotFound', 'There is no such account.');
    const receiptId = await beginErasure(app, tx, { kind: 'account', accountId });
    await app.queue.cancel(tx, { accountId });
    await app.queue.enqueue(tx, 'purge', { accountId }, { once: `purge/${accountId}` });
    return receiptId;
  });
}

/**
 * Removes a deleted project or account for good: first its key, so that nothing of it can be read again anywhere, then
 * its blobs, then its rows, its own last. Idempotent: interrupted, it is simply begun again.
 */
export async function eraseScope(app: Erasing, scope: KeyScope, signal: AbortSignal): Promise<void> {
  await takeStock(app, scope);
  app.keys.destroy(scope);
  await app.blobs.deletePrefix(
    scope.projectId === undefined ? `${scope.accountId}/` : `${scope.accountId}/${scope.projectId}/`,
  );
  if (scope.projectId !== undefined) {
    const takeouts = await takeoutsOfProject(app.db.query, scope.projectId);
    await app.db.transaction((tx) => removeTakeouts(tx, takeouts));
  }
  for (const table of erasureOrder)
    while ((await eraseRows(app.db.query, table, scope, rowsAtOnce)) > 0) await breathe(signal);
}

/** Removes for good what is in a project, and leaves the project itself, empty. Idempotent. */
export async function eraseContent(
  app: Pick<App, 'db' | 'blobs'>,
  scope: ProjectScope,
  signal: AbortSignal,
): Promise<void> {
  await app.blobs.deletePrefix(`${scope.accountId}/${scope.projectId}/`);
  for (const table of erasureOrder)
    if (table !== 'projects')
      while ((await eraseRows(app.db.query, table, scope, rowsAtOnce)) > 0) await breathe(signal);
}

/** Removes what a living project deleted: images and tags that no iteration refers to, with their blobs. */
export async function eraseGarbage(app: Erasing, scope: ProjectScope, signal: AbortSignal): Promise<void> {
  for (const table of ['images', 'tags'] as const) {
    let after: GarbageCursor | undefined;
    do {
      const from = after;
      after = await app.db.transaction((tx) => collectGarbage(tx, table, scope, from, rowsAtOnce));
      await breathe(signal);
    } while (after !== undefined);
  }
}

/** Removes a project's loose blobs whose time has come. */
export async function eraseLooseBlobs(app: Erasing, projectId: string, signal: AbortSignal): Promise<void> {
  const sweep = { projectId, before: app.clock.now() };
  while ((await sweepBlobs(app.db, app.blobs, sweep, rowsAtOnce)) > 0) await breathe(signal);
}

/**
 * Empties the database's log, in which removed content lives on until then.
 * @throws AppError `CheckpointBusy` when readers of another process stay in the way for 5 s.
 */
export async function emptyLog(app: Pick<App, 'db'>, signal: AbortSignal): Promise<void> {
  for (let tries = 0; !(await app.db.checkpoint()); tries++) {
    if (tries === checkpointTries) throw new AppError('CheckpointBusy', 'Another program keeps the database busy.');
    await setTimeout(checkpointPause, undefined, { signal });
  }
}

/**
 * For the start of the only server, before it takes requests: removes every loose blob, since no upload can be under
 * way, only a restore that a command does, and queues the purges that are due.
 */
export async function resumeErasure(app: Erasing & Pick<App, 'queue'>): Promise<void> {
  const except = await projectsBeingRestored(app.db.query, app.clock.now());
  const everything = { before: Number.MAX_SAFE_INTEGER, except };
  const touched = await projectsWithLooseBlobs(app.db.query);
  while ((await sweepBlobs(app.db, app.blobs, everything, rowsAtOnce)) > 0);
  await app.db.transaction(async (tx) => {
    const accounts = await tx.selectFrom('accounts').select('id').where('deleted', 'is not', null).execute();
    const projects = await tx
      .selectFrom('projects')
      .select(['id', 'account_id'])
      .where('deleted', 'is not', null)
      .execute();
    const unsigned = await unfinishedScopes(tx);
    const due = [...touched, ...projects.map((row) => ({ accountId: row.account_id, projectId: row.id }))];
    for (const { id } of accounts) await app.queue.enqueue(tx, 'purge', { accountId: id }, { once: `purge/${id}` });
    for (const scope of unsigned)
      await app.queue.enqueue(tx, 'purge', scope, { once: `purge/${scope.projectId ?? scope.accountId}` });
    for (const scope of due) await app.queue.enqueue(tx, 'purge', scope, { once: `purge/${scope.projectId}` });
  });
}

/** Lets others have the processor and the database between two pieces of work. */
async function breathe(signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  await setImmediate();
}
