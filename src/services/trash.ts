import { day, type Micros } from '../base/clock.ts';
import { expected } from '../base/errors.ts';
import { newId } from '../base/id.ts';
import { problem } from '../domain/problems.ts';
import { longestTrashDays, type Trasher } from '../domain/trash.ts';
import type { Language } from '../store/custody-words.ts';
import type { Tx } from '../store/database.ts';
import { hasProject, touchProject } from '../store/projects.ts';
import type { IterationRow, TrashRow } from '../store/schema.ts';
import { deleteTrashItem, findTrashDays, hasTrashRows, saveTrashDays } from '../store/trash-items.ts';
import { trashImages, trashTag, trashWhole } from '../store/trash-move.ts';
import { record } from './audit.ts';
import type { App, ProjectScope } from './context.ts';
import {
  type Deletion,
  exportDeletion,
  imageDeletion,
  iterationDeletion,
  type Looking,
  predictionDeletion,
  projectDeletion,
  tagDeletion,
} from './deletions.ts';
import type { ImagesToDelete } from './images.ts';
import { refusePublished, requireIteration } from './iterations.ts';
import { scheduleSweep } from './retention.ts';
import { emptyItem, scheduleTrash } from './trash-empty.ts';
import { endOfItem } from './trash-ends.ts';

/** What can be thrown away of a project. */
export type Discarded =
  | { readonly kind: 'project' }
  | { readonly kind: 'tag'; readonly tagId: string }
  | { readonly kind: 'iteration'; readonly iterationId: string }
  | { readonly kind: 'export'; readonly iterationId: string; readonly exportId: string }
  | { readonly kind: 'predictions'; readonly ids: readonly string[] }
  | ({ readonly kind: 'images' } & ImagesToDelete);

/** How it is thrown away. */
export interface Discarding {
  /** At once, whatever the account's setting. */
  readonly now: boolean;
  readonly by: Trasher;
  readonly language: Language;
}

/** What was thrown away. */
export interface Removal extends Deletion {
  /** Where it can be brought back until `due`; `null`: it is being erased. */
  readonly trash: { readonly id: string; readonly due: Micros } | null;
  /** Of the receipt there will be once it is erased; `null` when there was nothing. */
  readonly receiptId: string | null;
}

type Discard = Pick<App, 'db' | 'keys' | 'clock' | 'queue' | 'models'>;

/** How many days the account can bring back what it deleted. */
export const getTrashDays = (app: Pick<App, 'db'>, accountId: string): Promise<number> =>
  findTrashDays(app.db.query, accountId);

/**
 * Changes it for what is deleted from now on; 0: nothing can be brought back. What is in the trash keeps its day.
 * @throws AppError `BadRequest`.
 */
export async function setTrashDays(
  app: Pick<App, 'db' | 'keys' | 'clock'>,
  accountId: string,
  days: number,
): Promise<void> {
  checkTrashDays('days', days);
  await app.db.transaction(async (tx) => {
    await saveTrashDays(tx, accountId, days);
    await record(app, tx, 'settings-changed', { accountId }, { trashDays: days });
  });
}

/** Refuses what is no number of days to keep the trash. @throws AppError `BadRequest`. */
export function checkTrashDays(name: string, days: number): void {
  if (Number.isInteger(days) && days >= 0 && days <= longestTrashDays) return;
  throw problem('BadRequest', `${expected(`whole days from 0 to ${longestTrashDays}`, name, days)}.`);
}

/**
 * Makes something invisible at once, and tells what that removes. It goes to the trash, from where it can be brought back
 * as it was; or it is erased at once, when that is asked for or the account keeps no trash.
 * @throws AppError `NotFoundProject` and as the deletion of its kind; of an iteration that is published
 * `BadRequestIterationIsPublished`. Then nothing is changed.
 */
export async function discard(app: Discard, scope: ProjectScope, what: Discarded, how: Discarding): Promise<Removal> {
  const removal = await app.db.transaction(async (tx): Promise<Removal> => {
    const deletion = await deletionOf({ keys: app.keys, db: { query: tx } }, scope, what, how.language);
    const isWhole = await hasProject(tx, scope.accountId, scope.projectId);
    // What an import has brought so far is no use to anybody.
    const days = how.now || !isWhole ? 0 : await findTrashDays(tx, scope.accountId);
    const trashed = app.clock.now();
    const item: TrashRow = {
      id: newId(),
      account_id: scope.accountId,
      project_id: scope.projectId,
      kind: what.kind,
      trashed_by: how.by,
      trashed,
      due: trashed + days * day,
    };
    await tx.insertInto('trash').values(item).execute();
    await moveAway(app, tx, scope, what, item);
    if (what.kind !== 'project' && !(await hasTrashRows(tx, item.id))) {
      await deleteTrashItem(tx, item.id);
      return { ...deletion, trash: null, receiptId: null };
    }
    if (what.kind !== 'project') await touchProject(tx, scope.projectId, trashed);
    if (days === 0) await emptyItem(app, tx, item);
    else {
      await record(app, tx, 'trashed', { ...scope, subjectId: item.id }, { kind: what.kind, days });
      await scheduleTrash(app, tx, scope.accountId);
    }
    const trash = days === 0 ? null : { id: item.id, due: await endOfItem(tx, item) };
    return { ...deletion, trash, receiptId: item.id };
  });
  if (what.kind === 'project') app.models.forget(scope);
  if (what.kind === 'iteration') app.models.forget(scope, what.iterationId);
  return removal;
}

function deletionOf(looking: Looking, scope: ProjectScope, what: Discarded, language: Language): Promise<Deletion> {
  switch (what.kind) {
    case 'project':
      return projectDeletion(looking, scope, language);
    case 'tag':
      return tagDeletion(looking, scope, what.tagId, language);
    case 'iteration':
      return iterationDeletion(looking, scope, what.iterationId, language);
    case 'export':
      return exportDeletion(looking, scope, what.iterationId, what.exportId, language);
    case 'predictions':
      return predictionDeletion(looking, scope, what.ids, language);
    case 'images':
      return imageDeletion(looking, scope, what, language);
  }
}

/** Refuses an iteration that answers predictions, and one that would come back from the trash knowing what it was to forget. */
function refuseInUse(app: Pick<App, 'keys'>, scope: ProjectScope, row: IterationRow, goesNow: boolean): void {
  refusePublished(app, scope, row, ' Unpublish it first.');
  if (row.rebuild !== null && !goesNow)
    throw problem(
      'BadRequest',
      'The iteration is being trained anew to forget images: erase it with now=true, or wait until it has forgotten them.',
    );
}

/** Makes it invisible, and stops what is done with it. */
async function moveAway(
  app: Pick<App, 'keys' | 'queue' | 'clock'>,
  tx: Tx,
  scope: ProjectScope,
  what: Discarded,
  { id, trashed, due }: TrashRow,
): Promise<void> {
  const { projectId } = scope;
  const goesNow = due === trashed;
  switch (what.kind) {
    case 'project':
      await tx.updateTable('projects').set({ deleted: trashed }).where('id', '=', projectId).execute();
      await app.queue.cancel(tx, scope);
      return goesNow ? undefined : scheduleSweep(app, tx, scope);
    case 'tag':
      return trashTag(tx, id, what.tagId);
    case 'iteration':
      refuseInUse(app, scope, await requireIteration(tx, scope, what.iterationId), goesNow);
      await trashWhole(tx, id, 'iterations', projectId, [what.iterationId]);
      return app.queue.cancel(tx, { ...scope, iterationId: what.iterationId });
    case 'export':
      return trashWhole(tx, id, 'exports', projectId, [what.exportId]);
    case 'predictions':
      return what.ids.length === 0 ? undefined : trashWhole(tx, id, 'predictions', projectId, what.ids);
    case 'images':
      return trashImages(tx, id, {
        projectId,
        ids: what.allImages ? undefined : what.imageIds,
        allIterations: what.allIterations,
      });
  }
}
