import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { openArchive } from '../base/archive.ts';
import { day } from '../base/clock.ts';
import { AppError } from '../base/errors.ts';
import { newId } from '../base/id.ts';
import { spool } from '../base/spool.ts';
import type { JobRun, Jobs } from '../queue/job.ts';
import { record } from '../services/audit.ts';
import type { App, ProjectScope } from '../services/context.ts';
import { requireRoomFor } from '../services/copying/import.ts';
import { extentOf } from '../services/copying/offer.ts';
import { originOf, type Reaching } from '../services/copying/origin.ts';
import { eraseContent } from '../services/erasure.ts';
import { otherId } from '../services/other-ids.ts';
import { checkProject, projectsIn } from '../services/restore/archive-check.ts';
import { rowsIn } from '../services/restore/archive-rows.ts';
import { badArchive, checkBag } from '../services/restore/bag-check.ts';
import { reasonOf, type Told } from '../services/restore/lease.ts';
import { putTables, settle } from '../services/restore/restore-project.ts';
import { spoolFolder } from '../services/restore/restores.ts';
import { copiedTables } from '../store/custody-takeout.ts';
import type { Tx } from '../store/database.ts';
import { findAnyProject } from '../store/projects.ts';
import { addRestore } from '../store/restores.ts';
import { openText, sealText } from '../store/sealed.ts';
import { storageError } from '../store/storage-full.ts';

type Receiving = Reaching & Pick<App, 'queue' | 'config' | 'log'>;
type Run = Pick<JobRun, 'signal' | 'fence' | 'progress' | 'last'>;

/** What another try cannot change. */
const isFinal = (error: unknown): error is AppError =>
  error instanceof AppError && /^(BadArchive|BadRequest.*|NotFoundProject)$/.test(error.code);

/**
 * Brings into a project that is `Importing` what its token leads to, and makes it `Succeeded`. Idempotent: what an earlier
 * try left is removed first. When it fails for good nothing is left of it but the project, `Failed`, until that is deleted.
 */
export async function importProject(app: Receiving, scope: Jobs['import-project'], run: Run): Promise<void> {
  const row = await findAnyProject(app.db.query, scope.accountId, scope.projectId);
  if (row?.status !== 'Importing') return;
  await app.db.transaction(run.fence);
  await eraseContent(app, scope, run.signal);
  try {
    await bring(app, scope, openText(app.keys, scope, 'projects.import_token', row.id, row.import_token!), run);
  } catch (error) {
    run.signal.throwIfAborted();
    const reason = storageError(error);
    if (!isFinal(reason) && !run.last) throw reason;
    if (!isFinal(reason)) app.log.error('import-failed', reason, { project: scope.projectId });
    await importFailed(app, scope, reason, run);
  }
}

async function bring(app: Receiving, scope: ProjectScope, token: string, run: Run): Promise<void> {
  const { signal } = run;
  const origin = await originOf(app, token);
  const totalBytes = Math.max(1, origin.about.bytes);
  const source = await toSpool(app, await origin.open(signal), (bytes) => run.progress((bytes / totalBytes) * 0.5));
  const archive = await openArchive(source);
  try {
    const bag = await checkBag(archive, { signal });
    const [from, second] = projectsIn(bag);
    if (from === undefined || second !== undefined)
      throw badArchive('one project', 'the archive', from === undefined ? 'none' : 'several');
    const { bytes: totalBlobs } = await checkProject(bag, null, from, copiedTables);
    // New ones each time: what an earlier try left was erased, and what was erased never comes back under its id.
    const attempt = newId();
    const idOf = (id: string): string =>
      id === from ? scope.projectId : otherId(app, scope.accountId, `${attempt}/${id}`);
    let written = 0;
    const onBlob = (bytes: number): void => {
      written += bytes;
      run.progress(0.5 + (written / Math.max(1, totalBlobs)) * 0.5);
    };
    const plan = { from, scope, idOf, signal, fence: run.fence, onBlob };
    const leftOut = await putTables(
      app,
      bag,
      plan,
      copiedTables.filter((table) => table !== 'projects'),
    );
    // What it was said to be may be less than it is.
    const counts = await extentOf(app, scope);
    await requireRoomFor(app, scope.accountId, counts);
    const [project] = await Array.fromAsync(rowsIn(bag, from, 'projects'));
    const told: Told = {
      projects: [{ from, id: scope.projectId, outcome: 'restored', leftOut }],
      missing: bag.missing.size,
    };
    await app.db.transaction(async (tx) => {
      await run.fence(tx);
      await settle(app, tx, scope);
      await end(app, tx, scope, 'Succeeded', { iteration_count: project!.iteration_count as number });
      await tell(app, tx, scope, 'Done', told);
      await record(app, tx, 'project-imported', scope, { images: counts.imageCount, leftOut });
    });
  } finally {
    await archive.close();
  }
}

/** Takes an archive to an encrypted file that no other process can read. */
async function toSpool(app: Receiving, pieces: AsyncIterable<Uint8Array>, onBytes: (bytes: number) => void) {
  const folder = spoolFolder(app);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const counted = async function* () {
    let bytes = 0;
    for await (const piece of pieces) {
      bytes += piece.length;
      onBytes(bytes);
      yield piece;
    }
  };
  return spool(join(folder, newId()), counted());
}

/** Leaves nothing of an import but its project, which says that it failed; why, ListRestores tells for a day. */
export async function importFailed(
  app: Pick<Receiving, 'db' | 'keys' | 'blobs' | 'clock' | 'queue'>,
  scope: ProjectScope,
  reason: unknown = new AppError('Interrupted', 'It was interrupted again and again: import the project once more.'),
  { fence, signal }: Partial<Pick<Run, 'fence' | 'signal'>> = {},
): Promise<void> {
  if (fence !== undefined) await app.db.transaction(fence);
  await eraseContent(app, scope, signal ?? new AbortController().signal);
  await app.db.transaction(async (tx) => {
    await fence?.(tx);
    const { code, message } = reasonOf(reason);
    await end(app, tx, scope, 'Failed', {});
    await tell(app, tx, scope, 'Failed', { projects: [], missing: 0, reason: { code, message } });
    await record(app, tx, 'project-imported', scope, { failed: code });
    await app.queue.enqueue(tx, 'purge', scope, { once: `purge/${scope.projectId}` });
  });
}

async function end(
  app: Pick<Receiving, 'clock'>,
  tx: Tx,
  { projectId }: ProjectScope,
  status: 'Succeeded' | 'Failed',
  more: { readonly iteration_count?: number },
): Promise<void> {
  const { numUpdatedRows } = await tx
    .updateTable('projects')
    .set({ status, import_token: null, modified: app.clock.now(), ...more })
    .where('id', '=', projectId)
    .where('deleted', 'is', null)
    .where('status', '=', 'Importing')
    .executeTakeFirst();
  if (numUpdatedRows !== 1n) throw new AppError('Conflict', 'The project was deleted while it was imported.');
}

/** What became of it, for ListRestores. */
async function tell(
  app: Pick<Receiving, 'keys' | 'clock' | 'queue'>,
  tx: Tx,
  { accountId }: ProjectScope,
  state: 'Done' | 'Failed',
  told: Told,
): Promise<void> {
  const id = newId();
  const created = app.clock.now();
  await addRestore(tx, {
    id,
    account_id: accountId,
    project_id: null,
    holder: 'server',
    state,
    created,
    lease: created,
    result: sealText(app.keys, { accountId }, 'restores.result', id, JSON.stringify(told)),
  });
  await app.queue.enqueue(tx, 'transfers', { accountId }, { once: `transfers/${accountId}`, runAt: created + day });
}
