import { problem } from '../domain/problems.ts';
import type { ErasureKind } from '../domain/receipt.ts';
import type { Tx } from '../store/database.ts';
import { imagesWithoutFeatures } from '../store/features.ts';
import { countSelected } from '../store/images.ts';
import { listExports, listIterations } from '../store/iterations.ts';
import { countProjects, projectNameTaken, touchProject } from '../store/projects.ts';
import type { ExportRow, IterationRow, TagRow, TrashRow } from '../store/schema.ts';
import { tagByName, tagTypes } from '../store/tags.ts';
import { putBack } from '../store/trash-back.ts';
import {
  deleteTrashItem,
  findTrashItem,
  hasTrashRows,
  isTrashed,
  subjectsOf,
  trashedRow,
} from '../store/trash-items.ts';
import { record } from './audit.ts';
import type { App, ProjectScope } from './context.ts';
import { queueImport, requireProject } from './projects.ts';
import { scheduleSweep } from './retention.ts';
import { refuseSecondOfType } from './tags.ts';
import { requireRoom } from './tiers.ts';
import { queueTraining } from './training.ts';
import { scheduleTrash } from './trash-empty.ts';

/** What came back, by kind. */
export interface Restored {
  readonly id: string;
  readonly kind: ErasureKind;
  readonly projectId: string;
  readonly restored: Readonly<Record<string, number>>;
  /** What could not come back and is gone: it tied things together of which one is gone for good, or has another tag now. */
  readonly dropped: Readonly<Record<string, number>>;
  /** Images that stay in the trash: not named, or uploaded again meanwhile. */
  readonly left: number;
}

type Restoring = Pick<App, 'db' | 'keys' | 'clock' | 'queue'>;

/**
 * Brings back what an item of the account's trash holds, as it was; of images only those of `imageIds`, when there are.
 * What is tied to something that is in the trash itself comes back with that.
 * @throws AppError `NotFound`; `NotFoundProject`, `NotFoundIteration` when that is in the trash itself or gone;
 * `BadRequestProjectNameNotUnique`, `BadRequestTagNameNotUnique`, `BadRequestIterationNameNotUnique`,
 * `BadRequestExportAlreadyInProgress` and others when its place was taken meanwhile. Then nothing is changed.
 */
export async function restoreTrashItem(
  app: Restoring,
  accountId: string,
  id: string,
  imageIds?: readonly string[],
): Promise<Restored> {
  return app.db.transaction(async (tx) => {
    const item = await findTrashItem(tx, id);
    if (item?.account_id !== accountId || item.project_id === null)
      throw problem('NotFound', 'There is no such item in the trash.');
    const { kind, project_id: projectId } = item;
    if (imageIds !== undefined && kind !== 'images')
      throw problem(
        'BadRequest',
        `Expected imageIds only for images but received them for a deletion of kind ${kind}.`,
      );
    const scope = { accountId, projectId };
    const back =
      kind === 'project' ? await restoreProject(app, tx, scope, id) : await restoreRows(app, tx, scope, item, imageIds);
    await record(app, tx, 'deletion-cancelled', { ...scope, subjectId: id }, { kind, ...back.restored });
    await touchProject(tx, projectId, app.clock.now());
    return { id, kind, projectId, ...back };
  });
}

type Back = Pick<Restored, 'restored' | 'dropped' | 'left'>;

async function restoreProject(app: Restoring, tx: Tx, scope: ProjectScope, itemId: string): Promise<Back> {
  const { accountId, projectId } = scope;
  const row = await tx.selectFrom('projects').selectAll().where('id', '=', projectId).executeTakeFirstOrThrow();
  if (await projectNameTaken(tx, accountId, row.name_lookup))
    throw problem(
      'BadRequestProjectNameNotUnique',
      'Another project has its name now: rename that one, then restore this one.',
    );
  await requireRoom(tx, accountId, 'projects', () => countProjects(tx, accountId));
  await tx.updateTable('projects').set({ deleted: null }).where('id', '=', projectId).execute();
  await deleteTrashItem(tx, itemId);
  await resumeWork(app, tx, scope, { iterations: 'all' });
  return { restored: { projects: 1 }, dropped: {}, left: 0 };
}

async function restoreRows(
  app: Restoring,
  tx: Tx,
  scope: ProjectScope,
  item: TrashRow,
  imageIds: readonly string[] | undefined,
): Promise<Back> {
  if (await isTrashed(tx, scope))
    throw problem('NotFoundProject', 'The project is in the trash itself: restore that first.');
  await requireProject(tx, scope);
  await requirePlace(tx, scope, item, imageIds);
  const ids = item.kind === 'iteration' || item.kind === 'export' ? await subjectsOf(tx, item, 1) : [];
  const { restored, dropped } = await putBack(tx, item.id, imageIds);
  const left = item.kind === 'images' ? (await subjectsOf(tx, item, Number.MAX_SAFE_INTEGER)).length : 0;
  if (!(await hasTrashRows(tx, item.id))) await deleteTrashItem(tx, item.id);
  await resumeWork(app, tx, scope, item.kind === 'iteration' ? { iterations: ids } : { exports: ids });
  return { restored, dropped, left };
}

/** Refuses what has no place to come back to. */
async function requirePlace(
  tx: Tx,
  { accountId, projectId }: ProjectScope,
  item: TrashRow,
  imageIds: readonly string[] | undefined,
): Promise<void> {
  const [id = ''] = item.kind === 'images' ? [] : await subjectsOf(tx, item, 1);
  const trashed = async <Row>(table: string): Promise<Row> =>
    JSON.parse((await trashedRow(tx, table, id))?.row ?? '{}') as Row;
  switch (item.kind) {
    case 'tag': {
      const tag: TagRow = await tx.selectFrom('tags').selectAll().where('id', '=', id).executeTakeFirstOrThrow();
      if (await tagByName(tx, projectId, tag.name_lookup))
        throw problem(
          'BadRequestTagNameNotUnique',
          'Another tag has its name now: rename that one, then restore this one.',
        );
      await refuseSecondOfType(tx, projectId, tag.type);
      await requireRoom(tx, accountId, 'tags', async () => (await tagTypes(tx, projectId)).length);
      return;
    }
    case 'iteration': {
      const row = await trashed<Pick<IterationRow, 'name_lookup'>>('iterations');
      const others = await listIterations(tx, projectId);
      if (others.some((one) => one.name_lookup === row.name_lookup))
        throw problem(
          'BadRequestIterationNameNotUnique',
          'Another iteration has its name now: rename that one, then restore this one.',
        );
      await requireRoom(tx, accountId, 'iterations', async () => others.length);
      return;
    }
    case 'export': {
      const row = await trashed<Pick<ExportRow, 'iteration_id' | 'platform' | 'flavor'>>('exports');
      const iterations = await listIterations(tx, projectId);
      if (!iterations.some((one) => one.id === row.iteration_id))
        throw problem('NotFoundIteration', 'Its iteration is in the trash itself: restore that first.');
      const others = await listExports(tx, projectId, row.iteration_id);
      if (others.some((one) => one.platform === row.platform && one.flavor === row.flavor))
        throw problem(
          'BadRequestExportAlreadyInProgress',
          'The model was exported in the same form again meanwhile: delete that export, then restore this one.',
        );
      return;
    }
    case 'images': {
      const held = new Set(await subjectsOf(tx, item, Number.MAX_SAFE_INTEGER));
      if (imageIds?.some((one) => !held.has(one)))
        throw problem('NotFoundImage', 'One of these images is not in this item of the trash.');
      await requireRoom(tx, accountId, 'images', () => countSelected(tx, { projectId }), imageIds?.length ?? held.size);
    }
  }
}

/** Takes up what was stopped when it was deleted, and plans the end of what has its time. */
export async function resumeWork(
  app: Pick<App, 'clock' | 'queue'>,
  tx: Tx,
  scope: ProjectScope,
  whose: { readonly iterations?: 'all' | readonly string[]; readonly exports?: readonly string[] },
): Promise<void> {
  const { projectId } = scope;
  const { iterations = [], exports = [] } = whose;
  const training = tx.selectFrom('iterations').select('id').where('project_id', '=', projectId);
  for (const { id } of await training.where('status', '=', 'Training').execute())
    if (iterations === 'all' || iterations.includes(id)) await queueTraining(app, tx, { ...scope, iterationId: id });
  const forgetting = tx.selectFrom('iterations').select('id').where('project_id', '=', projectId);
  for (const { id } of await forgetting.where('rebuild', 'is not', null).execute())
    await app.queue.enqueue(tx, 'forget', { ...scope, iterationId: id }, { once: `forget/${id}` });
  const exporting = tx.selectFrom('exports').select(['id', 'iteration_id']).where('project_id', '=', projectId);
  for (const { id, iteration_id } of await exporting.where('status', '=', 'Exporting').execute())
    if (iterations === 'all' || iterations.includes(iteration_id) || exports.includes(id))
      await app.queue.enqueue(tx, 'export', { ...scope, exportId: id });
  if ((await imagesWithoutFeatures(tx, projectId, { limit: 1 })).length > 0)
    await app.queue.enqueue(tx, 'features', scope, { once: `features/${projectId}` });
  const importing = tx.selectFrom('projects').select('id').where('id', '=', projectId);
  if (await importing.where('status', '=', 'Importing').executeTakeFirst()) await queueImport(app, tx, scope);
  await scheduleSweep(app, tx, scope);
  await scheduleTrash(app, tx, scope.accountId);
}
