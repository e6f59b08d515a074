import { type Iteration, importedWithoutModel } from '../domain/iteration.ts';
import { limits } from '../domain/limits.ts';
import { problem } from '../domain/problems.ts';
import type { ErasureCounts } from '../domain/receipt.ts';
import { blobKey } from '../store/blobs.ts';
import type { Queries, Tx } from '../store/database.ts';
import { trashedOfIteration } from '../store/doomed.ts';
import { onlyKeptBy } from '../store/erasures.ts';
import {
  findDefaultIteration,
  findIteration,
  iterationByPublishName,
  iterationFromRow,
  listExports,
  listIterations as listRows,
} from '../store/iterations.ts';
import { abandonBlobs } from '../store/loose-blobs.ts';
import type { IterationRow } from '../store/schema.ts';
import { openText, sealText } from '../store/sealed.ts';
import { dropOfIteration } from '../store/trash-drop.ts';
import { record } from './audit.ts';
import type { App, ProjectScope } from './context.ts';
import { checkedName } from './names.ts';
import { requireProject } from './projects.ts';
import { beginErasure, imageCounts } from './receipts.ts';

/** The row of an iteration of the project. @throws AppError `NotFoundIteration`. */
export async function requireIteration(db: Queries, scope: ProjectScope, iterationId: string): Promise<IterationRow> {
  const row = await findIteration(db, scope.projectId, iterationId);
  if (row === undefined) throw problem('NotFoundIteration');
  return row;
}

/** Refuses an iteration that cannot answer. @throws AppError `BadRequestIterationIsNotTrained`, saying why. */
export function requireModel(row: Pick<IterationRow, 'status'>): void {
  if (row.status === 'Imported') throw problem('BadRequestIterationIsNotTrained', importedWithoutModel);
  if (row.status !== 'Completed') throw problem('BadRequestIterationIsNotTrained');
}

/** The project's iterations, newest first. @throws AppError `NotFoundProject`. */
export async function listIterations(app: Pick<App, 'db' | 'keys'>, scope: ProjectScope): Promise<Iteration[]> {
  await requireProject(app.db.query, scope);
  return (await listRows(app.db.query, scope.projectId)).map((row) => iterationFromRow(app.keys, scope, row));
}

/** One iteration. @throws AppError `NotFoundProject`, `NotFoundIteration`. */
export async function getIteration(
  app: Pick<App, 'db' | 'keys'>,
  scope: ProjectScope,
  iterationId: string,
): Promise<Iteration> {
  await requireProject(app.db.query, scope);
  return iterationFromRow(app.keys, scope, await requireIteration(app.db.query, scope, iterationId));
}

/**
 * Changes an iteration; what is absent stays. Made the default one, it takes the place of the one that was; no longer
 * it, the project has none.
 * @throws AppError `NotFoundProject`, `NotFoundIteration`, `BadRequestIterationName`,
 * `BadRequestIterationNameNotUnique`, `BadRequestIterationIsNotTrained` for a default one,
 * `BadRequestWorkspaceCannotBeModified`.
 */
export async function updateIteration(
  app: Pick<App, 'db' | 'keys' | 'clock'>,
  scope: ProjectScope,
  iterationId: string,
  changes: { readonly name?: string; readonly isDefault?: boolean },
): Promise<Iteration> {
  const name =
    changes.name === undefined ? undefined : checkedName('BadRequestIterationName', 'the iteration name', changes.name);
  await app.db.transaction(async (tx) => {
    await requireProject(tx, scope);
    if (iterationId === scope.projectId) throw problem('BadRequestWorkspaceCannotBeModified');
    const row = await requireIteration(tx, scope, iterationId);
    if (name !== undefined) await rename(app, tx, scope, iterationId, name);
    if (changes.isDefault !== undefined) await setDefault(app, tx, scope, row, changes.isDefault);
  });
  return getIteration(app, scope, iterationId);
}

async function rename(
  app: Pick<App, 'keys' | 'clock'>,
  tx: Tx,
  scope: ProjectScope,
  iterationId: string,
  name: string,
): Promise<void> {
  const lookup = iterationNameLookup(app, scope, name);
  if ((await listRows(tx, scope.projectId)).some((row) => row.name_lookup === lookup && row.id !== iterationId))
    throw problem('BadRequestIterationNameNotUnique');
  await tx
    .updateTable('iterations')
    .set({
      name: sealText(app.keys, scope, 'iterations.name', iterationId, name),
      name_lookup: lookup,
      modified: app.clock.now(),
    })
    .where('id', '=', iterationId)
    .execute();
}

async function setDefault(
  app: Pick<App, 'keys' | 'clock'>,
  tx: Tx,
  scope: ProjectScope,
  row: IterationRow,
  isDefault: boolean,
): Promise<void> {
  if (isDefault) requireModel(row);
  const before = await findDefaultIteration(tx, scope.projectId);
  if (isDefault === (before?.id === row.id)) return;
  const mark = async (iterationId: string, flag: 0 | 1): Promise<void> => {
    await tx
      .updateTable('iterations')
      .set({ is_default: flag, modified: app.clock.now() })
      .where('id', '=', iterationId)
      .execute();
    const action = flag === 1 ? 'iteration-made-default' : 'iteration-default-ended';
    await record(app, tx, action, { ...scope, subjectId: iterationId });
  };
  if (before !== undefined) await mark(before.id, 0);
  if (isDefault) await mark(row.id, 1);
}

/** What an iteration's name is found by. */
export const iterationNameLookup = (app: Pick<App, 'keys'>, scope: ProjectScope, name: string): string =>
  app.keys.lookup(scope, 'iteration-name', name.toLowerCase());

/** What a publish name is found by. */
export const publishNameLookup = (app: Pick<App, 'keys'>, scope: ProjectScope, name: string): string =>
  app.keys.lookup(scope, 'publish-name', name.trim().toLowerCase());

/**
 * Removes an iteration with its model, performance, exports and the images that only it still kept; a training that
 * runs is cancelled. @throws AppError `NotFoundProject`, `NotFoundIteration`, `BadRequestIterationIsPublished`:
 * unpublish it first.
 */
export async function deleteIteration(
  app: Pick<App, 'db' | 'keys' | 'clock' | 'queue' | 'models'>,
  scope: ProjectScope,
  iterationId: string,
): Promise<void> {
  await app.db.transaction(async (tx) => {
    await requireProject(tx, scope);
    if (iterationId === scope.projectId) throw problem('BadRequestWorkspaceNotDeletable');
    const row = await requireIteration(tx, scope, iterationId);
    refusePublished(app, scope, row, ' Unpublish it first.');
    const erased = await removeIteration(app, tx, scope, row);
    await beginErasure(app, tx, { kind: 'iteration', ...scope, ids: [iterationId], erased });
  });
  app.models.forget(scope, iterationId);
}

/**
 * Cancels a training, whether it waits or runs: its iteration is gone as if it had never been, but for a line in the
 * account's log; and a receipt where deleted images go that it alone still kept.
 * @throws AppError `NotFoundProject`, `NotFoundIteration`, `BadRequest` when there is none, or it is one that forgets.
 */
export async function cancelTraining(
  app: Pick<App, 'db' | 'keys' | 'clock' | 'queue'>,
  scope: ProjectScope,
  iterationId: string,
): Promise<void> {
  await app.db.transaction(async (tx) => {
    await requireProject(tx, scope);
    const row = await requireIteration(tx, scope, iterationId);
    if (row.rebuild !== null)
      throw problem(
        'BadRequest',
        'The iteration is trained anew to forget images, which was promised: that is stopped by DELETE …/forgetting/{receiptId}.',
      );
    if (row.status !== 'Training') throw problem('BadRequest', 'There is nothing to cancel: the training has ended.');
    const { images = 0, tags = 0 } = await removeIteration(app, tx, scope, row);
    await tx
      .updateTable('projects')
      .set((at) => ({ iteration_count: at('iteration_count', '-', 1) }))
      .where('id', '=', scope.projectId)
      .execute();
    await record(app, tx, 'training-cancelled', { ...scope, subjectId: iterationId });
    if (images + tags > 0)
      await beginErasure(app, tx, {
        kind: 'iteration',
        ...scope,
        ids: [iterationId],
        erased: { ...imageCounts(images), tags },
      });
  });
}

/** Removes an iteration with all that hangs on it, and stops what is done with it. Returns what is gone for good. */
async function removeIteration(
  app: Pick<App, 'queue'>,
  tx: Tx,
  scope: ProjectScope,
  { id: iterationId, status, model_id }: IterationRow,
): Promise<ErasureCounts> {
  const { accountId, projectId } = scope;
  const exports = await listExports(tx, projectId, iterationId);
  const { images, tags } = await onlyKeptBy(tx, iterationId);
  await abandonBlobs(tx, projectId, [
    blobKey(accountId, projectId, 'model', model_id ?? iterationId),
    ...exports.map((one) => blobKey(accountId, projectId, 'export', one.id)),
  ]);
  await tx.deleteFrom('exports').where('iteration_id', '=', iterationId).execute();
  const learned = await tx.deleteFrom('iteration_images').where('iteration_id', '=', iterationId).executeTakeFirst();
  const suggested = await tx.deleteFrom('suggestions').where('iteration_id', '=', iterationId).executeTakeFirst();
  const told = await tx.deleteFrom('iteration_tags').where('iteration_id', '=', iterationId).executeTakeFirst();
  await tx.deleteFrom('iterations').where('id', '=', iterationId).execute();
  const trashed = await trashedOfIteration(tx, iterationId);
  await dropOfIteration(tx, scope, iterationId);
  await app.queue.cancel(tx, { ...scope, iterationId });
  await app.queue.enqueue(tx, 'purge', scope, { once: `purge/${projectId}` });
  return {
    iterations: 1,
    model: status === 'Completed' ? 1 : 0,
    exports: exports.length + (trashed.exports ?? 0),
    export: exports.filter((one) => one.status === 'Done').length + (trashed.export ?? 0),
    iteration_images: Number(learned.numDeletedRows) + (trashed.iteration_images ?? 0),
    iteration_tags: Number(told.numDeletedRows),
    suggestions: Number(suggested.numDeletedRows),
    ...imageCounts(images),
    tags,
  };
}

/** Refuses what must not be done to a published iteration. @throws AppError `BadRequestIterationIsPublished`. */
export function refusePublished(app: Pick<App, 'keys'>, scope: ProjectScope, row: IterationRow, remedy = ''): void {
  if (row.publish_name === null) return;
  const name = openText(app.keys, scope, 'iterations.publish_name', row.id, row.publish_name);
  throw problem('BadRequestIterationIsPublished', `Iteration is already published as: ${name}.${remedy}`);
}

/**
 * Lets an iteration answer predictions under a name. `overwrite` takes the name from the iteration that has it.
 * @throws AppError `NotFoundProject`, `NotFoundIteration`, `BadRequestIterationIsNotTrained`,
 * `BadRequestInvalidPublishName`, `BadRequestInvalidPublishTarget`, `BadRequestIterationIsPublished`.
 */
export async function publishIteration(
  app: Pick<App, 'db' | 'keys' | 'clock'>,
  scope: ProjectScope,
  iterationId: string,
  input: { readonly publishName: string; readonly predictionId: string; readonly overwrite: boolean },
): Promise<void> {
  const name = checkedName('BadRequestInvalidPublishName', 'the publish name', input.publishName);
  const target = input.predictionId.trim();
  if (target === '' || target.length > limits.descriptionLength)
    throw problem(
      'BadRequestInvalidPublishTarget',
      `Expected a prediction resource id of 1 to ${limits.descriptionLength} characters for predictionId but received ${target.length}. Any text will do here.`,
    );
  await app.db.transaction(async (tx) => {
    await requireProject(tx, scope);
    const row = await requireIteration(tx, scope, iterationId);
    const lookup = publishNameLookup(app, scope, name);
    requireModel(row);
    refusePublished(app, scope, row);
    const holder = await iterationByPublishName(tx, scope.projectId, lookup);
    if (holder !== undefined) {
      if (!input.overwrite)
        throw problem(
          'BadRequestInvalidPublishName',
          'Another iteration is published under this name: unpublish it, or say overwrite=true.',
        );
      await unpublish(app, tx, scope, holder.id);
    }
    await tx
      .updateTable('iterations')
      .set({
        publish_name: sealText(app.keys, scope, 'iterations.publish_name', iterationId, name),
        publish_lookup: lookup,
        publish_resource: sealText(app.keys, scope, 'iterations.publish_resource', iterationId, target),
        modified: app.clock.now(),
      })
      .where('id', '=', iterationId)
      .execute();
    await record(app, tx, 'iteration-published', { ...scope, subjectId: iterationId });
  });
}

/**
 * Stops an iteration from answering.
 * @throws AppError `NotFoundProject`, `NotFoundIteration`, `BadRequestIterationNotPublished`.
 */
export async function unpublishIteration(
  app: Pick<App, 'db' | 'keys' | 'clock'>,
  scope: ProjectScope,
  iterationId: string,
): Promise<void> {
  await app.db.transaction(async (tx) => {
    await requireProject(tx, scope);
    const row = await requireIteration(tx, scope, iterationId);
    if (row.publish_name === null) throw problem('BadRequestIterationNotPublished');
    await unpublish(app, tx, scope, iterationId);
  });
}

async function unpublish(
  app: Pick<App, 'keys' | 'clock'>,
  tx: Tx,
  scope: ProjectScope,
  iterationId: string,
): Promise<void> {
  await tx
    .updateTable('iterations')
    .set({ publish_name: null, publish_lookup: null, publish_resource: null, modified: app.clock.now() })
    .where('id', '=', iterationId)
    .execute();
  await record(app, tx, 'iteration-unpublished', { ...scope, subjectId: iterationId });
}
