/** What is done to an account while the process that does it is killed, and what is there then. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import type { OpenApp } from '../../src/app.ts';
import { purge } from '../../src/jobs/purge.ts';
import { retention } from '../../src/jobs/retention.ts';
import { examine } from '../../src/services/doctor.ts';
import { deleteAccount } from '../../src/services/erasure.ts';
import { deleteImages } from '../../src/services/images.ts';
import { deleteIteration, unpublishIteration } from '../../src/services/iterations.ts';
import { deleteProject } from '../../src/services/projects.ts';
import { setRetention } from '../../src/services/retention.ts';
import { blobParts } from '../../src/store/blobs.ts';
import { tableCustody } from '../../src/store/custody.ts';
import { erasureOrder, ofScope } from '../../src/store/erase.ts';
import type { Tables } from '../../src/store/schema.ts';
import { jobRun } from '../fixtures/run.ts';

/** The erasures that are interrupted: each resolves when the deletion is acknowledged, with its purge still to come. */
export const erasures = {
  async images(app: OpenApp, accountId: string) {
    const scope = await trainedProject(app, accountId);
    await deleteImages(app, scope, { allImages: true, allIterations: true });
  },
  async iteration(app: OpenApp, accountId: string) {
    const { iterationId, ...scope } = await trainedProject(app, accountId);
    await unpublishIteration(app, scope, iterationId);
    await deleteIteration(app, scope, iterationId);
  },
  async project(app: OpenApp, accountId: string) {
    const { projectId } = await trainedProject(app, accountId);
    await deleteProject(app, { accountId, projectId });
  },
  async account(app: OpenApp, accountId: string) {
    await deleteAccount(app, accountId);
  },
  async retention(app: OpenApp, accountId: string) {
    const scope = await trainedProject(app, accountId);
    await setRetention(app, scope, { predictionsDays: 0 });
  },
};
/** One of {@link erasures}. */
export type ErasureName = keyof typeof erasures;

async function trainedProject({ db }: OpenApp, accountId: string) {
  const row = await db.query
    .selectFrom('iterations')
    .innerJoin('projects', 'projects.id', 'iterations.project_id')
    .select(['projects.id as projectId', 'iterations.id as iterationId'])
    .where('account_id', '=', accountId)
    .executeTakeFirstOrThrow();
  return { accountId, ...row };
}

/** Does the removals that are due, as the server's worker would. */
export async function work(app: OpenApp): Promise<void> {
  const handlers = { purge, retention } as const;
  for (;;) {
    const job = await app.queue.claim('worker', ['purge', 'retention']);
    if (job === undefined) return;
    await handlers[job.name as keyof typeof handlers](app, job.payload as Required<typeof job.payload>, jobRun());
    await app.queue.finish(job.id, 'worker', { state: 'done' });
  }
}

/** What there is of an account. */
export interface Holdings {
  /** Its rows: table, key and project; the log and the list of restores, which grow with every attempt, left out. */
  readonly rows: ReadonlySet<string>;
  /** Its files and what they hold, opened: name and SHA-256. */
  readonly files: ReadonlySet<string>;
  readonly keys: ReadonlySet<string>;
  /** Whatever the rows and files are, byte for byte, the log included. */
  readonly bytes: string;
}

const sha256 = (bytes: Uint8Array | string): string => createHash('sha256').update(bytes).digest('hex');

/** Everything of an account, in its rows, files and keys. */
export async function holdings({ db, blobs, keys }: OpenApp, accountId: string): Promise<Holdings> {
  const [rows, files] = [new Set<string>(), new Set<string>()];
  const all: string[] = [];
  for (const table of erasureOrder) {
    const found = await db.query
      .selectFrom(table as 'tags')
      .selectAll()
      .where(ofScope(table, { accountId })!)
      .execute();
    for (const row of found as unknown as Record<string, unknown>[]) {
      // A restored account has new keys to the door.
      const key = table === 'api_keys' ? ['purpose', 'slot'] : tableCustody[table].key;
      const projectId = table === 'projects' ? row.id : row.project_id;
      const of = projectId === undefined ? '' : ` of ${projectId}`;
      if (table !== 'audit' && table !== 'restores')
        rows.add(`${table} ${key.map((column) => row[column]).join('/')}${of}`);
      all.push(`${table} ${JSON.stringify(row)}`);
    }
  }
  const living = new Set([...rows].map((row) => row.split(' ')[1]!.split('/')[0]!));
  for await (const { key } of blobs.list(`${accountId}/`)) {
    const bytes = (await blobs.get(key))!;
    const thing = blobParts(key);
    // Of what has no row any more the key may be gone.
    const content = living.has(thing.id) && keys.has(thing) ? sha256(keys.open(thing, bytes)) : 'left behind';
    files.add(`${key} ${content}`);
    all.push(`${key} ${sha256(bytes)}`);
  }
  return {
    rows,
    files,
    keys: new Set(keys.list().flatMap((one) => (one.accountId === accountId ? [one.projectId ?? 'account'] : []))),
    bytes: sha256(all.sort().join('\n')),
  };
}

/** Whether two accounts hold the same rows, files and keys. */
export const sameHoldings = (a: Holdings, b: Holdings): boolean =>
  (['rows', 'files', 'keys'] as const).every((what) => a[what].symmetricDifference(b[what]).size === 0);

/** Fails, saying what is there and should not be, or the other way round. */
export function assertHoldings(found: Holdings, expected: Holdings, when: string): void {
  for (const what of ['rows', 'files', 'keys'] as const) {
    const [extra, missing] = [found[what].difference(expected[what]), expected[what].difference(found[what])];
    assert.deepEqual([[...extra], [...missing]], [[], []], `${when}: ${what} too many, ${what} missing`);
  }
}

/** Nothing waits to be removed, every erasure has its receipt, and the doctor finds nothing serious. */
export async function assertSettled(app: OpenApp, when: string): Promise<void> {
  const loose = await app.db.query.selectFrom('loose_blobs').select('key').execute();
  assert.deepEqual(loose, [], `${when}: files that wait to be removed`);
  const open = await app.db.query.selectFrom('erasures').select('kind').where('finished', 'is', null).execute();
  assert.deepEqual(open, [], `${when}: erasures without a receipt`);
  for (const table of ['accounts', 'projects'] as const satisfies (keyof Tables)[]) {
    const half = await app.db.query.selectFrom(table).select('id').where('deleted', 'is not', null).execute();
    assert.deepEqual(half, [], `${when}: ${table} half removed`);
  }
  const findings = (await examine(app)).filter((finding) => finding.serious);
  assert.deepEqual(findings, [], `${when}: the doctor's findings`);
}
