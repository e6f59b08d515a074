import type { Micros } from '../base/clock.ts';
import type { ExportStatus } from '../domain/export.ts';
import { problem } from '../domain/problems.ts';
import { type Language, wordsOf } from '../store/custody-words.ts';
import type { Queries } from '../store/database.ts';
import { type Doomed, doomedByIds, doomedByImages, doomedByIteration, doomedByTag } from '../store/doomed.ts';
import { holdingsOf } from '../store/holdings.ts';
import type { ExportRow, IterationRow } from '../store/schema.ts';
import { openText, openTextOrNull } from '../store/sealed.ts';
import { findTag } from '../store/tags.ts';
import type { App, ProjectScope } from './context.ts';
import { type ImagesToDelete, requirePresent } from './images.ts';
import { requireIteration } from './iterations.ts';
import { requireAnyProject, requireProject } from './projects.ts';

/** An iteration that learned from what is deleted. */
export interface LearnedFrom {
  readonly iterationId: string;
  readonly name: string;
  readonly publishName: string | null;
  /** How many of the images it learned from, or of those that carried the tag when it was trained. */
  readonly images: number;
  /** How many exported models there are of it. */
  readonly exports: number;
  /** How often these were downloaded: what was learned is there too. */
  readonly downloads: number;
  /** Whether its record keeps what is deleted; its model has learned from it either way. */
  readonly keeps: boolean;
  /** Whether it is trained anew without them, so that nothing of it knows them any more. */
  readonly rebuilt: boolean;
}

/** An exported model that goes. Whoever downloaded it has it still. */
export interface GoneExport {
  readonly exportId: string;
  readonly iterationId: string;
  readonly platform: string;
  readonly flavor: string | null;
  readonly status: ExportStatus;
  readonly created: Micros;
  readonly bytes: number;
  readonly downloads: number;
  readonly lastDownloaded: Micros | null;
}

/** What a deletion removes for good, and what it touches. */
export interface Deletion {
  /** Kinds of which something goes, with what they are in words. */
  readonly kinds: (Doomed & { readonly what: string })[];
  readonly total: { readonly count: number; readonly bytes: number };
  /** Names under which predictions stop being answered. */
  readonly publishNames: { readonly projectId: string; readonly iterationId: string; readonly name: string }[];
  /** Iterations that answer when none is named: without them nothing does. */
  readonly defaultIterations: { readonly projectId: string; readonly iterationId: string }[];
  readonly exports: GoneExport[];
  /** Iterations that stay, oldest first. */
  readonly learnedFrom: LearnedFrom[];
}

/** What looking needs: the database, or the transaction in hand as its `query`. */
export interface Looking extends Pick<App, 'keys'> {
  readonly db: { readonly query: Queries };
}

/** What deleting the account would remove: everything. */
export async function accountDeletion(app: Looking, accountId: string, language: Language): Promise<Deletion> {
  const db = app.db.query;
  const projects = await db
    .selectFrom('projects')
    .select('id')
    .where('account_id', '=', accountId)
    // One that was deleted before is on its way out, and its names answer nothing any more.
    .where('deleted', 'is', null)
    .execute();
  const parts = await Promise.all(projects.map(({ id }) => wholeProject(app, { accountId, projectId: id })));
  return deletion(language, sumByKind(await holdingsOf(db, accountId)), {
    publishNames: parts.flatMap((part) => part.publishNames),
    defaultIterations: parts.flatMap((part) => part.defaultIterations),
    exports: parts.flatMap((part) => part.exports),
  });
}

/** What deleting a project would remove. @throws AppError `NotFoundProject`. */
export async function projectDeletion(app: Looking, scope: ProjectScope, language: Language): Promise<Deletion> {
  await requireAnyProject(app.db.query, scope);
  const rows = (await holdingsOf(app.db.query, scope.accountId)).filter((row) => row.scope_id === scope.projectId);
  return deletion(language, sumByKind(rows), await wholeProject(app, scope));
}

async function wholeProject(
  app: Looking,
  scope: ProjectScope,
): Promise<Pick<Deletion, 'publishNames' | 'defaultIterations' | 'exports'>> {
  const of = (table: 'iterations' | 'exports') =>
    app.db.query.selectFrom(table).where('project_id', '=', scope.projectId).orderBy('created');
  const iterations = (await of('iterations').selectAll().execute()) as IterationRow[];
  const exports = (await of('exports').selectAll().execute()) as ExportRow[];
  // The key of a project that is being removed may be gone already: then its names are, too.
  const names = app.keys.has(scope) ? iterations : [];
  return {
    publishNames: publishNames(app, scope, names),
    defaultIterations: defaultsAmong(iterations),
    exports: exports.map(goneExport),
  };
}

/**
 * What deleting images would remove, and which iterations learned from them.
 * @throws AppError `NotFoundProject`, `BadRequestRequiredParamIsNull`, `NotFoundImage` when none of the ids is there.
 */
export async function imageDeletion(
  app: Looking,
  scope: ProjectScope,
  what: ImagesToDelete,
  language: Language,
): Promise<Deletion> {
  const db = app.db.query;
  await requirePresent(db, scope, what);
  const { allIterations } = what;
  const ids = what.allImages ? undefined : what.imageIds;
  const doomed = await doomedByImages(db, { projectId: scope.projectId, ids, allIterations });
  const told = await learnedFrom(app, db, scope, await imagesLearned(db, scope.projectId, ids), !allIterations);
  return deletion(language, doomed, { learnedFrom: told });
}

/**
 * What having iterations forget these images would remove: they and, with the weights that know them, the exports of the
 * iterations that are trained anew.
 */
export async function forgettingWithin(
  app: Looking,
  db: Queries,
  scope: ProjectScope,
  imageIds: readonly string[],
  rebuilt: readonly string[],
  language: Language,
): Promise<Deletion> {
  const { projectId } = scope;
  const exports =
    rebuilt.length === 0
      ? []
      : await db
          .selectFrom('exports')
          .selectAll()
          .where('iteration_id', 'in', [...rebuilt])
          .orderBy('created')
          .execute();
  const doomed = await doomedByImages(db, { projectId, ids: imageIds, allIterations: true });
  if (exports.length > 0) {
    const ids = exports.map((one) => one.id);
    doomed.push(...(await doomedByIds(db, 'exports', projectId, ids)));
  }
  const learned = (await imagesLearned(db, projectId, imageIds)).filter((one) => rebuilt.includes(one.id));
  const told = await learnedFrom(app, db, scope, learned, false);
  return deletion(language, doomed, {
    exports: exports.map(goneExport),
    learnedFrom: told.map((one) => ({ ...one, rebuilt: true })),
  });
}

/** In the record of which iterations images are, and how many of them each learned from: those that carried a tag. */
const imagesLearned = (
  db: Queries,
  projectId: string,
  ids: readonly string[] | undefined,
): Promise<{ id: string; images: number }[]> =>
  db
    .selectFrom('iteration_images')
    .select((at) => [
      'iteration_id as id',
      at.fn.sum<number>(at.case().when('tag_ids', '!=', '[]').then(1).else(0).end()).as('images'),
    ])
    .where('project_id', '=', projectId)
    .$if(ids !== undefined, (some) => some.where('image_id', 'in', [...ids!]))
    .groupBy('iteration_id')
    .execute();

/** What deleting a tag would remove, and which iterations learned it. @throws AppError `NotFoundProject`, `NotFoundTag`. */
export async function tagDeletion(
  app: Looking,
  scope: ProjectScope,
  tagId: string,
  language: Language,
): Promise<Deletion> {
  const db = app.db.query;
  await requireProject(db, scope);
  if ((await findTag(db, scope.projectId, tagId)) === undefined) throw problem('NotFoundTag');
  const learned = await db
    .selectFrom('iteration_tags')
    .select(['iteration_id as id', 'image_count as images'])
    .where('tag_id', '=', tagId)
    .execute();
  return deletion(language, await doomedByTag(db, tagId), {
    learnedFrom: await learnedFrom(app, db, scope, learned, true),
  });
}

/** What deleting an iteration would remove. While it is published, the deletion itself is refused. @throws AppError `NotFoundProject`, `NotFoundIteration`. */
export async function iterationDeletion(
  app: Looking,
  scope: ProjectScope,
  iterationId: string,
  language: Language,
): Promise<Deletion> {
  const db = app.db.query;
  await requireProject(db, scope);
  const row = await requireIteration(db, scope, iterationId);
  const exports = await db
    .selectFrom('exports')
    .selectAll()
    .where('iteration_id', '=', iterationId)
    .orderBy('created')
    .execute();
  return deletion(language, await doomedByIteration(db, iterationId), {
    publishNames: publishNames(app, scope, [row]),
    defaultIterations: defaultsAmong([row]),
    exports: exports.map(goneExport),
  });
}

/** What deleting an export would remove. @throws AppError `NotFoundProject`, `NotFoundIteration`, `NotFound`. */
export async function exportDeletion(
  app: Looking,
  scope: ProjectScope,
  iterationId: string,
  exportId: string,
  language: Language,
): Promise<Deletion> {
  const db = app.db.query;
  await requireProject(db, scope);
  await requireIteration(db, scope, iterationId);
  const row = await db
    .selectFrom('exports')
    .selectAll()
    .where('id', '=', exportId)
    .where('project_id', '=', scope.projectId)
    .where('iteration_id', '=', iterationId)
    .executeTakeFirst();
  if (row === undefined) throw problem('NotFound', 'There is no such export.');
  const doomed = await doomedByIds(db, 'exports', scope.projectId, [exportId]);
  return deletion(language, doomed, { exports: [goneExport(row)] });
}

/** What deleting stored predictions would remove: those of the ids that there are. @throws AppError `NotFoundProject`. */
export async function predictionDeletion(
  app: Looking,
  scope: ProjectScope,
  ids: readonly string[],
  language: Language,
): Promise<Deletion> {
  await requireProject(app.db.query, scope);
  return deletion(language, await doomedByIds(app.db.query, 'predictions', scope.projectId, ids), {});
}

function deletion(
  language: Language,
  doomed: readonly Doomed[],
  { publishNames = [], defaultIterations = [], exports = [], learnedFrom = [] }: Partial<Deletion>,
): Deletion {
  return {
    kinds: doomed.map((one) => ({ ...one, what: wordsOf(one.kind, language).what })),
    total: {
      count: doomed.reduce((all, { count }) => all + count, 0),
      bytes: doomed.reduce((all, { bytes }) => all + bytes, 0),
    },
    publishNames,
    defaultIterations,
    exports,
    learnedFrom,
  };
}

/** The amounts of several projects as one, without kinds of which there is nothing. */
export function sumByKind(
  rows: readonly { readonly kind: string; readonly count: number; readonly bytes: number }[],
): Doomed[] {
  const sums = new Map<string, { count: number; bytes: number }>();
  for (const { kind, count, bytes } of rows) {
    const before = sums.get(kind) ?? { count: 0, bytes: 0 };
    if (count > 0) sums.set(kind, { count: before.count + count, bytes: before.bytes + bytes });
  }
  return [...sums].map(([kind, amount]) => ({ kind: kind as Doomed['kind'], ...amount }));
}

function publishNames(
  app: Pick<App, 'keys'>,
  scope: ProjectScope,
  iterations: readonly IterationRow[],
): Deletion['publishNames'] {
  return iterations.flatMap(({ id, publish_name }) => {
    const name = openTextOrNull(app.keys, scope, 'iterations.publish_name', id, publish_name);
    return name === null ? [] : [{ projectId: scope.projectId, iterationId: id, name }];
  });
}

const defaultsAmong = (iterations: readonly IterationRow[]): Deletion['defaultIterations'] =>
  iterations
    .filter((row) => row.is_default === 1)
    .map(({ id, project_id }) => ({ projectId: project_id, iterationId: id }));

async function learnedFrom(
  app: Pick<App, 'keys'>,
  db: Queries,
  scope: ProjectScope,
  learned: readonly { readonly id: string; readonly images: number }[],
  keeps: boolean,
): Promise<LearnedFrom[]> {
  if (learned.length === 0) return [];
  const images = new Map(learned.map((one) => [one.id, Number(one.images)]));
  const rows = await db
    .selectFrom('iterations')
    .selectAll()
    .select((at) => {
      const exports = at.selectFrom('exports').whereRef('exports.iteration_id', '=', 'iterations.id');
      return [
        exports.select((inner) => inner.fn.countAll<number>().as('n')).as('exports'),
        exports.select((inner) => inner.fn.sum<number>('downloads').as('n')).as('downloads'),
      ];
    })
    .where('id', 'in', [...images.keys()])
    .orderBy('created')
    .execute();
  const told = rows.map((row) => ({
    iterationId: row.id,
    name: openText(app.keys, scope, 'iterations.name', row.id, row.name),
    publishName: openTextOrNull(app.keys, scope, 'iterations.publish_name', row.id, row.publish_name),
    // A training that failed learned nothing, nor does one that begins anew without them; of what was imported no model is here.
    images: row.status === 'Completed' || (row.status !== 'Failed' && keeps) ? (images.get(row.id) ?? 0) : 0,
    exports: Number(row.exports ?? 0),
    downloads: Number(row.downloads ?? 0),
    keeps,
    rebuilt: false,
  }));
  return told.filter((one) => one.keeps || one.images > 0);
}

const goneExport = (row: ExportRow): GoneExport => ({
  exportId: row.id,
  iterationId: row.iteration_id,
  platform: row.platform,
  flavor: row.flavor,
  status: row.status,
  created: row.created,
  bytes: row.bytes,
  downloads: row.downloads,
  lastDownloaded: row.downloaded,
});
