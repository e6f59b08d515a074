import type { JobRun, Jobs } from '../queue/job.ts';
import type { App } from '../services/context.ts';
import { listErased } from '../services/erased.ts';
import { emptyLog, eraseGarbage, eraseLooseBlobs, eraseScope } from '../services/erasure.ts';
import { erasuresUnderWay, finishErasures } from '../services/receipts.ts';
import type { KeyScope } from '../store/keys.ts';
import { nextSweep, projectsWithLooseBlobs } from '../store/loose-blobs.ts';
import { beingRestored } from '../store/restores.ts';
import { isTrashed } from '../store/trash-items.ts';

type Purging = Pick<App, 'db' | 'keys' | 'blobs' | 'clock' | 'queue' | 'erased' | 'traces'>;

/**
 * Removes for good what was deleted: a whole account or project, or what a living project no longer needs; then the
 * files that no row refers to, and the traces in the database's log. Comes back for files that an upload may still be
 * writing. What is only in the trash stays.
 */
export async function purge(app: Purging, payload: Jobs['purge'], run: Pick<JobRun, 'signal'>): Promise<void> {
  const { accountId, projectId } = payload;
  const erasures = await erasuresUnderWay(app, payload);
  const isGone = projectId === undefined && (await purgeAccount(app, accountId, run));
  if (projectId !== undefined) await purgeProject(app, { accountId, projectId }, run);
  await listErased(app);
  await emptyLog(app, run.signal);
  await finishErasures(app, erasures);
  if (isGone) app.traces.erased(accountId);
}

/** Whether nothing of it is left. */
async function purgeAccount(app: Purging, accountId: string, run: Pick<JobRun, 'signal'>): Promise<boolean> {
  const account = await app.db.query
    .selectFrom('accounts')
    .select('deleted')
    .where('id', '=', accountId)
    .executeTakeFirst();
  const goes = account !== undefined && account.deleted !== null && !(await isTrashed(app.db.query, { accountId }));
  if (account === undefined) destroyUnused(app, { accountId });
  else if (goes) await eraseScope(app, { accountId }, run.signal);
  for (const scope of await projectsWithLooseBlobs(app.db.query, accountId)) await sweepProject(app, scope, run);
  return account === undefined || goes;
}

async function purgeProject(app: Purging, scope: Required<Jobs['purge']>, run: Pick<JobRun, 'signal'>): Promise<void> {
  const leased = await beingRestored(app.db.query, scope.projectId, app.clock.now());
  if (leased !== undefined) {
    const options = { once: `purge-later/${scope.projectId}`, runAt: leased + 1 };
    await app.db.transaction((tx) => app.queue.enqueue(tx, 'purge', scope, options));
    return;
  }
  const project = await app.db.query
    .selectFrom('projects')
    .select(['deleted', 'status'])
    .where('id', '=', scope.projectId)
    .where('account_id', '=', scope.accountId)
    .executeTakeFirst();
  if (project === undefined) destroyUnused(app, scope);
  else if (project.deleted !== null && !(await isTrashed(app.db.query, scope)))
    await eraseScope(app, scope, run.signal);
  // What an import has brought may be waiting for the iteration that keeps it.
  else if (project.status !== 'Importing') await eraseGarbage(app, scope, run.signal);
  await sweepProject(app, scope, run);
}

/** The key of something whose creation was interrupted: no row ever used it. */
const destroyUnused = (app: Purging, scope: KeyScope): void => app.keys.destroy(scope);

async function sweepProject(app: Purging, scope: Required<Jobs['purge']>, run: Pick<JobRun, 'signal'>): Promise<void> {
  await eraseLooseBlobs(app, scope.projectId, run.signal);
  const runAt = await nextSweep(app.db.query, scope.projectId);
  if (runAt === undefined) return;
  await app.db.transaction((tx) =>
    app.queue.enqueue(tx, 'purge', scope, { once: `purge-later/${scope.projectId}`, runAt: runAt + 1 }),
  );
}
