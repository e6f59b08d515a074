import { createHash } from 'node:crypto';
import type { ArchiveEntry } from '../../base/archive-entry.ts';
import { AppError } from '../../base/errors.ts';
import { domainById } from '../../domain/domain.ts';
import type { Image } from '../../domain/image.ts';
import type { Tag } from '../../domain/tag.ts';
import { parentsOf, takeoutOrder } from '../../store/custody-takeout.ts';
import { imagesFromRows } from '../../store/images.ts';
import { iterationFromRow, listIterations } from '../../store/iterations.ts';
import type { AnyRow } from '../../store/rows.ts';
import type { ImageRow, IterationRow, Tables } from '../../store/schema.ts';
import { listIterationTags, listTags, tagFromRow } from '../../store/tags.ts';
import { decodeFound } from '../../vision/detect/found.ts';
import { labelFile, metadataFile } from '../../vision/export/manifest.ts';
import type { ProjectScope } from '../context.ts';
import { iterationPerformance } from '../performance.ts';
import { getProject } from '../projects.ts';
import { tagNames } from '../tags.ts';
import {
  type Collected,
  coco,
  csv,
  listsByTag,
  type TakenImage,
  type TakenTag,
  vocAnnotation,
  yoloData,
  yoloLabels,
} from './annotations.ts';
import { croissant } from './croissant.ts';
import { blobFile, folderOf, isoTime, jsonFile, jsonLines } from './layout.ts';
import { withBlobs } from './taken-blobs.ts';
import { missing, type Notes, pagesOf, rowLines, type Taking, takenRow } from './taking.ts';

/**
 * Ids of the rows that were taken, by table: what refers to another row, of a later moment, is left to the next
 * takeout.
 */
export type Taken = Map<keyof Tables, Set<string>>;

/** Everything of one project, file by file. */
export async function* takeProject(
  app: Taking,
  scope: ProjectScope,
  creator: string,
  notes: Notes,
): AsyncGenerator<ArchiveEntry> {
  const taken: Taken = new Map();
  for (const table of takeoutOrder('project')) {
    const ids = new Set<string>();
    taken.set(table, ids);
    const rows = ownRows(app, scope, table, taken, notes);
    if (table === 'images') yield* takeImages(app, scope, creator, rows, ids, notes);
    else if (table === 'iterations') yield* takeIterations(app, scope, rows, ids, notes);
    else if (table === 'iteration_images') yield* takeHeldOut(app, scope, rows, notes);
    else if (table === 'predictions') yield* takePredictions(app, scope, rows, notes);
    else if (table === 'exports') yield* takeExports(app, scope, rows, notes);
    else yield* takeRows(app, scope, table, rows, ids, notes);
  }
}

/** A table's rows that refer only to rows that were taken. */
export async function* ownRows(
  app: Taking,
  scope: ProjectScope,
  table: keyof Tables,
  taken: Taken,
  notes: Notes,
): AsyncGenerator<AnyRow[]> {
  const parents = parentsOf(table).filter((parent) => parent !== 'projects' && parent !== 'accounts');
  for await (const rows of pagesOf(app, table, scope, notes))
    yield rows.filter((row) =>
      parents.every((parent) => taken.get(parent)?.has(row[`${parent.slice(0, -1)}_id`] as string)),
    );
}

async function* takeRows(
  app: Taking,
  scope: ProjectScope,
  table: keyof Tables,
  pages: AsyncIterable<AnyRow[]>,
  ids: Set<string>,
  notes: Notes,
): AsyncGenerator<ArchiveEntry> {
  const lines = rowLines(scope, table);
  for await (const rows of pages)
    for (const row of rows) {
      const open = takenRow(app, scope, table, row, notes);
      if (open === undefined) continue;
      if (typeof row.id === 'string') ids.add(row.id);
      yield* lines.add(open);
    }
  yield* lines.end();
}

async function* takeImages(
  app: Taking,
  scope: ProjectScope,
  creator: string,
  pages: AsyncIterable<AnyRow[]>,
  ids: Set<string>,
  notes: Notes,
): AsyncGenerator<ArchiveEntry> {
  const folder = folderOf(scope.projectId);
  const project = await getProject(app, scope);
  const domain = domainById(project.domainId);
  const detection = domain?.type === 'ObjectDetection';
  const tags = await tagsOf(app, scope, notes);
  const names = await tagNames(app, scope);
  const lines = rowLines(scope, 'images');
  const forReading = jsonLines((part) => `${folder}/images-${String(part).padStart(5, '0')}.jsonl`);
  const [cocoFile, csvFile, lists] = [coco(project.name, tags), csv(), listsByTag(tags)];
  const collected: Collected[] = [cocoFile, csvFile];
  const known = new Set(tags.map((tag) => tag.id));
  let rows: AnyRow[] = [];
  const set = { scope, table: 'images', kind: 'image-original' } as const;
  for await (const { some, endsPage } of withBlobs(app, set, pages, notes)) {
    for (const { row, file } of some) {
      if (file !== undefined) yield file;
      const open = takenRow(app, scope, 'images', row, notes);
      if (open === undefined) continue;
      rows.push(row);
      ids.add(row.id as string);
      yield* lines.add(open);
    }
    if (!endsPage) continue;
    const images = await imagesFromRows(app.db.query, app.keys, scope, rows as unknown as ImageRow[], { names });
    for (const [index, image] of images.entries()) {
      const row = rows[index] as unknown as ImageRow;
      const own = takenImage(scope, image, row, known);
      yield* forReading.add(readable(own, image, row));
      if (row.workspace === 0) continue;
      for (const one of collected) one.add(own);
      lists.add(own);
      if (!detection) continue;
      yield text(`${folder}/labels/${image.id}.txt`, yoloLabels(own, tags));
      yield text(`${folder}/Annotations/${image.id}.xml`, vocAnnotation(own));
    }
    rows = [];
  }
  yield* [...lines.end(), ...forReading.end()];
  if (detection) yield text(`${folder}/data.yaml`, yoloData(tags));
  yield { name: `${folder}/coco.json`, bytes: cocoFile.bytes(), text: true };
  for (const [name, bytes] of lists.files()) yield { name: `${folder}/by-tag/${name}`, bytes, text: true };
  const table = csvFile.bytes();
  yield { name: `${folder}/images.csv`, bytes: table, text: true };
  yield jsonFile(
    `${folder}/croissant.json`,
    croissant({
      id: project.id,
      name: project.name,
      description: project.description,
      creator,
      modified: isoTime(project.lastModified),
      csvDigest: createHash('sha256').update(table).digest('hex'),
      csvBytes: table.length,
    }),
  );
}

const text = (name: string, content: string): ArchiveEntry => ({ name, bytes: Buffer.from(content), text: true });

function takenImage(scope: ProjectScope, image: Image, row: ImageRow, known: ReadonlySet<string>): TakenImage {
  return {
    id: image.id,
    file: blobFile(scope.projectId, 'image-original', image.id, row.format)!.split('/').slice(2).join('/'),
    width: image.width,
    height: image.height,
    created: isoTime(image.created),
    tags: image.tags
      .filter((tag) => known.has(tag.tagId))
      .map((tag): TakenTag => ({ id: tag.tagId, name: tag.tagName ?? '' })),
    regions: image.regions
      .filter((region) => known.has(region.tagId))
      .map(({ tagId, tagName, box }) => ({ tagId, tagName: tagName ?? '', box })),
    metadata: image.metadata,
  };
}

const readable = (own: TakenImage, image: Image, row: ImageRow): unknown => ({
  id: own.id,
  file: own.file,
  format: row.format,
  width: own.width,
  height: own.height,
  bytes: row.bytes,
  created: own.created,
  inWorkspace: row.workspace === 1,
  tags: own.tags,
  regions: image.regions.map(({ id, tagId, tagName, box }) => ({ id, tagId, tagName: tagName ?? '', box })),
  metadata: own.metadata,
});

async function* takeIterations(
  app: Taking,
  scope: ProjectScope,
  pages: AsyncIterable<AnyRow[]>,
  ids: Set<string>,
  notes: Notes,
): AsyncGenerator<ArchiveEntry> {
  const lines = rowLines(scope, 'iterations');
  const set = { scope, table: 'iterations', kind: 'model' } as const;
  for await (const { some } of withBlobs(app, set, pages, notes))
    for (const { row, file } of some) {
      const open = takenRow(app, scope, 'iterations', row, notes);
      if (open === undefined) continue;
      ids.add(row.id as string);
      yield* lines.add(open);
      if (file === undefined) continue;
      yield file;
      yield* takeModel(app, scope, row as unknown as IterationRow, notes);
    }
  yield* lines.end();
  yield await projectFile(app, scope, notes);
}

/** The model in a form that needs nothing of ours. */
async function* takeModel(
  app: Taking,
  scope: ProjectScope,
  iteration: IterationRow,
  notes: Notes,
): AsyncGenerator<ArchiveEntry> {
  const folder = `${folderOf(scope.projectId)}/iterations/${iteration.id}`;
  try {
    const model = await app.models.load(scope, iteration);
    const labels = (await learnedTags(app, scope, iteration.id)).map((tag) => tag.name);
    const run = notes.signal === undefined ? {} : { signal: notes.signal };
    const { files, metadata } = await app.vision.exportOnnx(model, labels, 'float32', run);
    for (const { name, bytes } of [...files, labelFile(labels), metadataFile(metadata)])
      yield { name: `${folder}/${name}`, bytes, text: /\.(json|txt)$/.test(name) };
  } catch (error) {
    notes.signal?.throwIfAborted();
    if (!(error instanceof AppError)) throw error;
    missing(notes, { file: `${folder}/model.onnx`, what: 'the model as ONNX', reason: 'cannot be made' });
  }
}

const learnedTags = async (app: Taking, scope: ProjectScope, iterationId: string): Promise<Tag[]> =>
  (await listIterationTags(app.db.query, iterationId)).map((row) => tagFromRow(app.keys, scope, row));

/** The tags of the workspace. */
const tagsOf = async (app: Taking, scope: ProjectScope, { until }: Notes): Promise<Tag[]> =>
  (await listTags(app.db.query, scope.projectId))
    .filter((row) => row.created <= until)
    .map((row) => tagFromRow(app.keys, scope, row));

/** `project.json`. */
async function projectFile(app: Taking, scope: ProjectScope, notes: Notes): Promise<ArchiveEntry> {
  const project = await getProject(app, scope);
  const domain = domainById(project.domainId);
  const tags = await tagsOf(app, scope, notes);
  const iterations = (await listIterations(app.db.query, scope.projectId))
    .filter((row) => row.created <= notes.until)
    .reverse();
  return jsonFile(`${folderOf(scope.projectId)}/project.json`, {
    format: 'ownsight-project/1',
    id: project.id,
    name: project.name,
    description: project.description,
    domain: { id: project.domainId, name: domain?.name ?? '', type: domain?.type ?? '' },
    classificationType: project.classificationType,
    targetExportPlatforms: project.targetExportPlatforms,
    backbone: project.backbone,
    created: isoTime(project.created),
    lastModified: isoTime(project.lastModified),
    tags: tags.map(({ id, name, description, type, imageCount }) => ({ id, name, description, type, imageCount })),
    iterations: await Promise.all(iterations.map((row) => iterationFile(app, scope, row))),
  });
}

async function iterationFile(app: Taking, scope: ProjectScope, row: IterationRow): Promise<unknown> {
  const iteration = iterationFromRow(app.keys, scope, row);
  const { projectId: _project, created, lastModified, trainedAt, ...rest } = iteration;
  return {
    ...rest,
    created: isoTime(created),
    lastModified: isoTime(lastModified),
    trainedAt: trainedAt === null ? null : isoTime(trainedAt),
    tags: (await learnedTags(app, scope, row.id)).map(({ id, name, imageCount }) => ({ id, name, imageCount })),
    performance: row.status === 'Completed' ? await iterationPerformance(app, scope, row.id) : null,
  };
}

async function* takeHeldOut(
  app: Taking,
  scope: ProjectScope,
  pages: AsyncIterable<AnyRow[]>,
  notes: Notes,
): AsyncGenerator<ArchiveEntry> {
  const lines = rowLines(scope, 'iteration_images');
  const detection = (await getProject(app, scope)).classificationType === null;
  // Rows come by iteration: one set of tags and one file at a time.
  let current: { id: string; tags: Tag[]; lines: ReturnType<typeof jsonLines> } | undefined;
  for await (const page of pages)
    for (const row of page) {
      const open = takenRow(app, scope, 'iteration_images', row, notes);
      if (open === undefined) continue;
      yield* lines.add(open);
      const id = row.iteration_id as string;
      if (current?.id !== id) {
        if (current !== undefined) yield* current.lines.end();
        const folder = `${folderOf(scope.projectId)}/iterations/${id}`;
        const name = (part: number): string => `${folder}/held-out-${String(part).padStart(5, '0')}.jsonl`;
        current = { id, tags: await learnedTags(app, scope, id), lines: jsonLines(name) };
      }
      const scores = open.scores as number[] | null;
      if (scores === null) continue;
      const { tags } = current;
      const named = (label: number) => ({ id: tags[label]!.id, name: tags[label]!.name });
      yield* current.lines.add({
        imageId: row.image_id,
        fold: row.fold,
        tagIds: JSON.parse(row.tag_ids as string),
        predictions: detection
          ? decodeFound(scores).map(({ label, score, ...box }) => ({ ...named(label), probability: score, box }))
          : tags.map((_, label) => ({ ...named(label), probability: scores[label] })),
      });
    }
  if (current !== undefined) yield* current.lines.end();
  yield* lines.end();
}

async function* takePredictions(
  app: Taking,
  scope: ProjectScope,
  pages: AsyncIterable<AnyRow[]>,
  notes: Notes,
): AsyncGenerator<ArchiveEntry> {
  const names = await tagNames(app, scope);
  const lines = rowLines(scope, 'predictions');
  const forReading = jsonLines(
    (part) => `${folderOf(scope.projectId)}/predictions-${String(part).padStart(5, '0')}.jsonl`,
  );
  const set = { scope, table: 'predictions', kind: 'prediction-original' } as const;
  for await (const { some } of withBlobs(app, set, pages, notes))
    for (const { row, file } of some) {
      if (file !== undefined) yield file;
      const open = takenRow(app, scope, 'predictions', row, notes);
      if (open === undefined) continue;
      yield* lines.add(open);
      const results = open.results as { readonly tagId: string }[];
      yield* forReading.add({
        id: row.id,
        file: blobFile(scope.projectId, 'prediction-original', row.id as string, row.format)!
          .split('/')
          .slice(2)
          .join('/'),
        iterationId: row.iteration_id,
        created: isoTime(row.created as number),
        application: open.application,
        predictions: results.map((one) => ({ ...one, tagName: names.get(one.tagId) ?? null })),
      });
    }
  yield* [...lines.end(), ...forReading.end()];
}

async function* takeExports(
  app: Taking,
  scope: ProjectScope,
  pages: AsyncIterable<AnyRow[]>,
  notes: Notes,
): AsyncGenerator<ArchiveEntry> {
  const lines = rowLines(scope, 'exports');
  const set = { scope, table: 'exports', kind: 'export' } as const;
  for await (const { some } of withBlobs(app, set, pages, notes))
    for (const { row, file } of some) {
      if (file !== undefined) yield file;
      const open = takenRow(app, scope, 'exports', row, notes);
      if (open !== undefined) yield* lines.add(open);
    }
  yield* lines.end();
}
