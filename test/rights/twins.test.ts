/** Two accounts that hold the same under the same names: erasing one leaves of the other every byte as it was. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { sql } from 'kysely';
import { tableCustody } from '../../src/store/custody.ts';
import { openSqlite } from '../../src/store/database-sqlite.ts';
import { ofScope } from '../../src/store/erase.ts';
import { openKeys } from '../../src/store/keys-files.ts';
import type { Tables } from '../../src/store/schema.ts';
import { squares } from '../../src/vision/detect/fixture-squares.ts';
import { runOwnsight, startServer, type TestServer } from '../fixtures/server.ts';
import { crawlOriginals, type TrainedAccount, trainAccount } from '../fixtures/trained-account.ts';
import { until } from '../fixtures/until.ts';

/** Tables of which a twin has no rows: nothing was put back, no upload is under way. */
const empty: readonly (keyof Tables)[] = ['loose_blobs', 'restores'];

interface Twin {
  readonly id: string;
  readonly trained: TrainedAccount;
  ask(method: string, path: string, body?: object): Promise<Response>;
}

let server: TestServer;
let twins: readonly [Twin, Twin];

async function twin(id: string, trainingKey: string, predictionKey: string): Promise<Twin> {
  const trained = await trainAccount({ ...server, trainingKey, predictionKey });
  const ask: Twin['ask'] = async (method, path, body) => {
    const answer = await fetch(`${server.endpoint}/ownsight/v1${path}`, {
      method,
      headers: { 'Training-Key': trainingKey, 'Content-Type': 'application/json' },
      ...(body && { body: JSON.stringify(body) }),
    });
    assert.ok(answer.ok, `${method} ${path}: ${answer.status}`);
    return answer;
  };
  const [image] = await trained.clients.training.getImages(trained.projectId, { take: 1 });
  await ask('DELETE', `/projects/${trained.projectId}/images?imageIds=${image!.id}&allIterations=true`);
  const { training } = trained.clients;
  const { images } = await training.createImagesFromFiles(trained.projectId, {
    images: [{ contents: Buffer.from(squares(1).bytes) }],
  });
  await training.suggestTagsAndRegions(trained.projectId, trained.iterationId, [images![0]!.image!.id!]);
  await ask('PATCH', `/projects/${trained.projectId}/retention`, { predictionsDays: 9 });
  await ask('PATCH', '/account/trash', { days: 9 });
  await ask('POST', '/account/keys', { name: 'The camera at the door', role: 'deployment' });
  // Only where a tier bounds them are predictions counted.
  await ask('PATCH', '/account/quotas', { tier: 'F0' });
  await trained.clients.prediction.classifyImageWithNoStore(trained.projectId, 'live', trained.unseen);
  await ask('PATCH', '/account/quotas', { tier: 'Unlimited' });
  const { link } = (await (await ask('POST', '/takeouts', { format: 'tar' })).json()) as { link: string };
  const part = await fetch(link, { headers: { Range: 'bytes=0-99999' } });
  assert.equal((await part.arrayBuffer()).byteLength, 100_000);
  return { id, trained, ask };
}

before(async () => {
  server = await startServer();
  const { code, output } = await runOwnsight(server.home, ['account', 'create', 'owner', '--json']);
  assert.equal(code, 0, output);
  const { account, keys } = JSON.parse(output) as {
    account: string;
    keys: Record<'training' | 'prediction', { primary: string }>;
  };
  twins = [
    await twin(server.account, server.trainingKey, server.predictionKey),
    await twin(account, keys.training.primary, keys.prediction.primary),
  ];
});
after(() => server?.stop());

const hash = (bytes: string | Buffer): string => createHash('sha256').update(bytes).digest('hex');

/** The files below a folder, by path. */
function filesBelow(folder: string): Record<string, string> {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const paths = files.map((entry) => join(entry.parentPath, entry.name)).sort();
  return Object.fromEntries(paths.map((path) => [path, hash(readFileSync(path))]));
}

/** Every row of an account and of its projects, by table and hash, deleted or not. */
async function rowsOf(accountId: string): Promise<Partial<Record<keyof Tables, string[]>>> {
  const db = await openSqlite(join(server.home, 'ownsight.db'));
  try {
    const found: Partial<Record<keyof Tables, string[]>> = {};
    for (const table of Object.keys(tableCustody) as (keyof Tables)[]) {
      const where = ofScope(table, { accountId });
      if (where === undefined) continue;
      const { rows } = await sql<object>`select * from ${sql.table(table)} where ${where}`.execute(db.query);
      found[table] = rows.map((row) => hash(JSON.stringify(row))).sort();
    }
    return found;
  } finally {
    await db.close();
  }
}

/** The keys of an account by what they make of a word: the files that wrap them change with the master key. */
function keysOf(twin: Twin): string[] {
  const folder = `${server.home}-keys`;
  const keys = openKeys({ folder, masterKeyFile: join(folder, 'master.key'), needed: true });
  const { projectId, detectionId } = twin.trained;
  return [undefined, projectId, detectionId].map((id) =>
    keys.lookup({ accountId: twin.id, ...(id && { projectId: id }) }, 'project-name', 'word'),
  );
}

async function everythingOf(twin: Twin) {
  return {
    files: filesBelow(join(server.home, 'blobs', twin.id)),
    rows: await rowsOf(twin.id),
    keys: keysOf(twin),
    keyFiles: Object.keys(filesBelow(join(`${server.home}-keys`, twin.id))),
  };
}

/** No job of the account has anything to do now. */
const quiet = (twin: Twin) =>
  until(
    async () => {
      const db = await openSqlite(join(server.home, 'ownsight.db'));
      const waiting = await db.query
        .selectFrom('jobs')
        .select('name')
        .where('account_id', '=', twin.id)
        .where((when) => when.or([when('state', '=', 'running'), when('run_at', '<=', Date.now() * 1000)]))
        .execute();
      await db.close();
      return waiting;
    },
    (jobs) => jobs.length === 0,
  );

test('an account is erased; of its twin with the same pictures and names no byte has changed', async () => {
  const [gone, stays] = twins;
  await quiet(gone);
  await quiet(stays);
  const original = async (twin: Twin) =>
    [...(await crawlOriginals(twin.trained.clients, twin.trained.projectId)).values()].map(hash).sort();
  const pictures = await original(stays);
  assert.deepEqual(await original(gone), pictures, 'they hold the same pictures');
  const before = await everythingOf(stays);
  const without = Object.entries(before.rows).filter(([, rows]) => rows.length === 0);
  assert.deepEqual(without.map(([table]) => table).sort(), empty);
  assert.ok(Object.keys(before.files).length > 2 * pictures.length);

  const answer = await gone.ask('POST', '/account/deletion', { name: 'owner', undoDays: 0 });
  const { receiptUrl } = (await answer.json()) as { receiptUrl: string };
  await until(
    async () => ((await (await fetch(receiptUrl)).json()) as { state: string }).state,
    (state) => state === 'Finished',
  );
  await quiet(gone);
  const left = Object.entries(await rowsOf(gone.id)).filter(([, rows]) => rows.length > 0);
  // The receipt and work that is planned are the server's.
  const owned = left.filter(([table]) => tableCustody[table as keyof Tables].owner !== 'server');
  assert.deepEqual(owned, []);
  assert.deepEqual(await everythingOf(stays), before);
  assert.deepEqual(await original(stays), pictures);
});
