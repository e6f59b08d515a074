import { newId } from '../base/id.ts';
import { domainById } from '../domain/domain.ts';
import { type Export, exportPlatforms } from '../domain/export.ts';
import { problem } from '../domain/problems.ts';
import { blobKey } from '../store/blobs.ts';
import { listExports as listRows } from '../store/iterations.ts';
import { abandonBlobs } from '../store/loose-blobs.ts';
import type { ExportRow } from '../store/schema.ts';
import type { App, ProjectScope } from './context.ts';
import { requireIteration, requireModel } from './iterations.ts';
import { getSealed } from './pictures.ts';
import { requireProject } from './projects.ts';
import { beginErasure } from './receipts.ts';

/**
 * The platform and flavor meant, in Azure's spelling, whatever letter case they came in.
 * @throws AppError `BadRequestExportValidationFailed` naming the ones there are.
 */
function exportForm(
  platform: string,
  flavor: string | null,
): { platform: keyof typeof exportPlatforms; flavor: string | null } {
  for (const [name, flavors] of Object.entries(exportPlatforms)) {
    if (name.toLowerCase() !== platform.toLowerCase()) continue;
    const found = flavors.find((one) => (one ?? '').toLowerCase() === (flavor ?? '').toLowerCase());
    if (found !== undefined) return { platform: name as keyof typeof exportPlatforms, flavor: found };
    throw problem(
      'BadRequestExportValidationFailed',
      `Expected one of ${flavors.map((one) => one ?? '(none)').join(', ')} for the flavor of ${name} but received ${flavor ?? 'none'}.`,
    );
  }
  throw problem(
    'BadRequestExportValidationFailed',
    `Expected one of ${Object.keys(exportPlatforms).join(', ')} for the platform but received ${platform}: others are not available yet.`,
  );
}

/**
 * Queues the export of a trained iteration of an exportable (compact) domain; a failed one of the same form is
 * replaced.
 * @throws AppError `NotFoundProject`, `NotFoundIteration`, `BadRequestIterationIsNotTrained`,
 * `BadRequestExportValidationFailed`, `BadRequestExportAlreadyInProgress` when this form exists or is being made.
 */
export async function exportIteration(
  app: Pick<App, 'db' | 'clock' | 'queue'>,
  scope: ProjectScope,
  iterationId: string,
  platform: string,
  flavor: string | null,
): Promise<Export> {
  await requireProject(app.db.query, scope);
  const form = exportForm(platform, flavor);
  const now = app.clock.now();
  const row: ExportRow = {
    id: newId(),
    project_id: scope.projectId,
    iteration_id: iterationId,
    platform: form.platform,
    flavor: form.flavor,
    status: 'Exporting',
    created: now,
    modified: now,
    bytes: 0,
    downloads: 0,
    downloaded: null,
  };
  await app.db.transaction(async (tx) => {
    await requireProject(tx, scope);
    const iteration = await requireIteration(tx, scope, iterationId);
    requireModel(iteration);
    const domain = domainById(iteration.domain_id);
    if (!domain?.exportablePlatforms.includes(form.platform))
      throw problem(
        'BadRequestExportValidationFailed',
        `The domain ${domain?.name ?? ''} cannot be exported: give the project a compact domain and train again.`,
      );
    for (const other of await listRows(tx, scope.projectId, iterationId)) {
      if (other.platform !== form.platform || other.flavor !== form.flavor) continue;
      if (other.status !== 'Failed') throw problem('BadRequestExportAlreadyInProgress');
      await tx.deleteFrom('exports').where('id', '=', other.id).execute();
      await abandonBlobs(tx, scope.projectId, [blobKey(scope.accountId, scope.projectId, 'export', other.id)]);
    }
    await tx.insertInto('exports').values(row).execute();
    await app.queue.enqueue(tx, 'export', { ...scope, exportId: row.id });
  });
  return exportFromRow(row);
}

/** An iteration's exports, oldest first. @throws AppError `NotFoundProject`, `NotFoundIteration`. */
export async function listExports(app: Pick<App, 'db'>, scope: ProjectScope, iterationId: string): Promise<Export[]> {
  await requireProject(app.db.query, scope);
  await requireIteration(app.db.query, scope, iterationId);
  return (await listRows(app.db.query, scope.projectId, iterationId)).map(exportFromRow);
}

/**
 * Removes an export, whatever its state, and its file; the same form can be exported again.
 * @throws AppError `NotFoundProject`, `NotFoundIteration`, `NotFound`.
 */
export async function deleteExport(
  app: Pick<App, 'db' | 'keys' | 'clock' | 'queue'>,
  scope: ProjectScope,
  iterationId: string,
  exportId: string,
): Promise<void> {
  const { accountId, projectId } = scope;
  await app.db.transaction(async (tx) => {
    await requireProject(tx, scope);
    await requireIteration(tx, scope, iterationId);
    const row = await tx
      .deleteFrom('exports')
      .where('id', '=', exportId)
      .where('project_id', '=', projectId)
      .where('iteration_id', '=', iterationId)
      .returning('status')
      .executeTakeFirst();
    if (row === undefined) throw problem('NotFound', 'There is no such export.');
    await abandonBlobs(tx, projectId, [blobKey(accountId, projectId, 'export', exportId)]);
    const file = row.status === 'Done' ? 1 : 0;
    await beginErasure(app, tx, { kind: 'export', ...scope, ids: [exportId], erased: { exports: 1, export: file } });
    await app.queue.enqueue(tx, 'purge', scope, { once: `purge/${projectId}` });
  });
}

/** The zip of a finished export. @throws AppError `NotFoundProject`, `NotFound`. */
export async function readExport(
  app: Pick<App, 'db' | 'keys' | 'blobs'>,
  scope: ProjectScope,
  exportId: string,
): Promise<{ bytes: Buffer }> {
  await requireProject(app.db.query, scope);
  const bytes = await getSealed(app, scope, 'export', exportId);
  if (bytes === undefined) throw problem('NotFound', 'There is no such export.');
  return { bytes };
}

/** Notes that an export was downloaded, so that a deletion can tell that there may be copies of it. */
export async function countDownload(
  app: Pick<App, 'db' | 'clock'>,
  scope: ProjectScope,
  exportId: string,
): Promise<void> {
  await app.db.query
    .updateTable('exports')
    .set((at) => ({ downloads: at('downloads', '+', 1), downloaded: app.clock.now() }))
    .where('id', '=', exportId)
    .where('project_id', '=', scope.projectId)
    .execute();
}

const exportFromRow = (row: ExportRow): Export => ({
  id: row.id,
  projectId: row.project_id,
  iterationId: row.iteration_id,
  platform: row.platform,
  flavor: row.flavor,
  status: row.status,
  created: row.created,
  bytes: row.bytes,
});
