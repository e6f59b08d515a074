import { day, type Micros, second } from '../../base/clock.ts';
import { AppError } from '../../base/errors.ts';
import { newId } from '../../base/id.ts';
import { problem } from '../../domain/problems.ts';
import type { Tx } from '../../store/database.ts';
import { addRestore, findRestore, isRestoring, updateRestore } from '../../store/restores.ts';
import type { RestoreRow } from '../../store/schema.ts';
import { sealText } from '../../store/sealed.ts';
import type { App } from '../context.ts';

/**
 * A restore under way is written down, with a lease that is renewed again and again: while it holds, no start of a
 * server and no purge removes what is half there; when its process dies it runs out, if the next start or command does not
 * find that sooner, and what it left is removed.
 */
const leaseTime: Micros = 120 * second;
/** How often it is renewed, ms. */
const renewal = 15_000;

/** What is told of a restore. */
export interface Told {
  readonly projects: readonly {
    readonly from: string;
    readonly id: string;
    readonly outcome: 'restored' | 'present';
    readonly leftOut: number;
  }[];
  /** How many files the archive itself says it lacks. */
  readonly missing: number;
  /** Why it failed. */
  readonly reason?: { readonly code: string; readonly message: string };
}

/** Writes a restore down. @throws AppError `Conflict` when another one is under way into the account. */
export async function beginLease(
  app: Pick<App, 'clock'>,
  tx: Tx,
  { id, accountId, holder, state }: Pick<RestoreRow, 'id' | 'holder' | 'state'> & { readonly accountId: string },
): Promise<void> {
  const created = app.clock.now();
  if (await isRestoring(tx, accountId, created))
    throw problem('Conflict', 'Something is being put back into this account already: wait until it ends.');
  await addRestore(tx, {
    id,
    account_id: accountId,
    project_id: null,
    holder,
    state,
    created,
    lease: created + leaseTime,
    result: null,
  });
}

/** Keeps a lease until what is returned is called. */
export function renewing(app: Pick<App, 'db' | 'clock'>, id: string): () => void {
  const timer = setInterval(() => {
    // When it fails the next one comes before the lease ends.
    updateRestore(app.db.query, id, { lease: app.clock.now() + leaseTime }).catch(() => undefined);
  }, renewal).unref();
  return () => clearInterval(timer);
}

/** Says how a restore ended, and lets it be forgotten a day later. */
export async function endLease(
  app: Pick<App, 'db' | 'clock' | 'keys' | 'queue'>,
  { id, accountId, state, told }: { id: string; accountId: string; state: RestoreRow['state']; told: Told },
): Promise<void> {
  const lease = app.clock.now();
  const result = sealText(app.keys, { accountId }, 'restores.result', id, JSON.stringify(told));
  await app.db.transaction(async (tx) => {
    const projectId = (await findRestore(tx, id))?.project_id;
    await updateRestore(tx, id, { state, lease, result, project_id: null });
    // What is there of an unfinished project; nothing is of one that is back.
    if (projectId) await app.queue.enqueue(tx, 'purge', { accountId, projectId }, { once: `purge/${projectId}` });
    await app.queue.enqueue(tx, 'transfers', { accountId }, { once: `transfers/${accountId}`, runAt: lease + day });
  });
}

/**
 * Runs `work` under a lease, a new one unless there is one of this id; `holding` names the project that is written next.
 * Whoever has begun the lease ends it.
 */
export async function withLease(
  app: Pick<App, 'db' | 'clock' | 'keys' | 'queue'>,
  { accountId, id, told }: { accountId: string; id: string | undefined; told: Told },
  work: (holding: (projectId: string) => Promise<void>) => Promise<void>,
): Promise<void> {
  const own = id ?? newId();
  if (id === undefined)
    await app.db.transaction((tx) =>
      beginLease(app, tx, { id: own, accountId, holder: 'command', state: 'Restoring' }),
    );
  const stop = renewing(app, own);
  try {
    await work(async (projectId) => {
      const changes = { project_id: projectId, state: 'Restoring', lease: app.clock.now() + leaseTime } as const;
      if (!(await updateRestore(app.db.query, own, changes)))
        throw new AppError('Conflict', 'The account was removed while something was put back into it.');
    });
    if (id === undefined) await endLease(app, { id: own, accountId, state: 'Done', told });
  } catch (error) {
    if (id === undefined)
      await endLease(app, { id: own, accountId, state: 'Failed', told: { ...told, reason: reasonOf(error) } }).catch(
        () => undefined,
      );
    throw error;
  } finally {
    stop();
  }
}

/** An error in words for the owner. */
export function reasonOf(error: unknown): { code: string; message: string } {
  if (error instanceof AppError) return { code: error.code, message: error.message };
  return { code: 'ErrorUnknown', message: 'Something went wrong inside the server; its log says more.' };
}
