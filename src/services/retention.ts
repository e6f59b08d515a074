import { setImmediate } from 'node:timers/promises';
import { day, type Micros, second } from '../base/clock.ts';
import { expected } from '../base/errors.ts';
import { problem } from '../domain/problems.ts';
import { longestRetentionDays, type Retention } from '../domain/retention.ts';
import { suggestionDays } from '../domain/suggestion.ts';
import { blobKey } from '../store/blobs.ts';
import type { Queries, Tx } from '../store/database.ts';
import { unnotePredictions } from '../store/erased.ts';
import { findOpenExpired } from '../store/erasures.ts';
import { abandonBlobs } from '../store/loose-blobs.ts';
import { deletePredictionRows } from '../store/predictions.ts';
import {
  deleteExportsUntil,
  findRetention,
  nextExpiry,
  predictionsUntil,
  projectsThatExpire,
  redateFuture,
  saveRetention,
} from '../store/retention.ts';
import { deleteSuggestionsUntil } from '../store/suggestions.ts';
import { isThere } from '../store/trash-items.ts';
import { record } from './audit.ts';
import type { App, ProjectScope } from './context.ts';
import { pictureKeys } from './pictures.ts';
import { requireProject } from './projects.ts';
import { addExpired } from './receipts.ts';
import { expireTrashed } from './trash-ends.ts';

/** Rows in one transaction: few enough that nobody waits long for the database. */
const rowsAtOnce = 200;
/** Sweeps of a project lie this far apart, so that each has its receipt and they stay few. */
const sweepEvery: Micros = 1800 * second;
/** How far a date may lie ahead before it is taken for the work of a clock that was wrong. */
const clockTolerance: Micros = 3600 * second;

/** A project's retention, and what the server's own setting makes of it. */
export interface EffectiveRetention extends Retention {
  /** `false`: `store` is ignored for every prediction, by the project's setting or the server's. */
  readonly storesPredictions: boolean;
}

/** How long a project keeps predictions and exports. @throws AppError `NotFoundProject`. */
export async function getRetention(app: Pick<App, 'db' | 'config'>, scope: ProjectScope): Promise<EffectiveRetention> {
  await requireProject(app.db.query, scope);
  return effective(app, await findRetention(app.db.query, scope.projectId));
}

const effective = (app: Pick<App, 'config'>, retention: Retention): EffectiveRetention => ({
  ...retention,
  storesPredictions: app.config.storePredictions && retention.predictionsDays > 0,
});

/**
 * Changes what is given and leaves the rest. It holds for what is stored already too: what is past the new time goes at
 * once. @throws AppError `NotFoundProject`, `BadRequest` for days that are not whole or out of range.
 */
export async function setRetention(
  app: Pick<App, 'db' | 'keys' | 'config' | 'clock' | 'queue'>,
  scope: ProjectScope,
  changes: { readonly predictionsDays?: number | undefined; readonly exportsDays?: number | null | undefined },
): Promise<EffectiveRetention> {
  const { predictionsDays, exportsDays } = changes;
  if (predictionsDays !== undefined) checkDays('predictionsDays', predictionsDays, 0);
  if (exportsDays !== undefined && exportsDays !== null) checkDays('exportsDays', exportsDays, 1);
  return app.db.transaction(async (tx) => {
    await requireProject(tx, scope);
    const before = await findRetention(tx, scope.projectId);
    const after: Retention = {
      predictionsDays: predictionsDays ?? before.predictionsDays,
      exportsDays: exportsDays === undefined ? before.exportsDays : exportsDays,
    };
    await saveRetention(tx, scope.projectId, after);
    await app.queue.cancel(tx, { ...scope, jobName: 'retention' });
    await scheduleSweep(app, tx, scope);
    await record(app, tx, 'settings-changed', scope, { ...after, exportsDays: after.exportsDays ?? 'no end' });
    return effective(app, after);
  });
}

function checkDays(name: string, days: number, least: number): void {
  if (Number.isInteger(days) && days >= least && days <= longestRetentionDays) return;
  throw problem('BadRequest', `${expected(`whole days from ${least} to ${longestRetentionDays}`, name, days)}.`);
}

/** Whether a prediction of this project may be stored at all. */
export async function storesPredictions(app: Pick<App, 'config'>, db: Queries, scope: ProjectScope): Promise<boolean> {
  return effective(app, await findRetention(db, scope.projectId)).storesPredictions;
}

/**
 * In the transaction that stores something, or after a sweep: has the next thing removed when its time is over, together
 * with what follows within half an hour.
 */
export async function scheduleSweep(app: Pick<App, 'queue' | 'clock'>, tx: Tx, scope: ProjectScope): Promise<void> {
  const expiry = await nextExpiry(tx, scope.projectId);
  if (expiry === undefined) return;
  const runAt = expiry <= app.clock.now() ? expiry : Math.ceil(expiry / sweepEvery) * sweepEvery;
  await app.queue.enqueue(tx, 'retention', scope, { once: `retention/${scope.projectId}`, runAt });
}

/**
 * Removes a project's predictions, suggestions and exports whose time is over, in the trash too, oldest first, and has their files removed. Rows and
 * files are given up in the same transactions: interrupted, it goes on with what is left. The purge after it signs one
 * receipt for all of it. Returns how many rows went.
 */
export async function sweepExpired(
  app: Pick<App, 'db' | 'keys' | 'clock' | 'queue'>,
  scope: ProjectScope,
  signal?: AbortSignal,
): Promise<number> {
  const { projectId } = scope;
  const now = app.clock.now();
  await app.db.transaction((tx) => redateFuture(tx, projectId, now + clockTolerance, now));
  let gone = 0;
  for (let more = true; more; ) {
    signal?.throwIfAborted();
    more = await app.db.transaction(async (tx) => {
      // What is being erased goes as a whole.
      if (!(await isThere(tx, scope))) return false;
      const { predictionsDays, exportsDays } = await findRetention(tx, projectId);
      const due = await predictionsUntil(tx, projectId, now - predictionsDays * day, rowsAtOnce);
      const predictions = due.length === 0 ? [] : await deletePredictionRows(tx, projectId, due);
      if (predictions.length > 0) await unnotePredictions(tx, predictions);
      const exports =
        exportsDays === null ? [] : await deleteExportsUntil(tx, projectId, now - exportsDays * day, rowsAtOnce);
      const suggestions = await deleteSuggestionsUntil(tx, projectId, now - suggestionDays * day, rowsAtOnce);
      const files = [
        ...predictions.flatMap((id) => pictureKeys(scope, 'prediction', id)),
        ...exports.map(({ id }) => blobKey(scope.accountId, projectId, 'export', id)),
      ];
      await abandonBlobs(tx, projectId, files);
      const trashed = await expireTrashed(app, tx, scope, now);
      const both = { predictions: predictions.length + trashed.predictions, exports: exports.length + trashed.exports };
      if (both.predictions + both.exports + suggestions > 0)
        await addExpired(app, tx, scope, {
          predictions: both.predictions,
          'prediction-original': both.predictions,
          'prediction-thumbnail': both.predictions,
          suggestions,
          exports: both.exports,
          export: exports.filter(({ status }) => status === 'Done').length + trashed.exportFiles,
        });
      gone += both.predictions + both.exports + suggestions + trashed.items;
      if ([due.length, exports.length, suggestions].includes(rowsAtOnce)) return true;
      // Last of all, so that one purge finishes the sweep; what an interrupted one left open is asked for again here.
      if ((await findOpenExpired(tx, projectId)) !== undefined)
        await app.queue.enqueue(tx, 'purge', scope, { once: `purge/${projectId}` });
      return false;
    });
    await setImmediate();
  }
  return gone;
}

/**
 * For the start of the only server, before it takes requests: removes everything whose time ended while no server ran,
 * and plans the next removal of each project anew, since the clock may have been set since it was planned.
 */
export async function resumeRetention(app: Pick<App, 'db' | 'keys' | 'clock' | 'queue'>): Promise<void> {
  for (const scope of await projectsThatExpire(app.db.query)) {
    await sweepExpired(app, scope);
    await app.db.transaction(async (tx) => {
      await app.queue.cancel(tx, { ...scope, jobName: 'retention' });
      await scheduleSweep(app, tx, scope);
    });
  }
}
