import type { Micros } from '../base/clock.ts';
import { type Augmentation, augmentationMethods, augmentationWhere, type Project } from '../domain/project.ts';
import type { Queries } from './database.ts';
import type { KeyScope, Keys } from './keys.ts';
import type { ProjectRow } from './schema.ts';
import { openText, openTextOrNull, sealText } from './sealed.ts';

/** A project's row with the image that stands for it. */
export type ListedProject = ProjectRow & { thumbnail_image_id: string | null };

const listed = (db: Queries) =>
  db
    .selectFrom('projects')
    .selectAll('projects')
    .select((at) =>
      at
        .selectFrom('images')
        .select('images.id')
        .whereRef('images.project_id', '=', 'projects.id')
        .where('images.workspace', '=', 1)
        .orderBy('images.created', 'desc')
        .limit(1)
        .as('thumbnail_image_id'),
    )
    .where('projects.deleted', 'is', null);

/** The account's living project of this id, all of which is there: not one that is being imported, or could not be. */
export const findProject = (db: Queries, accountId: string, id: string): Promise<ListedProject | undefined> =>
  listed(db)
    .where('projects.account_id', '=', accountId)
    .where('projects.id', '=', id)
    .where('projects.status', '=', 'Succeeded')
    .executeTakeFirst();

/** The account's living project of this id, whatever its status. */
export const findAnyProject = (db: Queries, accountId: string, id: string): Promise<ListedProject | undefined> =>
  listed(db).where('projects.account_id', '=', accountId).where('projects.id', '=', id).executeTakeFirst();

/** Whether {@link findProject} finds it. */
export async function hasProject(db: Queries, accountId: string, id: string): Promise<boolean> {
  const row = await db
    .selectFrom('projects')
    .select('id')
    .where('id', '=', id)
    .where('account_id', '=', accountId)
    .where('deleted', 'is', null)
    .where('status', '=', 'Succeeded')
    .executeTakeFirst();
  return row !== undefined;
}

/** Whose living project this is, whoever asks: for links, which carry no key. */
export async function accountOfProject(db: Queries, id: string): Promise<string | undefined> {
  const row = await db
    .selectFrom('projects')
    .innerJoin('accounts', 'accounts.id', 'projects.account_id')
    .select('projects.account_id')
    .where('projects.id', '=', id)
    .where('projects.deleted', 'is', null)
    .where('accounts.deleted', 'is', null)
    .executeTakeFirst();
  return row?.account_id;
}

/** The account's living projects, whatever their status, newest first. */
export const listProjects = (db: Queries, accountId: string): Promise<ListedProject[]> =>
  listed(db).where('projects.account_id', '=', accountId).orderBy('projects.created', 'desc').execute();

/** How many living projects the account has. */
export async function countProjects(db: Queries, accountId: string): Promise<number> {
  const row = await db
    .selectFrom('projects')
    .select((at) => at.fn.countAll<number>().as('n'))
    .where('account_id', '=', accountId)
    .where('deleted', 'is', null)
    .executeTakeFirstOrThrow();
  return Number(row.n);
}

/** Whether another living project of the account has the name with this lookup. */
export async function projectNameTaken(
  db: Queries,
  accountId: string,
  lookup: string,
  except?: string,
): Promise<boolean> {
  const row = await db
    .selectFrom('projects')
    .select('id')
    .where('account_id', '=', accountId)
    .where('name_lookup', '=', lookup)
    .where('deleted', 'is', null)
    .executeTakeFirst();
  return row !== undefined && row.id !== except;
}

/** Marks that a project's content changed at `now`. */
export async function touchProject(db: Queries, id: string, now: Micros): Promise<void> {
  await db.updateTable('projects').set({ modified: now }).where('id', '=', id).execute();
}

/** Whether each method of image processing is wanted. */
export function augmentationOf({ augmentation_off }: Pick<ProjectRow, 'augmentation_off'>): Augmentation {
  const off = (augmentation_off ?? '').split(',');
  return augmentationWhere((name) => !off.includes(name));
}

/** The column that {@link augmentationOf} reads. */
export const augmentationColumn = (wanted: Partial<Augmentation>): Pick<ProjectRow, 'augmentation_off'> => ({
  augmentation_off: augmentationMethods.filter((name) => wanted[name] === false).join(',') || null,
});

/** The columns that {@link connectionsOf} reads, of those given; `''` empties one. */
export function connectionColumns(
  keys: Keys,
  scope: Required<KeyScope>,
  given: { readonly exportModelContainerUri?: string | undefined; readonly notificationQueueUri?: string | undefined },
): Partial<Pick<ProjectRow, 'export_container' | 'notification_queue'>> {
  const { exportModelContainerUri: container, notificationQueueUri: queue } = given;
  const sealed = (column: 'export_container' | 'notification_queue', uri: string) => ({
    [column]: uri === '' ? null : sealText(keys, scope, `projects.${column}`, scope.projectId, uri),
  });
  return {
    ...(container !== undefined && sealed('export_container', container)),
    ...(queue !== undefined && sealed('notification_queue', queue)),
  };
}

/** Where a project's exported models and messages go. */
export function connectionsOf(
  keys: Keys,
  row: Pick<ProjectRow, 'id' | 'account_id' | 'export_container' | 'notification_queue'>,
): Pick<Project, 'exportModelContainerUri' | 'notificationQueueUri'> {
  const scope = { accountId: row.account_id, projectId: row.id };
  return {
    exportModelContainerUri: openTextOrNull(keys, scope, 'projects.export_container', row.id, row.export_container),
    notificationQueueUri: openTextOrNull(keys, scope, 'projects.notification_queue', row.id, row.notification_queue),
  };
}

/** The noun of a row, its texts opened. */
export function projectFromRow(keys: Keys, row: ListedProject): Project {
  const scope = { accountId: row.account_id, projectId: row.id };
  return {
    id: row.id,
    accountId: row.account_id,
    name: openText(keys, scope, 'projects.name', row.id, row.name),
    description: openText(keys, scope, 'projects.description', row.id, row.description),
    domainId: row.domain_id,
    classificationType: row.classification_type,
    targetExportPlatforms: JSON.parse(row.target_export_platforms) as string[],
    augmentation: augmentationOf(row),
    ...connectionsOf(keys, row),
    backbone: row.backbone,
    created: row.created,
    lastModified: row.modified,
    status: row.status,
    thumbnailImageId: row.status === 'Succeeded' ? row.thumbnail_image_id : null,
  };
}
