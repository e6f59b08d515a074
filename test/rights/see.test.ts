import assert from 'node:assert/strict';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { operations } from '../../src/contract/version.ts';
import type { Deletion as Foretold } from '../../src/services/deletions.ts';
import type { HeldKind, Inventory, ProjectInventory } from '../../src/services/inventory.ts';
import { type BlobKey, blobKinds, blobParts } from '../../src/store/blobs.ts';
import { diskBlobs } from '../../src/store/blobs-disk.ts';
import { blobCustody, tableCustody } from '../../src/store/custody.ts';
import { openSqlite } from '../../src/store/database-sqlite.ts';
import { countRows } from '../../src/store/erase.ts';
import { sealedSamples } from '../../src/store/examine.ts';
import { openKeys } from '../../src/store/keys-files.ts';
import { servePictures } from '../fixtures/picture-server.ts';
import { runOwnsight, startServer, type TestServer } from '../fixtures/server.ts';
import { until } from '../fixtures/until.ts';
import { client, plantVictim, type Victim } from '../forensic/victim.ts';

let server: TestServer;
let victim: Victim;
const pictures = new Map<string, Uint8Array>();
let web: Awaited<ReturnType<typeof servePictures>>;

before(async () => {
  web = await servePictures(pictures);
  server = await startServer({ env: { OWNSIGHT_ALLOW_NETWORKS: '127.0.0.0/8' } });
  victim = await plantVictim(server, (bytes, path) => {
    pictures.set(path, bytes);
    return web.url('') + path;
  });
  // Until all pictures are described and nothing is being written or removed any more.
  await until(
    data,
    ({ kinds }) => count(kinds, 'image_features') === count(kinds, 'images') && count(kinds, 'loose_blobs') === 0,
  );
});
after(async () => {
  await server?.stop();
  await web?.close();
});

/** As it travels: dates as text. */
type Deletion = Omit<Foretold, 'exports'> & {
  readonly exports: (Omit<Foretold['exports'][number], 'lastDownloaded'> & {
    readonly lastDownloaded: string | null;
  })[];
};

const data = (query = '') => client(server).json<Inventory & { language: string }>('GET', `/ownsight/v1/data${query}`);
const projectData = () =>
  client(server).json<ProjectInventory>('GET', `/ownsight/v1/projects/${victim.projectId}/data`);
const held = (kinds: readonly HeldKind[], kind: string): HeldKind => kinds.find((one) => one.kind === kind)!;
const count = (kinds: readonly HeldKind[], kind: string): number => held(kinds, kind).count;

test('everything that was written is named: each canary lies in a kind that the inventory counts', async (t) => {
  const keys = openKeys({ folder: `${server.home}-keys`, masterKeyFile: join(`${server.home}-keys`, 'master.key') });
  const db = await openSqlite(join(server.home, 'ownsight.db'));
  t.after(() => db.close());
  const blobs = await diskBlobs(join(server.home, 'blobs'));
  const accountId = server.account;
  const opened: { kind: string; bytes: Buffer }[] = [];
  for (const { scopeId, kind, id, bytes } of await sealedSamples(db.query, 10_000)) {
    const scope = scopeId === accountId ? { accountId } : { accountId, projectId: scopeId };
    opened.push({ kind: kind.split('.')[0]!, bytes: keys.open({ ...scope, kind, id }, bytes) });
  }
  for await (const { key } of blobs.list('')) {
    const parts = blobParts(key as BlobKey);
    opened.push({ kind: parts.kind, bytes: keys.open(parts, (await blobs.get(key))!) });
  }
  const { kinds } = await data();
  const own = await projectData();
  for (const canary of victim.kept) {
    const where = new Set(opened.filter(({ bytes }) => bytes.includes(canary.bytes)).map(({ kind }) => kind));
    assert.ok(where.size > 0, `${canary.kind} is kept nowhere: the test proves nothing`);
    for (const kind of where) {
      assert.ok(count(kinds, kind) > 0, `${canary.kind} lies in ${kind}, of which the inventory knows nothing`);
      if (held(kinds, kind).key === 'project') assert.ok(count(own.kinds, kind) > 0, `${kind} of the project`);
    }
  }
});

test('counts are those of the rows, bytes of files those on the disk', async (t) => {
  const db = await openSqlite(join(server.home, 'ownsight.db'));
  t.after(() => db.close());
  const { kinds, total, beingRemoved } = await data();
  const rows = await countRows(db.query, { accountId: server.account });
  // What the server keeps for itself changes all the time.
  for (const [table, { owner }] of Object.entries(tableCustody))
    if (owner !== 'server') assert.equal(count(kinds, table), rows[table as keyof typeof rows], table);
  const folder = join(server.home, 'blobs', server.account, victim.projectId);
  for (const kind of blobKinds) {
    const files = readdirSync(join(folder, kind), { recursive: true, withFileTypes: true }).filter((one) =>
      one.isFile(),
    );
    const sizes = files.map((file) => statSync(join(file.parentPath, file.name)).size);
    assert.ok(files.length > 0, kind);
    assert.equal(count(kinds, kind), files.length, kind);
    assert.equal(
      held(kinds, kind).bytes,
      sizes.reduce((all, size) => all + size, 0),
      `${kind}: bytes`,
    );
  }
  assert.equal(
    total.bytes,
    kinds.reduce((all, one) => all + one.bytes, 0),
  );
  assert.equal(
    total.count,
    kinds.reduce((all, one) => all + one.count, 0),
  );
  assert.deepEqual(beingRemoved, { count: 0, bytes: 0 });
});

test('each kind says in words what it is, why it is kept, how long, where, and what shows and deletes it', async () => {
  const answers = await Promise.all(['en', 'pt-BR', 'it'].map((language) => data(`?language=${language}`)));
  const [english, ...others] = answers as Inventory[] as [Inventory, ...Inventory[]];
  assert.deepEqual(
    english.kinds.map(({ kind }) => kind),
    [...Object.keys(tableCustody), ...Object.keys(blobCustody)],
  );
  for (const { kinds } of answers)
    for (const { what, why, kept, location, kind } of kinds)
      for (const words of [what, why, kept, location]) assert.match(words, /\S \S|\/\S/, kind);
  for (const { kinds } of others)
    for (const [at, kind] of kinds.entries()) {
      const { what, why, kept, ...same } = english.kinds[at]!;
      for (const [own, theirs] of [
        [what, kind.what],
        [why, kind.why],
        [kept, kind.kept],
      ])
        assert.notEqual(own, theirs, kind.kind);
      if (tableCustody[same.kind as 'tags']?.owner !== ('server' as string))
        assert.deepEqual({ ...kind, what, why, kept }, { ...same, what, why, kept });
    }
  for (const { kind, shownBy, exportedBy, deletedBy } of english.kinds)
    for (const operation of [...shownBy, ...exportedBy, ...deletedBy])
      assert.ok(operation in operations, `${kind}: ${operation}`);
  assert.deepEqual(held(english.kinds, 'image-original').exportedBy, [
    'BeginTakeout',
    'GetTakeout',
    'GetProjectTakeout',
  ]);
  assert.deepEqual(held(english.kinds, 'image-thumbnail').exportedBy, []);
  assert.equal(held(english.kinds, 'tags').key, 'project');
  assert.equal(held(english.kinds, 'accounts').key, 'account');
  assert.equal(held(english.kinds, 'image_tags').key, null);
});

test('the language is the one asked for, else the one the client likes, else English', async () => {
  const ask = async (path: string, liked?: string): Promise<string> => {
    const headers = { 'Training-Key': server.trainingKey, ...(liked && { 'Accept-Language': liked }) };
    const answer = await fetch(`${server.endpoint}/ownsight/v1/${path}`, { headers });
    return ((await answer.json()) as { language?: string; code?: string }).language ?? String(answer.status);
  };
  const cases: readonly (readonly [string, string | undefined, string])[] = [
    ['data', undefined, 'en'],
    ['data', 'de, it;q=0.7, pt;q=0.9', 'pt-BR'],
    ['data', 'it-CH', 'it'],
    ['data', 'it;q=0, de', 'en'],
    ['data', '*', 'en'],
    ['data?language=PT-br', 'it', 'pt-BR'],
    [`projects/${victim.projectId}/data`, 'it', 'it'],
    ['data?language=xx', undefined, '400'],
  ];
  for (const [path, liked, wanted] of cases) assert.equal(await ask(path, liked), wanted, `${path} ${liked}`);
});

test('a project has what the account has of it, and no more', async () => {
  const { projects } = await data();
  const own = await projectData();
  assert.deepEqual(projects, [{ id: own.id, name: own.name, ...sumOfOwned(own.kinds) }]);
  assert.equal(own.id, victim.projectId);
  assert.ok(own.kinds.every(({ kind }) => kind !== 'accounts' && kind !== 'api_keys'));
  assert.equal(held(own.kinds, 'image-original').location, `blobs/${server.account}/${own.id}/image-original/`);
});

/** Without what the server keeps for itself, which has no part in a project's sum. */
function sumOfOwned(kinds: readonly HeldKind[]): { count: number; bytes: number } {
  const owned = kinds.filter(({ kind }) => tableCustody[kind as 'tags']?.owner !== ('server' as string));
  return {
    count: owned.reduce((all, one) => all + one.count, 0),
    bytes: owned.reduce((all, one) => all + one.bytes, 0),
  };
}

test('a stranger, and whoever has no key, sees nothing of it', async () => {
  const { output } = await runOwnsight(server.home, ['account', 'create', 'stranger', '--json']);
  const { keys } = JSON.parse(output) as { keys: { training: { primary: string }; prediction: { primary: string } } };
  const as = (key: string) => client({ ...server, trainingKey: key });
  const empty = await as(keys.training.primary).json<Inventory>('GET', '/ownsight/v1/data');
  assert.deepEqual(empty.projects, []);
  assert.deepEqual(
    empty.kinds
      .filter((one) => one.count > 0 && !['jobs', 'holdings', 'audit', 'audit_heads'].includes(one.kind))
      .map(({ kind, count: n }) => [kind, n]),
    [
      ['accounts', 1],
      ['api_keys', 4],
    ],
  );
  const path = `/ownsight/v1/projects/${victim.projectId}/data`;
  assert.equal((await as(keys.training.primary).ask('GET', path)).status, 404);
  for (const key of ['', 'wrong', server.predictionKey])
    assert.equal((await as(key).ask('GET', '/ownsight/v1/data')).status, 401);
});

test('ownsight data tells the same on the command line', async () => {
  const account = ['--account', server.account];
  const own = await runOwnsight(server.home, ['data', ...account, '--project', victim.projectId, '--json']);
  assert.equal(own.code, 0, own.output);
  const parsed = JSON.parse(own.output) as ProjectInventory;
  assert.deepEqual(held(parsed.kinds, 'images'), held((await projectData()).kinds, 'images'));
  const words = await runOwnsight(server.home, ['data', ...account, '--language', 'it']);
  assert.equal(words.code, 0, words.output);
  assert.match(words.output, /image-original: 11, .*\n.*una foto come l’hai data/);
  assert.match(words.output, new RegExp(`${victim.projectId} .*things`));
  assert.equal((await runOwnsight(server.home, ['data', '--account', 'nobody'])).code, 1);
});

test('an export tells that it was downloaded, and once deleted it is gone with its links and its file', async () => {
  const { ask, json } = client(server);
  const own = `/projects/${victim.projectId}`;
  const training = `/customvision/v3.3/training${own}`;
  const [iteration] = await json<{ id: string }[]>('GET', `${training}/iterations`);
  const exports = `${training}/iterations/${iteration!.id}/export`;
  const [made] = await json<{ downloadUri: string }[]>('GET', exports);
  const before = await json<Deletion>('GET', `/ownsight/v1${own}/iterations/${iteration!.id}/deletion`);
  assert.deepEqual(
    before.exports.map(({ downloads, lastDownloaded }) => [downloads, lastDownloaded]),
    [[0, null]],
  );
  assert.equal(before.publishNames.length, 1);
  assert.equal((await fetch(made!.downloadUri, { method: 'HEAD' })).status, 200, 'looking is no download');
  assert.equal((await fetch(made!.downloadUri)).status, 200);
  const one = `/ownsight/v1${own}/iterations/${iteration!.id}/exports/${before.exports[0]!.exportId}`;
  const foretold = await json<Deletion>('GET', `${one}/deletion?language=it`);
  assert.equal(foretold.exports[0]!.downloads, 1);
  assert.match(foretold.exports[0]!.lastDownloaded!, /^\d{4}-\d\d-\d\dT/);
  assert.deepEqual(
    foretold.kinds.map(({ kind, count: n, what }) => [kind, n, what]),
    [
      ['exports', 1, 'che un modello è stato esportato: per quale piattaforma, quando, quanto grande'],
      ['export', 1, 'un modello esportato'],
    ],
  );
  assert.equal((await ask('DELETE', `${one}?now=true`)).status, 200);
  assert.equal((await fetch(made!.downloadUri)).status, 404);
  assert.deepEqual(await json('GET', exports), []);
  for (const [method, path] of [
    ['DELETE', one],
    ['GET', `${one}/deletion`],
  ] as const)
    assert.equal((await ask(method, path)).status, 404);
  const folder = join(server.home, 'blobs', server.account, victim.projectId, 'export');
  await until(
    async () => readdirSync(folder, { recursive: true, withFileTypes: true }).filter((file) => file.isFile()).length,
    (left) => left === 0,
  );
});

test('deleting images tells which iterations still hold them', async () => {
  const { ask, json } = client(server);
  const own = `/ownsight/v1/projects/${victim.projectId}`;
  const training = `/customvision/v3.3/training/projects/${victim.projectId}`;
  const images = await json<{ id: string }[]>('GET', `${training}/images`);
  const [{ name } = { name: '' }] = await json<{ name: string }[]>('GET', `${training}/iterations`);
  const ids = images.slice(0, 2).map(({ id }) => id);
  const foretold = await json<Deletion>('GET', `${own}/images/deletion?imageIds=${ids}`);
  const { trash, receiptId, ...told } = await json<
    Deletion & { message: string; trash: { id: string } | null; receiptId: string }
  >('DELETE', `${own}/images?now=true&imageIds=${ids}`);
  assert.deepEqual(told, foretold);
  assert.equal(trash, null);
  assert.match(receiptId, /^[0-9a-f-]{36}$/);
  assert.equal(told.message, `Still held by: ${name}.`);
  assert.deepEqual(
    told.learnedFrom.map((one) => [one.images, one.keeps]),
    [[2, true]],
  );
  assert.ok(!told.kinds.some(({ kind }) => kind === 'images'), 'the iteration keeps them');
  assert.equal(held((await projectData()).kinds, 'image-original').deleted, 2);
  const everywhere = await json<Deletion & { message: string }>(
    'DELETE',
    `${own}/images?now=true&imageIds=${ids}&allIterations=true`,
  );
  assert.deepEqual([everywhere.message, everywhere.learnedFrom[0]!.keeps], ['', false]);
  assert.equal(everywhere.kinds.find(({ kind }) => kind === 'image-original')?.count, 2);
  await until(projectData, ({ kinds }) => count(kinds, 'images') === images.length - 2);
  assert.equal((await ask('DELETE', `${own}/images?imageIds=${ids}`)).status, 404);
  assert.equal((await ask('DELETE', `${own}/images`)).status, 400);
});

test('what deleting the project and the account would remove is everything they have', async () => {
  const { json } = client(server);
  const amounts = (kinds: readonly { kind: string; count: number; bytes: number }[]): string[] =>
    kinds
      // The log goes on meanwhile: an erasure that ends is told in it.
      .filter(
        (one) =>
          one.count > 0 && one.kind !== 'audit' && tableCustody[one.kind as 'tags']?.owner !== ('server' as string),
      )
      .map((one) => `${one.kind} ${one.count} ${one.bytes}`)
      .sort();
  const project = await json<Deletion>('GET', `/ownsight/v1/projects/${victim.projectId}/deletion`);
  assert.deepEqual(amounts(project.kinds), amounts((await projectData()).kinds));
  assert.equal(project.publishNames.length, 1);
  const account = await json<Deletion>('GET', '/ownsight/v1/account/deletion');
  assert.deepEqual(amounts(account.kinds), amounts((await data()).kinds));
});
