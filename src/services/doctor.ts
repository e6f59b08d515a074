import { setTimeout } from 'node:timers/promises';
import { type BlobKey, blobKey, blobKinds, blobParts } from '../store/blobs.ts';
import { rowsWithBlob, sealedSamples } from '../store/examine.ts';
import { countHoldings } from '../store/holdings.ts';
import type { KeyScope } from '../store/keys.ts';
import { listFaults } from '../store/lists.ts';
import type { HoldingRow } from '../store/schema.ts';
import { trashedScopes } from '../store/trash-items.ts';
import type { App } from './context.ts';
import { examinePromises } from './doctor-promises.ts';
import { describeScope, type Finding, type Report, reportTo } from './findings.ts';

type Examined = Pick<App, 'db' | 'blobs' | 'keys' | 'clock' | 'erased'>;

/** Rows and blobs of each kind that are opened to see whether they still open. */
const samples = 50;
/** Bytes that sealing adds: what is shorter was cut. */
const sealBytes = 29;
/**
 * Between two looks, ms: longer than what makes a row and its file or key disagree for a moment while a server works.
 */
const lookAgainAfter = 1000;

/**
 * Compares rows, files and keys with each other in both directions, asks the database about itself, opens samples, and
 * looks whether receipts, logs and everything that has an end are as they were promised.
 * Changes nothing. Beside a working server each finding was seen twice, so that what is just changing is not reported.
 */
export async function examine(app: Examined): Promise<Finding[]> {
  const first = await look(app);
  if (first.length === 0) return [];
  await setTimeout(lookAgainAfter);
  const second = new Set((await look(app)).map((finding) => `${finding.kind} ${finding.what}`));
  return first.filter((finding) => second.has(`${finding.kind} ${finding.what}`));
}

async function look(app: Examined): Promise<Finding[]> {
  const findings: Finding[] = [];
  const report = reportTo(findings);
  for (const fault of await app.db.faults()) report('database-damaged', fault);
  const scopes = await examineKeys(app, report);
  await examineBlobs(app, scopes, report);
  await examineRows(app, scopes, report);
  await examineErasure(app, report);
  await examineHoldings(app, report);
  for (const { table, missing, extra } of await listFaults(app.db.query))
    report('mislisted', `${table}: ${missing} rows are missing, ${extra} are too many`);
  await examinePromises(app, report);
  return findings;
}

/** The accounts and projects there are. */
interface Scopes {
  /** Those to compare, by their id. */
  readonly living: ReadonlyMap<string, KeyScope>;
  /** Those to pass over, each reported already: they wait for their purge, or lack their key. */
  readonly passed: ReadonlySet<string>;
}

async function examineKeys({ db, keys }: Examined, report: Report): Promise<Scopes> {
  const held = keys.list();
  const living = new Map<string, KeyScope>();
  const passed = new Set<string>();
  const place = (id: string, scope: KeyScope, erased: boolean): void => {
    const sound = !erased && !passed.has(scope.accountId) && keys.has(scope);
    if (sound) living.set(id, scope);
    else {
      if (!passed.has(scope.accountId)) report(erased ? 'erasure-pending' : 'key-missing', describeScope(scope));
      passed.add(id);
    }
  };
  const trashed = await trashedScopes(db.query);
  const goes = (id: string, deleted: number | null): boolean => deleted !== null && !trashed.has(id);
  for (const { id, deleted } of await db.query.selectFrom('accounts').select(['id', 'deleted']).execute())
    place(id, { accountId: id }, goes(id, deleted));
  for (const row of await db.query.selectFrom('projects').select(['id', 'account_id', 'deleted']).execute())
    place(row.id, { accountId: row.account_id, projectId: row.id }, goes(row.id, row.deleted));
  for (const scope of held) {
    const id = scope.projectId ?? scope.accountId;
    if (!living.has(id) && !passed.has(id)) report('key-unused', describeScope(scope));
  }
  return { living, passed };
}

async function examineBlobs({ db, blobs, keys }: Examined, { living, passed }: Scopes, report: Report): Promise<void> {
  const sizes = new Map<BlobKey, number>();
  for await (const { key, bytes } of blobs.list('')) sizes.set(key, bytes);
  const loose = await db.query.selectFrom('loose_blobs').select('key').execute();
  const orphans = new Set(sizes.keys());
  for (const { key } of loose) orphans.delete(key as BlobKey);
  for (const kind of blobKinds) {
    let opened = 0;
    for (const { id, projectId } of await rowsWithBlob(db.query, kind)) {
      const scope = living.get(projectId);
      if (scope === undefined) continue;
      const key = blobKey(scope.accountId, projectId, kind, id);
      orphans.delete(key);
      const size = sizes.get(key);
      if (size === undefined) report('blob-missing', key);
      else if (size < sealBytes) report('blob-damaged', key);
      else if (opened++ < samples) {
        const bytes = await blobs.get(key);
        if (bytes !== undefined && !opens(() => keys.open(blobParts(key), bytes))) report('blob-damaged', key);
      }
    }
  }
  for (const key of orphans) {
    const { accountId, projectId } = blobParts(key);
    if (!passed.has(accountId) && !passed.has(projectId)) report('blob-orphaned', key);
  }
}

async function examineRows({ db, keys }: Examined, { living }: Scopes, report: Report): Promise<void> {
  for (const { scopeId, kind, id, bytes } of await sealedSamples(db.query, samples)) {
    const scope = living.get(scopeId);
    if (scope !== undefined && !opens(() => keys.open({ ...scope, kind, id }, bytes)))
      report('row-damaged', `${kind} of ${id}`);
  }
}

async function examineErasure({ db }: Examined, report: Report): Promise<void> {
  const failed = await db.query
    .selectFrom('jobs')
    .select(['account_id', 'project_id'])
    .where('name', '=', 'purge')
    .where('state', '=', 'failed')
    .execute();
  for (const { account_id: accountId, project_id: projectId } of failed)
    report('erasure-failed', describeScope(projectId === null ? { accountId } : { accountId, projectId }));
}

/** Beside a working server the two are read at different moments: then they differ otherwise at the second look. */
async function examineHoldings({ db }: Examined, report: Report): Promise<void> {
  const kept = await db.query.selectFrom('holdings').selectAll().execute();
  const amounts = (row: HoldingRow): string => `${row.count}, ${row.bytes} bytes, ${row.deleted} deleted`;
  const known = new Map(kept.map((row) => [`${row.kind} of ${row.scope_id}`, amounts(row)]));
  for (const row of await countHoldings(db.query)) {
    const what = `${row.kind} of ${row.scope_id}`;
    const said = known.get(what) ?? 'nothing';
    if (said !== amounts(row)) report('miscounted', `${what}: counted as ${said}, but there are ${amounts(row)}`);
  }
}

function opens(open: () => unknown): boolean {
  try {
    open();
    return true;
  } catch {
    return false;
  }
}
