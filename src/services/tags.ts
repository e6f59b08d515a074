import { newId } from '../base/id.ts';
import { limits } from '../domain/limits.ts';
import { problem } from '../domain/problems.ts';
import type { ClassificationType } from '../domain/project.ts';
import type { Tag, TagType } from '../domain/tag.ts';
import type { Tx } from '../store/database.ts';
import { isLearned } from '../store/erasures.ts';
import { findProject, touchProject } from '../store/projects.ts';
import type { TagRow } from '../store/schema.ts';
import { openText, sealText } from '../store/sealed.ts';
import {
  findIterationTag,
  findTag,
  listIterationTags,
  listTags as listRows,
  tagByName,
  tagFromRow,
  tagTypes,
} from '../store/tags.ts';
import type { App, ProjectScope } from './context.ts';
import { requireIteration } from './iterations.ts';
import { checkedName } from './names.ts';
import { getProject, requireProject } from './projects.ts';
import { beginErasure } from './receipts.ts';
import { requireRoom } from './tiers.ts';

/** What a caller says of a tag. An empty description is none. */
export interface TagInput {
  readonly name: string;
  readonly description?: string | null | undefined;
  readonly type?: TagType | undefined;
}

/**
 * Adds a tag to the workspace, under a free id where one is given.
 * @throws AppError `BadRequestTagName`, `…NameNotUnique`, `…Description`, `BadRequestMultipleNegativeTag`,
 * `BadRequestTagType`, `BadRequestExceedTagPerProjectLimit`.
 */
export async function createTag(
  app: Pick<App, 'db' | 'keys' | 'clock'>,
  scope: ProjectScope,
  input: TagInput,
  id: string = newId(),
): Promise<Tag> {
  const project = await getProject(app, scope);
  const type = input.type ?? 'Regular';
  refuseTypeOf(project.classificationType, type);
  const name = checkedName('BadRequestTagName', 'the tag name', input.name);
  const row: TagRow = {
    id,
    project_id: scope.projectId,
    name: sealText(app.keys, scope, 'tags.name', id, name),
    name_lookup: tagNameLookup(app, scope, name),
    description: sealedDescription(app, scope, id, input.description),
    type,
    created: app.clock.now(),
    workspace: 1,
  };
  await app.db.transaction(async (tx) => {
    await requireProject(tx, scope);
    await requireRoom(tx, scope.accountId, 'tags', async () => (await tagTypes(tx, scope.projectId)).length);
    await refuseSecondOfType(tx, scope.projectId, type);
    if (await tagByName(tx, scope.projectId, row.name_lookup)) throw problem('BadRequestTagNameNotUnique');
    await tx.insertInto('tags').values(row).execute();
    await touchProject(tx, scope.projectId, row.created);
  });
  return tagFromRow(app.keys, scope, { ...row, image_count: 0 });
}

/** The workspace's tags, or those an iteration learned. @throws AppError `NotFoundProject`, `NotFoundIteration`. */
export async function listTags(
  app: Pick<App, 'db' | 'keys'>,
  scope: ProjectScope,
  iterationId?: string,
): Promise<Tag[]> {
  await requireProject(app.db.query, scope);
  if (iterationId !== undefined) await requireIteration(app.db.query, scope, iterationId);
  const rows =
    iterationId === undefined
      ? await listRows(app.db.query, scope.projectId)
      : await listIterationTags(app.db.query, iterationId);
  return rows.map((row) => tagFromRow(app.keys, scope, row));
}

/**
 * One tag of the workspace, or of an iteration.
 * @throws AppError `NotFoundProject`, `NotFoundIteration`, `NotFoundTag`.
 */
export async function getTag(
  app: Pick<App, 'db' | 'keys'>,
  scope: ProjectScope,
  tagId: string,
  iterationId?: string,
): Promise<Tag> {
  return app.db.remember(`tag/${scope.accountId}/${scope.projectId}/${tagId}/${iterationId}`, async () => {
    await requireProject(app.db.query, scope);
    if (iterationId !== undefined) await requireIteration(app.db.query, scope, iterationId);
    const row =
      iterationId === undefined
        ? await findTag(app.db.query, scope.projectId, tagId)
        : await findIterationTag(app.db.query, iterationId, tagId);
    if (row === undefined) throw problem('NotFoundTag');
    return tagFromRow(app.keys, scope, row);
  });
}

/**
 * Changes what is given. A new name shows everywhere at once, in the answers of trained iterations too.
 * @throws AppError as {@link createTag}, `NotFoundTag`, `BadRequestNegativeAndRegularTagOnSameImage`.
 */
export async function updateTag(
  app: Pick<App, 'db' | 'keys' | 'clock'>,
  scope: ProjectScope,
  tagId: string,
  changes: Partial<TagInput>,
): Promise<Tag> {
  await app.db.transaction(async (tx) => {
    const project = await findProject(tx, scope.accountId, scope.projectId);
    if (project === undefined) throw problem('NotFoundProject');
    const row = await findTag(tx, scope.projectId, tagId);
    if (row === undefined) throw problem('NotFoundTag');
    const set: Partial<TagRow> = {};
    if (changes.name !== undefined) {
      const name = checkedName('BadRequestTagName', 'the tag name', changes.name);
      set.name_lookup = tagNameLookup(app, scope, name);
      const taken = await tagByName(tx, scope.projectId, set.name_lookup);
      if (taken !== undefined && taken.id !== tagId) throw problem('BadRequestTagNameNotUnique');
      set.name = sealText(app.keys, scope, 'tags.name', tagId, name);
    }
    if (changes.description !== undefined) set.description = sealedDescription(app, scope, tagId, changes.description);
    if (changes.type !== undefined && changes.type !== row.type) {
      refuseTypeOf(project.classification_type, changes.type);
      if (changes.type === 'Negative' && (await isOnImageWithOthers(tx, tagId)))
        throw problem('BadRequestNegativeAndRegularTagOnSameImage');
      await refuseSecondOfType(tx, scope.projectId, changes.type);
      set.type = changes.type;
    }
    if (Object.keys(set).length === 0) return;
    await tx.updateTable('tags').set(set).where('id', '=', tagId).execute();
    await touchProject(tx, scope.projectId, app.clock.now());
  });
  return getTag(app, scope, tagId);
}

/**
 * Takes a tag and its regions off the workspace's images; iterations that learned it keep it.
 * @throws AppError `NotFoundProject`, `NotFoundTag`.
 */
export async function deleteTag(
  app: Pick<App, 'db' | 'keys' | 'clock' | 'queue'>,
  scope: ProjectScope,
  tagId: string,
): Promise<void> {
  await app.db.transaction(async (tx) => {
    await requireProject(tx, scope);
    const { numUpdatedRows } = await tx
      .updateTable('tags')
      .set({ workspace: 0 })
      .where('id', '=', tagId)
      .where('project_id', '=', scope.projectId)
      .where('workspace', '=', 1)
      .executeTakeFirst();
    if (numUpdatedRows === 0n) throw problem('NotFoundTag');
    const untagged = await tx.deleteFrom('image_tags').where('tag_id', '=', tagId).executeTakeFirst();
    const unmarked = await tx.deleteFrom('regions').where('tag_id', '=', tagId).executeTakeFirst();
    const kept = (await isLearned(tx, tagId)) ? 1 : 0;
    await touchProject(tx, scope.projectId, app.clock.now());
    await beginErasure(app, tx, {
      kind: 'tag',
      ...scope,
      ids: [tagId],
      erased: {
        tags: 1 - kept,
        image_tags: Number(untagged.numDeletedRows),
        regions: Number(unmarked.numDeletedRows),
      },
      kept: { tags: kept },
    });
    await app.queue.enqueue(tx, 'purge', scope, { once: `purge/${scope.projectId}` });
  });
}

/** Every tag's name by its id, deleted ones that iterations keep included. */
export async function tagNames(app: Pick<App, 'db' | 'keys'>, scope: ProjectScope): Promise<Map<string, string>> {
  const rows = await app.db.query
    .selectFrom('tags')
    .select(['id', 'name'])
    .where('project_id', '=', scope.projectId)
    .execute();
  return new Map(rows.map((row) => [row.id, openText(app.keys, scope, 'tags.name', row.id, row.name)]));
}

/** What a tag's name is found by, in whatever letter case. */
export const tagNameLookup = (app: Pick<App, 'keys'>, scope: ProjectScope, name: string): string =>
  app.keys.lookup(scope, 'tag-name', name.toLowerCase());

/** Refuses a type of tag that this kind of project, `null` for object detection, does not know. */
function refuseTypeOf(classificationType: ClassificationType | null, type: TagType): void {
  if (type === 'Negative' && classificationType === null)
    throw problem('BadRequestTagType', 'Expected a regular tag: object detection knows no negative tag.');
  if (type === 'GeneralProduct' && classificationType !== null)
    throw problem(
      'BadRequestTagType',
      'Expected a regular or negative tag: general products exist in object detection only.',
    );
}

async function isOnImageWithOthers(tx: Tx, tagId: string): Promise<boolean> {
  const found = await tx
    .selectFrom('image_tags')
    .innerJoin('image_tags as other', 'other.image_id', 'image_tags.image_id')
    .select('other.tag_id')
    .where('image_tags.tag_id', '=', tagId)
    .where('other.tag_id', '!=', tagId)
    .limit(1)
    .executeTakeFirst();
  return found !== undefined;
}

/**
 * Refuses a second tag of a type of which a project has one at most.
 * @throws AppError `BadRequestMultipleNegativeTag`, `BadRequestMultipleGeneralProductTag`.
 */
export async function refuseSecondOfType(tx: Tx, projectId: string, type: TagType): Promise<void> {
  if (type === 'Regular') return;
  if ((await tagTypes(tx, projectId)).some((tag) => tag.type === type))
    throw problem(type === 'Negative' ? 'BadRequestMultipleNegativeTag' : 'BadRequestMultipleGeneralProductTag');
}

function sealedDescription(
  app: Pick<App, 'keys'>,
  scope: ProjectScope,
  id: string,
  text: string | null | undefined,
): Buffer | null {
  if (!text) return null;
  if (text.length > limits.descriptionLength)
    throw problem(
      'BadRequestTagDescription',
      `Expected at most ${limits.descriptionLength} characters but received ${text.length}.`,
    );
  return sealText(app.keys, scope, 'tags.description', id, text);
}
