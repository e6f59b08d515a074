import { chunks } from '../../base/concurrency.ts';
import { AppError, expected } from '../../base/errors.ts';
import { isId, newId } from '../../base/id.ts';
import { domainById } from '../../domain/domain.ts';
import { limits } from '../../domain/limits.ts';
import { problem } from '../../domain/problems.ts';
import type { TagType } from '../../domain/tag.ts';
import type { Quotas } from '../../domain/tier.ts';
import type { Queries } from '../../store/database.ts';
import { idsTaken } from '../../store/rows.ts';
import { tagByName } from '../../store/tags.ts';
import type { App, ProjectScope } from '../context.ts';
import { numberedName } from '../names.ts';
import { otherId } from '../other-ids.ts';
import { createProject, getProject, listProjects, type ProjectInput } from '../projects.ts';
import { createTag, tagNameLookup } from '../tags.ts';
import { quotasOf } from '../tiers.ts';
import type { ProjectReport } from './report.ts';
import type { SourceProject, SourceTag } from './source.ts';

/** What importing needs. */
export type Importing = Pick<App, 'db' | 'keys' | 'blobs' | 'clock' | 'queue' | 'fetcher'>;

/** A tag as it is here. */
export interface KnownTag {
  readonly id: string;
  readonly type: TagType;
}

/** The project that is being filled. */
export interface Target {
  readonly scope: ProjectScope;
  readonly classificationType: 'Multiclass' | 'Multilabel' | null;
  /** What the account may have. */
  readonly quotas: Quotas;
  readonly report: ProjectReport;
  /** Tags of the workspace by what pictures of the source name them by; `null`: it could not be made. */
  readonly tags: Map<string, KnownTag | null>;
  /** Pictures name tags by their names, so that one which is not there can be made. */
  readonly byName: boolean;
  /** What a report calls the pictures that did not come into the workspace. */
  readonly lost: Set<string>;
  /** Ids of the pictures that this run put there. */
  readonly made: Set<string>;
}

/**
 * Which id each of these has, or is to have, in the project: its own where that is free or the project's already, else
 * the one that stands for it in this account.
 */
export async function placeIds(
  app: Pick<App, 'keys'>,
  db: Queries,
  { accountId, projectId }: ProjectScope,
  table: 'tags' | 'images' | 'regions' | 'iterations',
  ids: readonly string[],
): Promise<Map<string, { readonly id: string; readonly present: boolean }>> {
  const other = new Map(ids.map((id) => [id, otherId(app, accountId, id)]));
  const holder = new Map<string, string>();
  for (const some of chunks([...ids, ...other.values()], 500))
    for (const row of await db.selectFrom(table).select(['id', 'project_id']).where('id', 'in', some).execute())
      holder.set(row.id, row.project_id);
  return new Map(
    ids.map((id): [string, { id: string; present: boolean }] => {
      const second = other.get(id)!;
      if (holder.get(id) === projectId) return [id, { id, present: true }];
      if (holder.get(second) === projectId) return [id, { id: second, present: true }];
      return [id, { id: holder.has(id) ? second : id, present: false }];
    }),
  );
}

/**
 * The project of the account that stands for a project elsewhere: the one an earlier run made, or a new one, under
 * another name when a project has this one. @throws AppError as `createProject`; `Conflict` while an earlier copy is
 * being removed.
 */
export async function projectFor(app: Importing, accountId: string, source: SourceProject): Promise<ProjectScope> {
  const id = source.id ?? newId();
  const other = otherId(app, accountId, id);
  const rows = await app.db.query
    .selectFrom('projects')
    .select(['id', 'account_id', 'deleted'])
    .where('id', 'in', [id, other])
    .execute();
  const living = rows.find((row) => row.account_id === accountId && row.deleted === null);
  if (living !== undefined) return { accountId, projectId: living.id };
  if (rows.some((row) => row.id === other))
    throw new AppError('Conflict', 'The project is being removed: try again when it is gone.');
  const taken = rows.length > 0 || (await idsTaken(app.db.query, 'projects', [id]));
  const settings = { id: taken ? other : id, created: source.created };
  // Left by an import that was cut off before the project's row.
  const left = { accountId, projectId: settings.id };
  if (app.keys.has(left)) app.keys.destroy(left);
  const { classificationType, id: _id, created: _created, ...rest } = source;
  const input = { ...rest, ...(classificationType === null ? {} : { classificationType }) };
  const projectId = (await createNamed(app, accountId, input, settings)).id;
  return { accountId, projectId };
}

async function createNamed(
  app: Importing,
  accountId: string,
  input: ProjectInput,
  settings: { readonly id: string; readonly created: number | undefined },
) {
  const name = input.name.trim().slice(0, limits.nameLength);
  for (let number = 1; ; number++) {
    const own = number === 1 ? name : numberedName(name, number);
    try {
      return await createProject(app, accountId, { ...input, name: own }, settings);
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== 'BadRequestProjectNameNotUnique') throw error;
    }
  }
}

/**
 * The project of the account that is named by id or name, or a new one of that name. @throws AppError `NotFoundProject`
 * for an id that is none; `ImportRefused` when the project there is of another type than `wanted`.
 */
export async function namedProject(
  app: Importing,
  accountId: string,
  named: string,
  wanted: SourceProject,
  isWanted: boolean,
): Promise<ProjectScope> {
  if (isId(named))
    return { accountId, projectId: (await getProject(app, { accountId, projectId: named.toLowerCase() })).id };
  const name = named.trim().toLowerCase();
  const found = (await listProjects(app, accountId)).find((one) => one.name.toLowerCase() === name);
  if (found === undefined) return projectFor(app, accountId, { ...wanted, name: named });
  if (isWanted && found.classificationType !== wanted.classificationType)
    throw new AppError(
      'ImportRefused',
      expected(`a project of the type ${typeWord(wanted)}`, '--project', typeWord(found)),
    );
  return { accountId, projectId: found.id };
}

const typeWord = ({ classificationType }: Pick<SourceProject, 'classificationType'>): string =>
  classificationType?.toLowerCase() ?? 'detection';

/** Begins to fill a project. @throws AppError `NotFoundProject`. */
export async function targetOf(app: Importing, scope: ProjectScope, from: string | null): Promise<Target> {
  const project = await getProject(app, scope);
  return {
    scope,
    quotas: await quotasOf(app.db.query, scope.accountId),
    classificationType: domainById(project.domainId)?.type === 'ObjectDetection' ? null : project.classificationType,
    tags: new Map(),
    made: new Set(),
    lost: new Set(),
    byName: from === null,
    report: {
      from,
      id: project.id,
      name: project.name,
      tags: { imported: 0, present: 0 },
      images: { imported: 0, present: 0, duplicates: 0, resized: 0 },
      iterations: { imported: 0, present: 0 },
      compared: [],
      notes: [],
      failed: [],
    },
  };
}

/** Finds a tag by its id or its name in the workspace, or makes it. @throws AppError as `createTag`. */
export async function tagFor(app: Importing, target: Target, tag: SourceTag): Promise<KnownTag> {
  const { scope, report } = target;
  const placed =
    tag.id === undefined ? undefined : (await placeIds(app, app.db.query, scope, 'tags', [tag.id])).get(tag.id)!;
  const byName = await tagByName(app.db.query, scope.projectId, tagNameLookup(app, scope, tag.name.trim()));
  const id = placed?.present ? placed.id : byName?.id;
  if (id !== undefined) {
    const row = await app.db.query
      .selectFrom('tags')
      .select(['id', 'type', 'workspace'])
      .where('id', '=', id)
      .executeTakeFirstOrThrow();
    if (row.workspace === 0) throw problem('NotFoundTag', 'The tag was deleted here: it is left deleted.');
    report.tags.present++;
    return row;
  }
  const type = target.classificationType === null && tag.type === 'Negative' ? 'Regular' : tag.type;
  const made = await createTag(app, scope, { ...tag, type }, placed?.id);
  report.tags.imported++;
  return made;
}

/** The tag that pictures of the source name by `key`, made by that name where it is not known; `null` when it cannot be. */
export async function tagByKey(app: Importing, target: Target, key: string, refused: (error: unknown) => void) {
  const known = target.tags.get(key);
  if (known !== undefined) return known;
  let tag: KnownTag | null = null;
  try {
    if (!target.byName) throw problem('NotFoundTag', 'The place it comes from does not tell of this tag.');
    tag = await tagFor(app, target, { key, name: key, description: null, type: 'Regular' });
  } catch (error) {
    refused(error);
  }
  target.tags.set(key, tag);
  return tag;
}
