import type { CreatedPairs, Image, ImageTagPair } from '../domain/image.ts';
import { problem } from '../domain/problems.ts';
import type { ClassificationType } from '../domain/project.ts';
import type { TagType } from '../domain/tag.ts';
import type { Quotas } from '../domain/tier.ts';
import { findProject, touchProject } from '../store/projects.ts';
import { tagTypes } from '../store/tags.ts';
import type { App, ProjectScope } from './context.ts';
import { getImages, requireImages } from './images.ts';
import { requireProject } from './projects.ts';
import { quotasOf } from './tiers.ts';

/** How many tags an image of a project may carry: one in a multiclass project. */
export const mostTags = (classificationType: ClassificationType | null, quotas: Quotas): number =>
  classificationType === 'Multiclass' ? 1 : quotas.tagsPerImage;

/** Why an image, which may carry `most` tags, may not carry this set of them; `undefined` when it may. */
export function tagConflict(
  tagIds: readonly string[],
  types: ReadonlyMap<string, TagType>,
  most: number,
): 'unknown' | 'negative' | 'too many' | undefined {
  if (tagIds.some((id) => !types.has(id))) return 'unknown';
  if (tagIds.length > 1 && tagIds.some((id) => types.get(id) === 'Negative')) return 'negative';
  if (tagIds.length > most) return 'too many';
  return undefined;
}

/**
 * Puts tags on images. Pairs that exist are answered as duplicated; those over a limit (one tag an image in a
 * multiclass project, in others what the account's tier says) as exceeded. @throws AppError `NotFoundProject`, `NotFoundImage`, `NotFoundTag`,
 * `BadRequestNegativeAndRegularTagOnSameImage`: then none of the pairs is kept.
 */
export async function createImageTags(
  app: Pick<App, 'db' | 'clock'>,
  scope: ProjectScope,
  pairs: readonly ImageTagPair[],
): Promise<CreatedPairs<ImageTagPair>> {
  const { projectId } = scope;
  return app.db.transaction(async (tx) => {
    const project = await findProject(tx, scope.accountId, projectId);
    if (project === undefined) throw problem('NotFoundProject');
    const most = mostTags(project.classification_type, await quotasOf(tx, scope.accountId));
    const types = new Map((await tagTypes(tx, projectId)).map((tag) => [tag.id, tag.type]));
    const imageIds = [...new Set(pairs.map((pair) => pair.imageId))];
    await requireImages(tx, projectId, imageIds);
    const carried = new Map<string, string[]>(imageIds.map((id) => [id, []]));
    for (const link of await tx
      .selectFrom('image_tags')
      .select(['image_id', 'tag_id'])
      .where('image_id', 'in', imageIds)
      .execute())
      carried.get(link.image_id)!.push(link.tag_id);
    const result = { created: [] as ImageTagPair[], duplicated: [] as ImageTagPair[], exceeded: [] as ImageTagPair[] };
    for (const { imageId, tagId } of pairs) {
      const tags = carried.get(imageId)!;
      const pair = { imageId, tagId };
      if (tags.includes(tagId)) {
        result.duplicated.push(pair);
        continue;
      }
      const conflict = tagConflict([...tags, tagId], types, most);
      if (conflict === 'unknown') throw problem('NotFoundTag', 'A tag of the batch is not in the project.');
      if (conflict === 'negative') throw problem('BadRequestNegativeAndRegularTagOnSameImage');
      if (conflict === 'too many') result.exceeded.push(pair);
      else {
        tags.push(tagId);
        result.created.push(pair);
      }
    }
    if (result.created.length > 0) {
      const rows = result.created.map((pair) => ({
        image_id: pair.imageId,
        tag_id: pair.tagId,
        project_id: projectId,
        created: app.clock.now(),
      }));
      await tx.insertInto('image_tags').values(rows).execute();
      await touchProject(tx, projectId, app.clock.now());
    }
    return result;
  });
}

/**
 * Takes each of the tags, and the regions of that tag, off each of the images; what is not there needs no removal.
 * @throws AppError `NotFoundProject`.
 */
export async function deleteImageTags(
  app: Pick<App, 'db' | 'clock'>,
  scope: ProjectScope,
  imageIds: readonly string[],
  tagIds: readonly string[],
): Promise<void> {
  await app.db.transaction(async (tx) => {
    await requireProject(tx, scope);
    for (const table of ['image_tags', 'regions'] as const)
      await tx
        .deleteFrom(table)
        .where('project_id', '=', scope.projectId)
        .where('image_id', 'in', [...imageIds])
        .where('tag_id', 'in', [...tagIds])
        .execute();
    await touchProject(tx, scope.projectId, app.clock.now());
  });
}

/**
 * Puts a tag on one image and returns the image.
 * @throws AppError as {@link createImageTags}, `BadRequestImageTags` when the image has as many tags as it may have.
 */
export async function labelImage(
  app: Pick<App, 'db' | 'keys' | 'clock'>,
  scope: ProjectScope,
  imageId: string,
  tagId: string,
): Promise<Image> {
  const { exceeded } = await createImageTags(app, scope, [{ imageId, tagId }]);
  if (exceeded.length > 0)
    throw problem('BadRequestImageTags', 'The image has as many tags as it may have: in a multiclass project, one.');
  return theImage(app, scope, imageId);
}

/**
 * Takes a tag, and its regions, off one image and returns the image.
 * @throws AppError `NotFoundProject`, `NotFoundImage`, `NotFoundTag` when the image does not carry it.
 */
export async function unlabelImage(
  app: Pick<App, 'db' | 'keys' | 'clock'>,
  scope: ProjectScope,
  imageId: string,
  tagId: string,
): Promise<Image> {
  const { tags } = await theImage(app, scope, imageId);
  if (!tags.some((tag) => tag.tagId === tagId)) throw problem('NotFoundTag', 'The image does not carry this tag.');
  await deleteImageTags(app, scope, [imageId], [tagId]);
  return theImage(app, scope, imageId);
}

async function theImage(app: Pick<App, 'db' | 'keys'>, scope: ProjectScope, imageId: string): Promise<Image> {
  const [image] = await getImages(app, scope, [imageId]);
  if (image === undefined) throw problem('NotFoundImage');
  return image;
}
