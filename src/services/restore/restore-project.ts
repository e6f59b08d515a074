import { day } from '../../base/clock.ts';
import { mapConcurrently } from '../../base/concurrency.ts';
import { AppError } from '../../base/errors.ts';
import { domainById } from '../../domain/domain.ts';
import { limits } from '../../domain/limits.ts';
import { type BlobKind, blobKey } from '../../store/blobs.ts';
import { blobCustody, tableCustody } from '../../store/custody.ts';
import { blobKindsOf, hasBlob, type PlainForm } from '../../store/custody-takeout.ts';
import type { Tx } from '../../store/database.ts';
import { listIterations } from '../../store/iterations.ts';
import { keepBlobs } from '../../store/loose-blobs.ts';
import { projectNameTaken } from '../../store/projects.ts';
import { type AnyRow, insertRows } from '../../store/rows.ts';
import type { Tables } from '../../store/schema.ts';
import { prepare } from '../../vision/image/decode.ts';
import { record } from '../audit.ts';
import type { App, ProjectScope } from '../context.ts';
import { numberedName } from '../names.ts';
import { pictureLimits, putSealed } from '../pictures.ts';
import { projectNameLookup } from '../projects.ts';
import { scheduleSweep } from '../retention.ts';
import { storing } from '../storing.ts';
import { columnsOf, encodeColumn, rowId } from '../takeout/open-row.ts';
import { recordedSet, trainingSetLookup } from '../training-set.ts';
import { blobOf, restoredTables } from './archive-check.ts';
import { rowsIn } from './archive-rows.ts';
import { assertSame, type CheckedBag } from './bag-check.ts';
import { lookups } from './lookups.ts';

/** What putting back needs. */
export type Restoring = Pick<App, 'db' | 'keys' | 'blobs' | 'clock' | 'queue'>;

/** How a project comes to its account. */
export interface ProjectPlan {
  /** Its id in the archive. */
  readonly from: string;
  readonly scope: ProjectScope;
  /** An id of the archive as it is to be here. */
  readonly idOf: (id: string) => string;
  readonly signal: AbortSignal | undefined;
  /** Called first in each transaction that writes: throws when nothing may be written any more. */
  readonly fence?: (tx: Tx) => Promise<void>;
  /** Called with the bytes of each blob put back. */
  readonly onBlob: (bytes: number) => void;
}

/** Rows with blobs, and rows without, that are written together. */
const blobsAtOnce = 16;
const rowsAtOnce = 200;
/** A restore that was killed is cleared away by the next start, or at the latest after this. */
const patience = 2 * day;
/** An archive makes this server contact nobody, whoever made it: the owner says again where things are to go. */
const nowhere = { export_container: null, notification_queue: null };
const training = 'The training was under way when the archive was made: train again.';

/**
 * Puts one project back. It stays invisible until all of it is there; a failure has what was written removed again.
 * Returns how many rows and files were left out because the archive lacks them.
 */
export async function restoreProject(app: Restoring, bag: CheckedBag, plan: ProjectPlan): Promise<number> {
  const { scope } = plan;
  await app.db.transaction((tx) => app.queue.enqueue(tx, 'purge', scope, { runAt: app.clock.now() + patience }));
  // Left by a restore that was cut off before its first row.
  if (app.keys.has(scope)) app.keys.destroy(scope);
  app.keys.create(scope);
  try {
    const leftOut = await putTables(app, bag, plan, restoredTables());
    await reveal(app, scope);
    return leftOut;
  } catch (error) {
    await app.db.transaction((tx) => app.queue.enqueue(tx, 'purge', scope, { once: `purge/${scope.projectId}` }));
    throw error;
  }
}

/**
 * Puts the rows of these tables of a project with their blobs, parents before what hangs on them. Returns how many were
 * left out because the archive lacks their files.
 */
export async function putTables(
  app: Restoring,
  bag: CheckedBag,
  plan: ProjectPlan,
  tables: readonly (keyof Tables)[],
): Promise<number> {
  // Ids of the rows that could not be put back, and so of what hangs on them.
  const leftOut = new Set<string>();
  for (const table of tables) {
    const size = blobKindsOf(table, 'takenAs').length > 0 ? blobsAtOnce : rowsAtOnce;
    let rows: AnyRow[] = [];
    const flush = async (): Promise<void> => {
      plan.signal?.throwIfAborted();
      await putRows(app, bag, plan, table, rows, leftOut);
      rows = [];
    };
    for await (const row of rowsIn(bag, plan.from, table)) if (rows.push(row) === size) await flush();
    await flush();
  }
  return leftOut.size;
}

async function putRows(
  app: Restoring,
  bag: CheckedBag,
  plan: ProjectPlan,
  table: keyof Tables,
  opened: readonly AnyRow[],
  leftOut: Set<string>,
): Promise<void> {
  const { scope } = plan;
  const kinds = [...blobKindsOf(table, 'takenAs'), ...blobKindsOf(table, 'madeAnew')];
  const there = opened.filter((row) => {
    const lost = blobKindsOf(table, 'takenAs').some((kind) => isLost(bag, plan, kind, row));
    const hangs = Object.entries(row).some(([name, value]) => name.endsWith('_id') && leftOut.has(value as string));
    if ((lost || hangs) && typeof row.id === 'string') leftOut.add(row.id);
    return !lost && !hangs;
  });
  if (there.length === 0) return;
  if (kinds.length === 0)
    return app.db.transaction(async (tx) => {
      await plan.fence?.(tx);
      await insertRows(
        tx,
        table,
        there.map((row) => sealedRow(app, plan, table, row, undefined, {})),
      );
    });
  const keys = there.flatMap((row) =>
    kinds
      .filter((kind) => hasBlob(kind, row))
      .map((kind) => blobKey(scope.accountId, scope.projectId, kind, plan.idOf(row.id as string))),
  );
  await storing(app, scope, keys, async () => {
    const rows = await mapConcurrently(there, 4, (row) => putBlobs(app, bag, plan, table, row));
    await app.db.transaction(async (tx) => {
      await plan.fence?.(tx);
      await insertRows(tx, table, rows);
      await keepBlobs(tx, keys);
    });
  });
}

/** Whether a row should have a blob that the archive says is missing. */
const isLost = (bag: CheckedBag, plan: ProjectPlan, kind: BlobKind, row: AnyRow): boolean =>
  hasBlob(kind, row) && blobOf(bag, plan.from, kind, row) === undefined;

/** Puts a row's blobs, those made anew from its picture too, and returns the row as it is kept. */
async function putBlobs(
  app: Restoring,
  bag: CheckedBag,
  plan: ProjectPlan,
  table: keyof Tables,
  row: AnyRow,
): Promise<AnyRow> {
  const id = plan.idOf(row.id as string);
  const facts: Record<string, unknown> = {};
  let sha256: string | undefined;
  for (const kind of blobKindsOf(table, 'takenAs')) {
    const file = blobOf(bag, plan.from, kind, row);
    if (file === undefined) continue;
    const bytes = await file.read(
      kind === 'export' || kind === 'model' ? limits.modelBytes : limits.trainingImageBytes,
    );
    assertSame(file, bytes);
    sha256 = file.sha256;
    facts[blobCustody[kind].size] = bytes.length;
    await putSealed(app, plan.scope, kind, id, bytes);
    for (const made of blobKindsOf(table, 'madeAnew')) {
      const { format, width, height, thumbnail } = await prepare(bytes, pictureLimits);
      Object.assign(facts, { format, width, height, [blobCustody[made].size]: thumbnail.length });
      await putSealed(app, plan.scope, made, id, thumbnail);
    }
    plan.onBlob(bytes.length);
  }
  return sealedRow(app, plan, table, row, sha256, facts);
}

/** A row as it is kept here: ids of this server, texts sealed, lookups made, and what was measured anew. */
function sealedRow(
  app: Restoring,
  { scope, idOf }: ProjectPlan,
  table: keyof Tables,
  opened: AnyRow,
  sha256: string | undefined,
  facts: AnyRow,
): AnyRow {
  const row: Record<string, unknown> = { ...opened, ...facts };
  if (table === 'images') row.features = 0;
  if (table === 'projects') Object.assign(row, { deleted: app.clock.now(), import_token: null, ...nowhere });
  if (table === 'iterations') Object.assign(row, { model_id: null, rebuild: null, remake_exports: 0 });
  if (table === 'iteration_images') row.forgetting = 0;
  if (table === 'iterations' && row.status === 'Training') Object.assign(row, { status: 'Failed', error: training });
  if (table === 'exports' && row.status === 'Exporting') row.status = 'Failed';
  const columns = columnsOf(table);
  for (const [name, held] of columns)
    if (held === 'id' || held === 'ids') row[name] = mapIds(row[name] as string | null, idOf);
  if (table === 'projects') row.account_id = scope.accountId;
  const id = rowId(table, row);
  const made = lookups[table as keyof typeof lookups] as Readonly<
    Record<string, (typeof lookups)['projects']['name_lookup']>
  >;
  const found = Object.entries(made).map(([name, make]) => [name, make(app, scope, row, sha256)]);
  for (const [name, , form] of columns)
    if (form !== undefined && row[name] !== null) {
      const value = form === 'json with ids' ? JSON.parse(mapIds(JSON.stringify(row[name]), idOf)!) : row[name];
      row[name] = app.keys.seal({ ...scope, kind: `${table}.${name}`, id }, encodeColumn(form as PlainForm, value));
    }
  return { ...row, ...Object.fromEntries(found) };
}

const uuid = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g;

/** Every id in a text as it is to be here; those of domains are the same everywhere. */
const mapIds = (text: string | null, idOf: (id: string) => string): string | null =>
  text === null ? null : text.replaceAll(uuid, (id) => (domainById(id) === undefined ? idOf(id) : id));

/** Makes a project that is all there visible, and has its pictures described for the next training. */
async function reveal(app: Restoring, scope: ProjectScope): Promise<void> {
  const { projectId } = scope;
  await app.db.transaction(async (tx) => {
    await settle(app, tx, scope);
    const named = await freeName(app, tx, scope);
    const { numUpdatedRows } = await tx
      .updateTable('projects')
      .set({ deleted: null, ...named })
      .where('id', '=', projectId)
      .executeTakeFirst();
    if (numUpdatedRows !== 1n) throw new AppError('Conflict', 'The project was removed while it was put back.');
    await record(app, tx, 'restore', scope);
  });
}

/** What follows once all of a project is there: what its iterations learned from is known, its pictures get described. */
export async function settle(app: Restoring, tx: Tx, scope: ProjectScope): Promise<void> {
  for (const iteration of await listIterations(tx, scope.projectId)) {
    const lookup = trainingSetLookup(app, scope, iteration, await recordedSet(app, tx, scope, iteration));
    await tx.updateTable('iterations').set({ training_set: lookup }).where('id', '=', iteration.id).execute();
  }
  await app.queue.enqueue(tx, 'features', scope, { once: `features/${scope.projectId}` });
  await scheduleSweep(app, tx, scope);
}

/** Another name when a living project of the account has this one. */
async function freeName(
  app: Restoring,
  tx: Parameters<typeof projectNameTaken>[0],
  scope: ProjectScope,
): Promise<{ name?: Buffer; name_lookup?: string }> {
  const { accountId, projectId } = scope;
  const row = await tx
    .selectFrom('projects')
    .select(['name', 'name_lookup'])
    .where('id', '=', projectId)
    .executeTakeFirstOrThrow();
  if (!(await projectNameTaken(tx, accountId, row.name_lookup, projectId))) return {};
  const thing = { ...scope, kind: 'projects.name', id: projectId };
  const name = app.keys.open(thing, row.name).toString('utf8');
  for (let number = 2; ; number++) {
    const other = numberedName(name, number);
    const lookup = projectNameLookup(app, accountId, other);
    if (!(await projectNameTaken(tx, accountId, lookup, projectId)))
      return { name: app.keys.seal(thing, Buffer.from(other)), name_lookup: lookup };
  }
}

/** The tables whose rows have an id of their own. */
export const hasOwnId = (table: keyof Tables): boolean => tableCustody[table].key[0] === 'id';
