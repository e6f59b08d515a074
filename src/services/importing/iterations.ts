import { runsOf } from '../../base/concurrency.ts';
import { newId } from '../../base/id.ts';
import type { ImportedIteration } from '../../domain/iteration.ts';
import type { Tx } from '../../store/database.ts';
import { iterationFromRow, sealScores } from '../../store/iterations.ts';
import { regionsInOrder, sealRegions } from '../../store/learned-regions.ts';
import type { IterationRow } from '../../store/schema.ts';
import { sealText } from '../../store/sealed.ts';
import { foldOf } from '../../vision/train/split.ts';
import { iterationNameLookup } from '../iterations.ts';
import { heldOutPerformance } from '../performance.ts';
import { requireProject } from '../projects.ts';
import { tagNameLookup } from '../tags.ts';
import { putAll } from './pictures.ts';
import type { PutOptions } from './ready.ts';
import type { Fault } from './report.ts';
import type { SourceIteration, SourcePicture } from './source.ts';
import { type Importing, placeIds, type Target } from './target.ts';

/** Threshold of the comparison in the report: the portal's default. */
const compareAt = 0.5;
/** Results written in one transaction. */
const rowsAtOnce = 200;

/**
 * Takes over what was told of an iteration: its tags, the pictures it learned from (those deleted since included), what
 * it said of each, and its performance. Its model does not come, so it stays `Imported`. One that is all there is left
 * as it is; one that is half there is completed. The pictures of the workspace were put before.
 */
export async function putIteration(
  app: Importing,
  target: Target,
  iteration: SourceIteration,
  apiVersion: string,
  options: PutOptions & { readonly onEach: (count: number) => void },
): Promise<void> {
  const { scope, report } = target;
  const { id, present } = (await placeIds(app, app.db.query, scope, 'iterations', [iteration.id])).get(iteration.id)!;
  const row = present ? await rowOf(app, id) : await insertRow(app, target, id, iteration);
  const { imported, status } = iterationFromRow(app.keys, scope, row);
  if (imported?.missing === 0 || status !== 'Imported') {
    report.iterations.present++;
    return;
  }
  const tags = await putTags(app, target, id, iteration);
  const order = [...tags.keys()];
  const link = async (tx: Tx, picture: SourcePicture, imageId: string): Promise<void> => {
    const tagIds = picture.tags.flatMap((tag) => tags.get(tag.key) ?? []);
    const regions = picture.regions.flatMap(({ id, key, box }) =>
      tags.has(key) && !('pixels' in box) ? { id: id ?? newId(), position: order.indexOf(key), box } : [],
    );
    await tx
      .insertInto('iteration_images')
      .values({
        iteration_id: id,
        image_id: imageId,
        project_id: scope.projectId,
        tag_ids: JSON.stringify([...new Set(tagIds)].sort()),
        regions: sealRegions(app.keys, scope, id, imageId, regionsInOrder(regions)),
        fold: foldOf(imageId),
        scores: null,
        forgetting: 0 as const,
      })
      .onConflict((conflict) => conflict.doNothing())
      .execute();
  };
  const before = report.failed.length;
  let missing = 0;
  const pictures = async function* (): AsyncGenerator<SourcePicture | Fault> {
    for await (const picture of iteration.pictures()) {
      // One that should have come into the workspace must not come as one that was deleted there.
      if (target.lost.has(picture.item)) missing++;
      else yield picture;
    }
  };
  await putAll(app, target, pictures(), { link }, options);
  missing += report.failed.length - before;
  if (target.classificationType !== null) await putResults(app, target, id, iteration, [...tags.values()], tags);
  await finish(app, target, id, iteration, apiVersion, tags, missing);
  if (missing > 0)
    report.failed.push({
      fault: 'iteration',
      item: iteration.name,
      code: 'ErrorSource',
      reason: `${missing} of the pictures it learned from could not be had: what is told of the others is here.`,
    });
  else report.iterations.imported++;
}

const rowOf = (app: Importing, id: string): Promise<IterationRow> =>
  app.db.query.selectFrom('iterations').selectAll().where('id', '=', id).executeTakeFirstOrThrow();

async function insertRow(
  app: Importing,
  { scope }: Target,
  id: string,
  iteration: SourceIteration,
): Promise<IterationRow> {
  const created = iteration.created ?? app.clock.now();
  const row: IterationRow = {
    id,
    project_id: scope.projectId,
    name: sealText(app.keys, scope, 'iterations.name', id, iteration.name),
    name_lookup: iterationNameLookup(app, scope, iteration.name),
    status: 'Imported',
    created,
    modified: iteration.lastModified ?? created,
    trained_at: iteration.trainedAt ?? null,
    domain_id: iteration.domainId,
    classification_type: iteration.classificationType,
    training_type: iteration.trainingType,
    reserved_budget_hours: iteration.reservedBudgetInHours,
    training_minutes: iteration.trainingTimeInMinutes,
    model_bytes: 0,
    model_id: null,
    rebuild: null,
    remake_exports: 0,
    backbone: null,
    base_project_id: null,
    base_iteration_id: null,
    // Equal to no other: a training here is always worth it.
    training_set: app.keys.lookup(scope, 'training-set', id),
    publish_name: null,
    publish_lookup: null,
    publish_resource: null,
    is_default: 0,
    error: null,
    imported: null,
  };
  await app.db.transaction(async (tx) => {
    await requireProject(tx, scope);
    await tx.insertInto('iterations').values(row).execute();
    await tx
      .updateTable('projects')
      .set((at) => ({ iteration_count: at('iteration_count', '+', 1) }))
      .where('id', '=', scope.projectId)
      .execute();
  });
  return row;
}

/** The iteration's tags, those deleted since included; ids here by key there, in the order of its outputs. */
async function putTags(
  app: Importing,
  { scope, tags: known }: Target,
  iterationId: string,
  iteration: SourceIteration,
): Promise<ReadonlyMap<string, string>> {
  const told = await iteration.tags();
  const placed = await placeIds(
    app,
    app.db.query,
    scope,
    'tags',
    told.map((tag) => tag.key),
  );
  const ids = new Map(told.map((tag) => [tag.key, known.get(tag.key)?.id ?? placed.get(tag.key)!.id]));
  await app.db.transaction(async (tx) => {
    await requireProject(tx, scope);
    for (const [position, tag] of told.entries()) {
      const id = ids.get(tag.key)!;
      await tx
        .insertInto('tags')
        .values({
          id,
          project_id: scope.projectId,
          name: sealText(app.keys, scope, 'tags.name', id, tag.name),
          name_lookup: tagNameLookup(app, scope, tag.name),
          description:
            tag.description === null ? null : sealText(app.keys, scope, 'tags.description', id, tag.description),
          type: tag.type,
          created: app.clock.now(),
          workspace: 0,
        })
        .onConflict((conflict) => conflict.doNothing())
        .execute();
      await tx
        .insertInto('iteration_tags')
        .values({
          iteration_id: iterationId,
          tag_id: id,
          project_id: scope.projectId,
          position,
          image_count: tag.imageCount,
        })
        .onConflict((conflict) => conflict.doNothing())
        .execute();
    }
  });
  return ids;
}

async function putResults(
  app: Importing,
  { scope }: Target,
  iterationId: string,
  iteration: SourceIteration,
  order: readonly string[],
  tags: ReadonlyMap<string, string>,
): Promise<void> {
  for await (const some of runsOf(iteration.results(), rowsAtOnce)) {
    const placed = await placeIds(
      app,
      app.db.query,
      scope,
      'images',
      some.map((one) => one.id),
    );
    await app.db.transaction(async (tx) => {
      for (const { id, probabilities } of some) {
        const imageId = placed.get(id)!.id;
        const scores = new Float32Array(order.length);
        for (const [key, probability] of probabilities) {
          const at = order.indexOf(tags.get(key) ?? '');
          if (at >= 0) scores[at] = probability;
        }
        const result = new Uint8Array(scores.buffer);
        await tx
          .updateTable('iteration_images')
          .set({ scores: sealScores(app.keys, scope, iterationId, imageId, result) })
          .where('iteration_id', '=', iterationId)
          .where('image_id', '=', imageId)
          .execute();
      }
    });
  }
}

async function finish(
  app: Importing,
  { scope, report, classificationType }: Target,
  id: string,
  iteration: SourceIteration,
  apiVersion: string,
  tags: ReadonlyMap<string, string>,
  missing: number,
): Promise<void> {
  const performance = (await iteration.performance()).map((one) => ({
    ...one,
    perTag: one.perTag.map((tag) => ({ ...tag, id: tags.get(tag.id) ?? tag.id })),
  }));
  const told = performance.find((one) => one.threshold === compareAt);
  if (told !== undefined) {
    const computed = await heldOutPerformance(app, scope, await rowOf(app, id), { threshold: compareAt });
    const isComparable = classificationType !== null && computed.images > 0;
    report.compared.push({
      iteration: iteration.name,
      threshold: compareAt,
      told: figures(told),
      computed: isComparable ? figures(computed) : null,
    });
  }
  const { publishName, exportableTo } = iteration;
  const imported: ImportedIteration = { apiVersion, publishName, exportableTo, missing, performance };
  await app.db.query
    .updateTable('iterations')
    .set({ imported: sealText(app.keys, scope, 'iterations.imported', id, JSON.stringify(imported)) })
    .where('id', '=', id)
    .execute();
}

const figures = (one: { precision: number; recall: number; averagePrecision: number }) => ({
  precision: one.precision,
  recall: one.recall,
  averagePrecision: one.averagePrecision,
});
