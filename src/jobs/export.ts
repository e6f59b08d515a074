import { zipOf } from '../base/archive-format.ts';
import type { JobRun, Jobs } from '../queue/job.ts';
import { queueAnnouncement } from '../services/connections.ts';
import type { App, ProjectScope } from '../services/context.ts';
import { requireIteration } from '../services/iterations.ts';
import { putSealed } from '../services/pictures.ts';
import { scheduleSweep } from '../services/retention.ts';
import { storing } from '../services/storing.ts';
import { blobKey } from '../store/blobs.ts';
import type { Tx } from '../store/database.ts';
import { keepBlobs } from '../store/loose-blobs.ts';
import type { ExportRow } from '../store/schema.ts';
import { listIterationTags, tagFromRow } from '../store/tags.ts';
import { labelFile, manifestFile, metadataFile } from '../vision/export/manifest.ts';

/**
 * Builds an export's model, checks it against the server's own answers, and keeps the zip. A failure for good leaves
 * the export `Failed`; asking for it again makes a new one.
 */
export async function exportModel(app: App, payload: Jobs['export'], run: JobRun): Promise<void> {
  const scope = { accountId: payload.accountId, projectId: payload.projectId };
  const row = await app.db.query
    .selectFrom('exports')
    .selectAll()
    .where('id', '=', payload.exportId)
    .where('project_id', '=', scope.projectId)
    .executeTakeFirst();
  if (row?.status !== 'Exporting') return;
  try {
    const bytes = await archive(app, scope, row, run);
    const key = blobKey(scope.accountId, scope.projectId, 'export', row.id);
    await storing(app, scope, [key], async () => {
      await putSealed(app, scope, 'export', row.id, bytes);
      await app.db.transaction(async (tx) => {
        await run.fence(tx);
        await tx
          .updateTable('exports')
          .set({ status: 'Done', modified: app.clock.now(), bytes: bytes.byteLength })
          .where('id', '=', row.id)
          .returning('id')
          .executeTakeFirstOrThrow();
        await keepBlobs(tx, [key]);
        await queueAnnouncement(app, tx, scope, { iterationId: row.iteration_id, exportId: row.id });
        await scheduleSweep(app, tx, scope);
      });
    });
  } catch (error) {
    if (run.last && !run.signal.aborted) await exportFailed(app, payload, run.fence);
    throw error;
  }
}

async function archive(app: App, scope: ProjectScope, row: ExportRow, run: JobRun): Promise<Buffer> {
  const iteration = await requireIteration(app.db.query, scope, row.iteration_id);
  const model = await app.models.load(scope, iteration);
  const tags = await listIterationTags(app.db.query, row.iteration_id);
  const labels = tags.map((tag) => tagFromRow(app.keys, scope, tag).name);
  const flavor = row.flavor === 'OnnxFloat16' ? 'float16' : 'float32';
  const exported = await app.vision.exportOnnx(model, labels, flavor, { signal: run.signal });
  const now = app.clock.now();
  const manifest = manifestFile({
    domainType: model.kind === 'detector' ? 'ObjectDetection' : 'Classification',
    platform: row.platform,
    flavor: row.flavor,
    exported: now,
    iterationId: row.iteration_id,
    model: exported.files[0]!,
  });
  return zipOf([...exported.files, labelFile(labels), metadataFile(exported.metadata), manifest], now);
}

/** Marks an export that is still `Exporting` as `Failed`. */
export async function exportFailed(
  app: Pick<App, 'db' | 'clock' | 'queue'>,
  payload: Jobs['export'],
  fence: (tx: Tx) => Promise<void> = async () => undefined,
): Promise<void> {
  await app.db.transaction(async (tx) => {
    await fence(tx);
    const failed = await tx
      .updateTable('exports')
      .set({ status: 'Failed', modified: app.clock.now() })
      .where('id', '=', payload.exportId)
      .where('status', '=', 'Exporting')
      .returning('iteration_id')
      .executeTakeFirst();
    if (failed !== undefined)
      await queueAnnouncement(app, tx, payload, { iterationId: failed.iteration_id, exportId: payload.exportId });
  });
}
