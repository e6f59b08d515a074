/** An archive rebuilds an equal account, and one that is broken or hostile is refused before anything is written. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { createWriteStream, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { after, before, test } from 'node:test';
import { archiveFormats, archivePart, zipOf } from '../../src/base/archive-format.ts';
import { fileSource } from '../../src/base/source.ts';
import type { putBack as PutBack } from '../../src/services/restore/restore.ts';
import { addedColumns } from '../../src/store/migrate.ts';
import { newestClients } from '../fixtures/clients.ts';
import { runOwnsight, startServer, type TestServer } from '../fixtures/server.ts';
import { testStores } from '../fixtures/stores.ts';
import { crawlOriginals, type TrainedAccount, trainAccount } from '../fixtures/trained-account.ts';
import { unzip } from '../fixtures/unzip.ts';

let server: TestServer;
let account: TrainedAccount;
let folder: string;
let archive: string;
let entries: Map<string, Buffer>;

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'ownsight-restore-'));
  archive = join(folder, 'all.zip');
  server = await startServer();
  account = await trainAccount(server);
  await ownsight(server.home, 'takeout', '--out', archive);
  entries = await unzip(readFileSync(archive));
});
after(async () => {
  await server?.stop();
  rmSync(folder, { recursive: true, force: true });
});

// Imported late: it forbids the whole process to draw SVG, which the sample pictures are.
const putBack: typeof PutBack = async (...args) =>
  (await import('../../src/services/restore/restore.ts')).putBack(...args);

const inFile = async (path: string) => ({ source: await fileSource(path) });

async function ownsight(home: string, ...args: string[]): Promise<string> {
  const { code, output } = await runOwnsight(home, args);
  assert.equal(code, 0, output);
  return output;
}

/** What the public API says of the classifier project, links and the like aside. */
async function toldBy({ training, prediction }: TrainedAccount['clients'], projectId: string, iterationId: string) {
  const [project, tags, images, iterations, performance, results, exports] = await Promise.all([
    training.getProject(projectId),
    training.getTags(projectId),
    training.getImages(projectId, { take: 50 }),
    training.getIterations(projectId),
    training.getIterationPerformance(projectId, iterationId, { threshold: 0.5 }),
    training.getImagePerformances(projectId, iterationId, { take: 50 }),
    training.getExports(projectId, iterationId),
  ]);
  const stored = await training.queryPredictions(projectId, {});
  const answer = await prediction.classifyImageWithNoStore(projectId, 'live', account.unseen);
  const model = Buffer.from(await (await fetch(exports[0]!.downloadUri!)).arrayBuffer());
  const text = JSON.stringify([
    { ...project, thumbnailUri: '', lastModified: '' },
    [tags, images, iterations, performance, results, stored.results],
    answer.predictions,
  ]);
  return { facts: JSON.parse(text.replaceAll(/"[^"]*[uU]ri":"[^"]*",?/g, '')), model: sha256(model) };
}

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** The hashes of the files of projects. Whether the features of a picture are computed already is left out of account. */
const projectsIn = (files: Map<string, Buffer>): Map<string, string> =>
  new Map(
    [...files].flatMap(([name, bytes]) => {
      const path = name.split('/').slice(2).join('/');
      if (!path.startsWith('projects/')) return [];
      const same = path.includes('/rows/images-') ? bytes.toString().replaceAll(/"features":[01]/g, '') : bytes;
      return [[path, /\.jsonl?$/.test(path) ? same.toString() : sha256(Buffer.from(same))]];
    }),
  );

test('on an empty server: same ids, same performance, same answers to the last bit; and a second time changes nothing', async (t) => {
  const home = join(folder, 'empty', 'data');
  assert.match(await ownsight(home, 'restore', archive), /made, with new keys/);
  assert.equal((await ownsight(home, 'restore', archive)).match(/there already/g)?.length, 2);
  const again = join(folder, 'again.zip');
  await ownsight(home, 'takeout', '--out', again);
  assert.deepEqual(projectsIn(await unzip(readFileSync(again))), projectsIn(entries));
  const other = await startServer({ home });
  t.after(() => other.stop());
  assert.equal(other.account, server.account);
  assert.notEqual(other.trainingKey, server.trainingKey);
  const clients = newestClients(other);
  const { projectId, iterationId, detectionId } = account;
  assert.deepEqual(
    await toldBy(clients, projectId, iterationId),
    await toldBy(account.clients, projectId, iterationId),
  );
  for (const id of [projectId, detectionId])
    assert.deepEqual(await crawlOriginals(clients, id), await crawlOriginals(account.clients, id));
  const regions = async (one: TrainedAccount['clients']) =>
    (await one.training.getImages(detectionId, {})).map((image) => image.regions);
  assert.deepEqual(await regions(clients), await regions(account.clients));
  assert.equal((await ownsight(home, 'doctor')).trim(), 'All rows, files and keys agree.');
});

test('into a second account: ids that are taken are new ones, the answers the same; and a second time changes nothing', async () => {
  const { account: id, keys } = JSON.parse(await ownsight(server.home, 'account', 'create', 'second', '--json'));
  const told = await ownsight(server.home, 'restore', archive, '--account', id);
  const mapped = /project ([0-9a-f-]{36}) \(([0-9a-f-]{36}) in the archive\): restored/g;
  const projects = new Map([...told.matchAll(mapped)].map((match) => [match[2]!, match[1]!]));
  assert.deepEqual([...projects.keys()].sort(), [account.projectId, account.detectionId].sort());
  const clients = newestClients({
    ...server,
    trainingKey: keys.training.primary,
    predictionKey: keys.prediction.primary,
  });
  const projectId = projects.get(account.projectId)!;
  const probabilities = async (one: TrainedAccount['clients'], project: string) =>
    (await one.prediction.classifyImageWithNoStore(project, 'live', account.unseen)).predictions!.map((each) => [
      each.tagName,
      each.probability,
    ]);
  assert.deepEqual(await probabilities(clients, projectId), await probabilities(account.clients, account.projectId));
  const [iteration] = await clients.training.getIterations(projectId);
  const performance = async (one: TrainedAccount['clients'], project: string, iterationId: string) => {
    const { perTagPerformance, ...overall } = await one.training.getIterationPerformance(project, iterationId);
    return [
      overall,
      perTagPerformance!.map(({ id: _id, ...rest }) => rest).sort((a, b) => (a.name! < b.name! ? -1 : 1)),
    ];
  };
  assert.deepEqual(
    await performance(clients, projectId, iteration!.id!),
    await performance(account.clients, account.projectId, account.iterationId),
  );
  const [stored] = (await clients.training.queryPredictions(projectId, {})).results!;
  assert.equal(stored!.predictions!.length, 3, 'the tags of stored predictions are those of the copy');
  assert.equal((await ownsight(server.home, 'restore', archive, '--account', id)).match(/there already/g)?.length, 2);
  assert.equal((await clients.training.getProjects()).length, 2);
});

test('what an archive lacks is left out, and said', async (t) => {
  const file = [...entries.keys()].find((name) => name.includes(`${account.projectId}/images/`))!;
  const missing = JSON.stringify([{ file: file.split('/').slice(2).join('/'), what: 'a picture', reason: 'lost' }]);
  const changed = new Map(entries).set(`${file.split('/')[0]}/data/MISSING.json`, Buffer.from(missing));
  changed.delete(file);
  const stores = await testStores(t);
  const { missing: said, projects } = await putBack(stores, await inFile(await tarOf('lacks.tar', resealed(changed))));
  assert.equal(said.length, 1);
  assert.equal(projects.find((one) => one.from === account.projectId)!.leftOut, 1);
  const { n } = await stores.db.query
    .selectFrom('images')
    .select((at) => at.fn.countAll<number>().as('n'))
    .where('project_id', '=', account.projectId)
    .executeTakeFirstOrThrow();
  assert.equal(Number(n), 17);
});

test('an archive of an older version is put back: what its rows lack is as it was before there was such a thing', async (t) => {
  const lacking = new Set<string>();
  const older = new Map(entries);
  for (const [name, bytes] of entries) {
    const table = /\/rows\/(\w+)-\d+\.jsonl$/.exec(name)?.[1];
    if (table === undefined) continue;
    const rows = bytes.toString().trim().split('\n');
    const before = rows.map((line) => {
      const columns = Object.entries(JSON.parse(line) as object);
      const there = columns.filter(([column]) => !addedColumns.has(`${table}.${column}`));
      for (const [column] of columns) if (!there.some(([one]) => one === column)) lacking.add(`${table}.${column}`);
      return JSON.stringify(Object.fromEntries(there));
    });
    older.set(name, Buffer.from(`${before.join('\n')}\n`));
  }
  assert.ok(['projects.status', 'iterations.is_default', 'iteration_images.regions'].every((one) => lacking.has(one)));
  const stores = await testStores(t);
  const { projects } = await putBack(stores, await inFile(await tarOf('older.tar', resealed(older))));
  assert.deepEqual(
    projects.map(({ outcome, leftOut }) => [outcome, leftOut]),
    projects.map(() => ['restored', 0]),
  );
  const rows = await stores.db.query.selectFrom('iterations').select(['status', 'is_default', 'backbone']).execute();
  assert.deepEqual(
    rows.map((row) => Object.values(row)),
    [['Completed', 0, null]],
  );
  assert.equal((await stores.db.query.selectFrom('projects').select('status').executeTakeFirst())!.status, 'Succeeded');
});

/** The entries with manifests that hold for them: what is wrong is wrong inside. */
function resealed(changed: Map<string, Buffer>): Map<string, Buffer> {
  const root = [...changed.keys()][0]!.split('/')[0]!;
  const files = new Map(changed);
  const payload = [...files].filter(([name]) => name.startsWith(`${root}/data/`));
  const lines = payload.map(([name, bytes]) => `${sha256(bytes)}  ${name.slice(root.length + 1)}\n`);
  files.set(`${root}/manifest-sha256.txt`, Buffer.from(lines.join('')));
  const octets = payload.reduce((sum, [, bytes]) => sum + bytes.length, 0);
  const info = files.get(`${root}/bag-info.txt`)!.toString();
  files.set(`${root}/bag-info.txt`, Buffer.from(info.replace(/Oxum: .*/, `Oxum: ${octets}.${payload.length}`)));
  const tags = ['bagit.txt', 'bag-info.txt', 'manifest-sha256.txt'];
  const list = tags.map((name) => `${sha256(files.get(`${root}/${name}`)!)}  ${name}\n`);
  return files.set(`${root}/tagmanifest-sha256.txt`, Buffer.from(list.join('')));
}

async function tarOf(name: string, files: Iterable<readonly [string, Buffer]>): Promise<string> {
  const { pack, write } = archiveFormats.tar;
  async function* all() {
    for (const [path, bytes] of files) yield await pack({ name: path, bytes, text: false });
  }
  await pipeline(
    Readable.from(archivePart(write(all(), 0), 0, Number.POSITIVE_INFINITY)),
    createWriteStream(join(folder, name)),
  );
  return join(folder, name);
}

/** Each way to break an archive, and what the refusal must name. */
const broken: Readonly<Record<string, () => Promise<readonly [path: string, named: RegExp]>>> = {
  async 'a byte changed'() {
    const [name, bytes] = [...entries].find(([path]) => path.includes('/images/'))!;
    const other = Buffer.from(bytes);
    other[100]! ^= 1;
    return [await tarOf('byte.tar', new Map(entries).set(name, other)), new RegExp(name)];
  },
  async 'an entry missing'() {
    const name = [...entries.keys()].find((path) => path.includes('/images/'))!;
    return [
      await tarOf(
        'missing.tar',
        [...entries].filter(([path]) => path !== name),
      ),
      new RegExp(name),
    ];
  },
  async 'a row whose picture is missing although the lists agree'() {
    const name = [...entries.keys()].find((path) => path.includes('/images/'))!;
    const rest = new Map([...entries].filter(([path]) => path !== name));
    return [await tarOf('unlisted.tar', resealed(rest)), new RegExp(name.split('/').slice(2).join('/'))];
  },
  async 'an extra entry'() {
    const name = `${rootOf()}/data/extra.txt`;
    return [await tarOf('extra.tar', new Map(entries).set(name, Buffer.from('x'))), /extra\.txt/];
  },
  async 'an entry beside the bag'() {
    return [await tarOf('beside.tar', new Map(entries).set('beside.txt', Buffer.from('x'))), /beside\.txt/];
  },
  async 'a path that climbs out (tar)'() {
    return [await tarOf('slip.tar', new Map(entries).set(`${rootOf()}/../../slip`, Buffer.from('x'))), /\.\.\/slip/];
  },
  async 'an absolute path'() {
    return [await tarOf('absolute.tar', new Map(entries).set('/tmp/absolute', Buffer.from('x'))), /\/tmp\/absolute/];
  },
  async 'a path that climbs out (zip)'() {
    const bytes = readFileSync(archive);
    const climbing = `../${'x'.repeat(rootOf().length - 3)}/data/README.it.md`;
    return [write('slip.zip', replaced(bytes, `${rootOf()}/data/README.it.md`, climbing)), /\.\.\/x/];
  },
  async 'a symbolic link (tar)'() {
    const bytes = readFileSync(await tarOf('link.tar', entries));
    return [write('link.tar', withTarType(bytes, '2')), /bagit\.txt/];
  },
  async 'a symbolic link (zip)'() {
    const bytes = readFileSync(archive);
    const central = bytes.readUInt32LE(bytes.length - 6);
    bytes.writeUInt32LE((0o120777 << 16) >>> 0, central + 38);
    bytes[central + 5] = 3;
    return [write('link.zip', bytes), /bagit\.txt/];
  },
  async 'the same name twice'() {
    return [await tarOf('twice.tar', [...entries, [`${rootOf()}/bagit.txt`, Buffer.from('x')]]), /bagit\.txt/];
  },
  async 'a bomb'() {
    const zeros = { name: `${rootOf()}/data/bomb.bin`, bytes: Buffer.alloc(200 * 1024 * 1024) };
    const bomb = await zipOf([zeros], 0);
    return [write('bomb.zip', bomb), /bomb\.bin/];
  },
  async 'an archive that was cut off'() {
    const bytes = readFileSync(await tarOf('cut.tar', entries));
    return [write('cut.tar', bytes.subarray(0, bytes.length >> 1)), /expected/];
  },
  async 'no archive'() {
    return [write('none.zip', Buffer.alloc(1000, 'x')), /a zip or a tar/];
  },
  async 'a row of another project'() {
    return inRows('tags', (text) => text.replaceAll(account.projectId, crypto.randomUUID()));
  },
  async 'a row that refers to nothing'() {
    return inRows('image_tags', (text) => text.replaceAll(/"tag_id":"[^"]*"/g, `"tag_id":"${crypto.randomUUID()}"`));
  },
  async 'an id that is a path'() {
    return inRows('tags', (text) => text.replace(/"id":"[^"]*"/, '"id":"../../../etc"'));
  },
  async 'a column of another kind'() {
    return inRows('images', (text) => text.replace(/"width":\d+/, '"width":"wide"'));
  },
  async 'a column that does not exist'() {
    return inRows('images', (text) => text.replace('{', '{"drop table":1,'));
  },
  async 'a state that does not exist'() {
    return inRows('iterations', (text) => text.replace('"Completed"', '"Perfect"'));
  },
  async 'a model that is none'() {
    const name = [...entries.keys()].find((path) => path.endsWith('model.own'))!;
    return [await tarOf('model.tar', resealed(new Map(entries).set(name, Buffer.from('none')))), /classifier/];
  },
};

const rootOf = (): string => [...entries.keys()][0]!.split('/')[0]!;
const write = (name: string, bytes: Uint8Array): string => {
  writeFileSync(join(folder, name), bytes);
  return join(folder, name);
};

async function inRows(table: string, change: (text: string) => string): Promise<readonly [string, RegExp]> {
  const name = `${rootOf()}/data/projects/${account.projectId}/rows/${table}-00001.jsonl`;
  const text = entries.get(name)!.toString();
  assert.notEqual(change(text), text);
  const changed = resealed(new Map(entries).set(name, Buffer.from(change(text))));
  return [await tarOf(`${table}.tar`, changed), new RegExp(`rows/${table}`)];
}

function replaced(bytes: Buffer, from: string, to: string): Buffer {
  assert.equal(from.length, to.length);
  for (let at = bytes.indexOf(from); at >= 0; at = bytes.indexOf(from)) bytes.write(to, at);
  return bytes;
}

/** The first header of a tar as one of another type, its sum made right. */
function withTarType(bytes: Buffer, type: string): Buffer {
  bytes.write(type, 156);
  bytes.fill(' ', 148, 156);
  const sum = bytes.subarray(0, 512).reduce((total, byte) => total + byte, 0);
  bytes.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return bytes;
}

test('a broken or hostile archive is refused before anything is written, and the refusal names the entry', async (t) => {
  const stores = await testStores(t);
  for (const [what, make] of Object.entries(broken)) {
    const [path, named] = await make();
    await assert.rejects(putBack(stores, await inFile(path)), (error: Error & { code?: string }) => {
      assert.equal(error.code, 'BadArchive', `${what}: ${error.stack}`);
      assert.match(error.message, named, what);
      return true;
    });
    assert.deepEqual(await stores.db.query.selectFrom('accounts').select('id').execute(), [], what);
    assert.deepEqual(await stores.db.query.selectFrom('jobs').select('id').execute(), [], what);
    assert.deepEqual(await Array.fromAsync(stores.blobs.list('')), [], what);
    assert.deepEqual(stores.keys.list(), [], what);
  }
  assert.ok(readdirSync(folder).length > 0);
  assert.equal(
    (await putBack(stores, await inFile(archive))).projects.length,
    2,
    'the archive they were made from is good',
  );
});
