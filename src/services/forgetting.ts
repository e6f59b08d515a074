import type { Micros } from '../base/clock.ts';
import { problem } from '../domain/problems.ts';
import type { Language } from '../store/custody-words.ts';
import type { Queries, Tx } from '../store/database.ts';
import { findErasure } from '../store/erasures.ts';
import {
  forgettings,
  heldImages,
  markedOf,
  markForgetting,
  presentImages,
  type Rebuild,
  rebuildsFor,
} from '../store/forgetting.ts';
import { findIteration } from '../store/iterations.ts';
import { touchProject } from '../store/projects.ts';
import type { ErasureRow } from '../store/schema.ts';
import { openText } from '../store/sealed.ts';
import { findIterationTag } from '../store/tags.ts';
import { isLearnedInTrash } from '../store/trash-find.ts';
import { record } from './audit.ts';
import type { App, ProjectScope } from './context.ts';
import { type Deletion, forgettingWithin } from './deletions.ts';
import { requirePresent, takeOut } from './images.ts';
import { requireProject } from './projects.ts';
import { beginErasure } from './receipts.ts';

/** How far iterations have forgotten images. */
export interface Forgetting {
  readonly receiptId: string;
  /** `Erasing`: every iteration has, and the images are being removed. */
  readonly state: 'Rebuilding' | 'Failed' | 'Erasing' | 'Finished';
  readonly asked: Micros;
  readonly finished: Micros | null;
  readonly images: number;
  /** How many of the images an iteration still holds. */
  readonly held: number;
  readonly iterations: {
    readonly iterationId: string;
    readonly state: 'Waiting' | 'Rebuilding' | 'Rebuilt' | 'Failed' | 'Deleted';
    /** 0..1 */
    readonly progress: number;
  }[];
}

/**
 * What having every iteration forget these images would remove, and which iterations are trained anew. Changes nothing.
 * @throws AppError as {@link forgetImages}.
 */
export async function forgettingPreview(
  app: Pick<App, 'db' | 'keys'>,
  scope: ProjectScope,
  imageIds: readonly string[],
  language: Language,
): Promise<Deletion> {
  const db = app.db.query;
  const { ids, rebuilds } = await plan(app, db, scope, imageIds);
  return forgettingWithin(app, db, scope, ids, rebuilds, language);
}

/**
 * Takes images out of the workspace at once and has each iteration that learned from them trained anew without them, in
 * place: it keeps id, name and published name, and answers as before until it has. The images are removed for good as
 * soon as no model knows them. `remakeExports`: exports, which go with the old weights, are made again.
 * @throws AppError `NotFoundProject`, `BadRequestRequiredParamIsNull`, `NotFoundImage` when none of the ids is there,
 * `BadRequestTrainingValidationFailed` naming the iteration that cannot be trained without them. Nothing was changed then.
 */
export async function forgetImages(
  app: Pick<App, 'db' | 'keys' | 'clock' | 'queue'>,
  scope: ProjectScope,
  { imageIds, remakeExports }: { readonly imageIds: readonly string[]; readonly remakeExports: boolean },
  language: Language,
): Promise<{ receiptId: string; deletion: Deletion }> {
  const { projectId } = scope;
  return app.db.transaction(async (tx) => {
    const { ids, rebuilds } = await plan(app, tx, scope, imageIds);
    const deletion = await forgettingWithin(app, tx, scope, ids, rebuilds, language);
    const taken = await takeOut(tx, projectId, ids);
    const letGo = await markForgetting(tx, projectId, ids, rebuilds, remakeExports);
    await touchProject(tx, projectId, app.clock.now());
    const receiptId = await beginErasure(app, tx, {
      kind: 'images',
      ...scope,
      ids,
      erased: { ...taken, iteration_images: letGo },
      rebuilds,
    });
    for (const iterationId of rebuilds)
      await app.queue.enqueue(tx, 'forget', { ...scope, iterationId }, { once: `forget/${iterationId}` });
    await app.queue.enqueue(tx, 'purge', scope, { once: `purge/${projectId}` });
    return { receiptId, deletion };
  });
}

/** Which images there are of those asked for, and which iterations are to be trained anew without them. */
async function plan(
  app: Pick<App, 'keys'>,
  db: Queries,
  scope: ProjectScope,
  imageIds: readonly string[],
): Promise<{ ids: string[]; rebuilds: string[] }> {
  await requirePresent(db, scope, { imageIds, allImages: false, allIterations: true });
  const ids = await presentImages(db, scope.projectId, imageIds);
  if (await isLearnedInTrash(db, ids))
    throw problem(
      'BadRequestTrainingValidationFailed',
      'An iteration in the trash learned from these images: bring it back, or erase it, and then have them forgotten. Nothing was changed.',
    );
  const rebuilds = await rebuildsFor(db, scope.projectId, ids);
  const impossible = rebuilds.find((one) => one.emptied !== null);
  if (impossible !== undefined) throw await cannotForget(app, db, scope, impossible);
  return { ids, rebuilds: rebuilds.map((one) => one.iterationId) };
}

async function cannotForget(
  { keys }: Pick<App, 'keys'>,
  db: Queries,
  scope: ProjectScope,
  { iterationId, emptied }: Rebuild,
): Promise<Error> {
  const row = await findIteration(db, scope.projectId, iterationId);
  const tag = await findIterationTag(db, iterationId, emptied!);
  const name = row && openText(keys, scope, 'iterations.name', row.id, row.name);
  const tagName = tag && openText(keys, scope, 'tags.name', tag.id, tag.name);
  return problem(
    'BadRequestTrainingValidationFailed',
    `The iteration ${name} (${iterationId}) cannot be trained without these images: none would be left of its tag ${tagName}. Delete the iteration to have it forget them. Nothing was changed.`,
  );
}

/** What iterations of a project are forgetting or have forgotten, latest first. @throws AppError `NotFoundProject`. */
export async function listForgetting(app: Pick<App, 'db'>, scope: ProjectScope): Promise<Forgetting[]> {
  await requireProject(app.db.query, scope);
  const rows = await forgettings(app.db.query, scope.projectId);
  return Promise.all(rows.map((row) => describe(app.db.query, scope, row)));
}

async function describe(db: Queries, { projectId }: ProjectScope, row: ErasureRow): Promise<Forgetting> {
  const images = JSON.parse(row.subjects) as string[];
  const rebuilds = JSON.parse(row.rebuilds!) as string[];
  const known = new Set((await markedOf(db, images)).map((one) => one.iteration_id));
  const marked = new Set(rebuilds.filter((id) => known.has(id)));
  const rebuilt = new Set(JSON.parse(row.rebuilt) as string[]);
  const jobs = await db
    .selectFrom('jobs')
    .select(['payload', 'state', 'progress'])
    .where('project_id', '=', projectId)
    .where('name', '=', 'forget')
    .where('state', '=', 'running')
    .execute();
  const iterations = await Promise.all(
    rebuilds.map(async (iterationId) => {
      const found = await findIteration(db, projectId, iterationId);
      const job = jobs.find((one) => (JSON.parse(one.payload) as { iterationId: string }).iterationId === iterationId);
      const at = (state: Forgetting['iterations'][number]['state'], progress: number) => ({
        iterationId,
        state,
        progress,
      });
      if (found === undefined) return at('Deleted', 1);
      if (!marked.has(iterationId)) return at(rebuilt.has(iterationId) ? 'Rebuilt' : 'Waiting', 1);
      if (found.rebuild === 'Failed') return at('Failed', 0);
      return job === undefined ? at('Waiting', 0) : at('Rebuilding', Math.min(job.progress, 0.99));
    }),
  );
  const state =
    row.finished !== null
      ? 'Finished'
      : marked.size === 0
        ? 'Erasing'
        : iterations.some((one) => one.state === 'Waiting' || one.state === 'Rebuilding')
          ? 'Rebuilding'
          : 'Failed';
  return {
    receiptId: row.id,
    state,
    asked: row.asked,
    finished: row.finished,
    images: images.length,
    held: await heldImages(db, images),
    iterations,
  };
}

/**
 * Leaves the iterations that were not trained anew yet as they are: they still hold the images, which stay out of the
 * workspace. What others asked them to forget, they still do.
 * @throws AppError `NotFoundProject`, `NotFound`, `BadRequest` when there is nothing left to stop.
 */
export async function cancelForgetting(
  app: Pick<App, 'db' | 'keys' | 'clock' | 'queue'>,
  scope: ProjectScope,
  receiptId: string,
): Promise<Forgetting> {
  return app.db.transaction(async (tx) => {
    await requireProject(tx, scope);
    const row = await findErasure(tx, receiptId);
    if (row === undefined || row.project_id !== scope.projectId || row.rebuilds === null)
      throw problem('NotFound', 'There is no such work.');
    const others = (await forgettings(tx, scope.projectId, true)).filter(
      (other) => other.id !== receiptId && isUnderWay(other),
    );
    const wanted = new Set(others.flatMap((other) => JSON.parse(other.subjects) as string[]));
    const marked = await markedOf(tx, JSON.parse(row.subjects) as string[]);
    if (!isUnderWay(row) || marked.length === 0)
      throw problem('BadRequest', 'Every iteration has forgotten the images already.');
    const held = marked.filter((one) => !wanted.has(one.image_id));
    for (const { iteration_id, image_id } of held)
      await tx
        .updateTable('iteration_images')
        .set({ forgetting: 0 })
        .where('iteration_id', '=', iteration_id)
        .where('image_id', '=', image_id)
        .execute();
    for (const iterationId of new Set(marked.map((one) => one.iteration_id))) await settle(app, tx, scope, iterationId);
    await tx.updateTable('erasures').set({ rebuilds: row.rebuilt }).where('id', '=', receiptId).execute();
    const images = new Set(held.map((one) => one.image_id)).size;
    await record(app, tx, 'deletion-cancelled', { ...scope, subjectId: receiptId }, { images });
    await app.queue.enqueue(tx, 'purge', scope, { once: `purge/${scope.projectId}` });
    return describe(tx, scope, { ...row, rebuilds: row.rebuilt });
  });
}

/** Whether iterations have yet to be trained anew for it: it was neither stopped nor are all done. */
const isUnderWay = ({ finished, rebuilds, rebuilt }: ErasureRow): boolean =>
  finished === null && (JSON.parse(rebuilds!) as string[]).length > (JSON.parse(rebuilt) as string[]).length;

/** After some of it was taken back: an iteration that has nothing left to forget stays as it is, another begins anew. */
async function settle(app: Pick<App, 'queue'>, tx: Tx, scope: ProjectScope, iterationId: string): Promise<void> {
  await app.queue.cancel(tx, { ...scope, jobName: 'forget', iterationId });
  const left = await tx
    .selectFrom('iteration_images')
    .select('image_id')
    .where('iteration_id', '=', iterationId)
    .where('forgetting', '=', 1)
    .limit(1)
    .executeTakeFirst();
  if (left === undefined)
    await tx
      .updateTable('iterations')
      .set({ rebuild: null, remake_exports: 0 })
      .where('id', '=', iterationId)
      .execute();
  else await app.queue.enqueue(tx, 'forget', { ...scope, iterationId }, { once: `forget/${iterationId}` });
}
