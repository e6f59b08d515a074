/** Everything can be taken away as one archive that needs none of our programs, and the archive says what it lacks. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import {
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { get, type IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { after, before, test } from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { root, runOwnsight, startServer, type TestServer } from '../fixtures/server.ts';
import { crawlOriginals, type TrainedAccount, trainAccount } from '../fixtures/trained-account.ts';
import { unzip } from '../fixtures/unzip.ts';

let server: TestServer;
let account: TrainedAccount;
let folder: string;
let archive: Map<string, Buffer>;

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'ownsight-takeout-'));
  server = await startServer();
  account = await trainAccount(server);
  const { code, output } = await runOwnsight(server.home, ['takeout', '--out', join(folder, 'all.zip')]);
  assert.equal(code, 0, output);
  archive = await payloadOf('all.zip');
});
after(async () => {
  await server?.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** The files of an archive below `data/`. */
async function payloadOf(name: string): Promise<Map<string, Buffer>> {
  const files = await unzip(readFileSync(join(folder, name)));
  return new Map([...files].map(([path, bytes]) => [path.split('/').slice(1).join('/'), bytes]));
}

const json = (name: string) => JSON.parse(archive.get(`data/${name}`)!.toString());
const lines = (bytes: Buffer) =>
  bytes
    .toString()
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
const below = (prefix: string): string[] => [...archive.keys()].filter((name) => name.startsWith(`data/${prefix}`));

test('the originals in the archive are those the public API gives out, byte for byte', async () => {
  for (const projectId of [account.projectId, account.detectionId]) {
    const crawled = await crawlOriginals(account.clients, projectId);
    const taken = below(`projects/${projectId}/images/`);
    assert.deepEqual(taken.map((name) => /([0-9a-f-]{36})\.jpg$/.exec(name)![1]).sort(), [...crawled.keys()].sort());
    for (const name of taken) assert.deepEqual(archive.get(name), crawled.get(/([0-9a-f-]{36})\.jpg$/.exec(name)![1]!));
  }
});

/** A number as the API writes it: in single precision. */
const single = Math.fround;

test('tags, metadata, iterations, performance, held-out results, exports and predictions are those of the public API', async () => {
  const { training } = account.clients;
  const { projectId, iterationId } = account;
  const project = json(`projects/${projectId}/project.json`);
  const tags = await training.getTags(projectId);
  assert.deepEqual(
    project.tags
      .map((tag: { id: string; name: string; imageCount: number }) => [tag.id, tag.name, tag.imageCount])
      .sort(),
    tags.map((tag) => [tag.id, tag.name, tag.imageCount]).sort(),
  );
  const [iteration] = project.iterations;
  const performance = await training.getIterationPerformance(projectId, iterationId, { threshold: 0.5 });
  assert.deepEqual(
    [
      iteration.id,
      iteration.publishName,
      single(iteration.performance.precision),
      single(iteration.performance.recall),
    ],
    [iterationId, 'live', single(performance.precision!), single(performance.recall!)],
  );
  const images = new Map((await training.getImages(projectId, { take: 50 })).map((one) => [one.id, one]));
  const taken = lines(archive.get(`data/projects/${projectId}/images-00001.jsonl`)!);
  for (const image of taken.filter((one) => one.inWorkspace)) {
    const served = images.get(image.id)!;
    assert.deepEqual(image.metadata, served.metadata);
    assert.deepEqual(
      image.tags.map((tag: { id: string }) => tag.id),
      served.tags!.map((tag) => tag.tagId),
    );
  }
  assert.equal(taken.filter((one) => one.inWorkspace).length, images.size);
  assert.equal(taken.filter((one) => !one.inWorkspace).length, 1, 'the picture that only the iteration keeps');
  const heldOut = lines(archive.get(`data/projects/${projectId}/iterations/${iterationId}/held-out-00001.jsonl`)!);
  const served = await training.getImagePerformances(projectId, iterationId, { take: 50 });
  assert.equal(heldOut.length, served.length);
  for (const one of served)
    for (const { tagId, probability } of one.predictions!) {
      const mine = heldOut
        .find((line) => line.imageId === one.id)
        .predictions.find((each: { id: string }) => each.id === tagId);
      assert.ok(Math.abs(mine.probability - probability!) < 1e-6);
    }
  const [exported] = await training.getExports(projectId, iterationId);
  const download = Buffer.from(await (await fetch(exported!.downloadUri!)).arrayBuffer());
  const [exportFile] = below(`projects/${projectId}/exports/`);
  assert.deepEqual(archive.get(exportFile!), download);
  const [predicted] = lines(archive.get(`data/projects/${projectId}/predictions-00001.jsonl`)!);
  assert.equal(predicted.application, 'tests');
  assert.deepEqual(archive.get(`data/projects/${projectId}/${predicted.file}`), account.unseen);
});

test('no secret is in the archive', () => {
  const secrets = [server.trainingKey, server.predictionKey];
  for (const [name, bytes] of archive) for (const secret of secrets) assert.ok(!bytes.includes(secret), name);
  assert.equal(lines(archive.get('data/account/rows/api_keys-00001.jsonl')!).length, 4);
});

test('the log in the archive is checked without any server; an entry that was changed or removed is told', async () => {
  const elsewhere = join(folder, 'elsewhere');
  const verify = async (file: string): Promise<[number | null, string]> => {
    const { code, output } = await runOwnsight(elsewhere, ['verify', file]);
    return [code, output];
  };
  const [code, said] = await verify(join(folder, 'all.zip'));
  assert.equal(code, 0, said);
  assert.match(said, /as written/);
  assert.ok(!existsSync(elsewhere), 'no store is opened');
  const log = json('account/audit.json');
  assert.equal(log.entries.at(-1).action, 'takeout');
  assert.deepEqual(log.head, { entries: log.entries.length, hash: log.entries.at(-1).hash });
  const file = join(folder, 'audit.json');
  const changed = async (entries: unknown): Promise<string> => {
    writeFileSync(file, JSON.stringify({ ...log, entries }));
    const [code, said] = await verify(file);
    assert.equal(code, 2, said);
    return said;
  };
  assert.match(await changed(log.entries.toSpliced(1, 1)), /expected entry 2 but received entry 3/);
  assert.match(await changed(log.entries.with(1, { ...log.entries[1], sealed: 'AAAA' })), /entry 2 was changed/);
  assert.match(await changed(log.entries.slice(0, -1)), /expected \d+ entries but received/);
});

test('a reader that uses none of our code finds every hash right and every picture labelled', async () => {
  // As a stranger: unpack with tar, check with sha256sum, read CSV lines and JSON.
  const { code, output } = await runOwnsight(server.home, ['takeout', '--out', join(folder, 'all.tar')]);
  assert.equal(code, 0, output);
  mkdirSync(join(folder, 'tar'));
  const run = (command: string, args: string[], cwd: string) => {
    const { status, stderr } = spawnSync(command, args, { cwd, encoding: 'utf8' });
    assert.equal(status, 0, `${command}: ${stderr}`);
  };
  run('tar', ['-xf', join(folder, 'all.tar'), '-C', join(folder, 'tar')], folder);
  const root = join(folder, 'tar', readdirSync(join(folder, 'tar'))[0]!);
  run('sha256sum', ['--check', '--strict', '--quiet', 'manifest-sha256.txt'], root);
  run('sha256sum', ['--check', '--strict', '--quiet', 'tagmanifest-sha256.txt'], root);
  const listed = readFileSync(join(root, 'manifest-sha256.txt'), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => line.slice(66));
  const found = globSync('data/**/*', { cwd: root, withFileTypes: true }).filter((one) => one.isFile());
  assert.equal(found.length, listed.length);
  const octets = found.reduce((sum, one) => sum + readFileSync(join(one.parentPath, one.name)).length, 0);
  assert.match(
    readFileSync(join(root, 'bag-info.txt'), 'utf8'),
    new RegExp(`Payload-Oxum: ${octets}\\.${found.length}\n`),
  );

  const project = join(root, 'data/projects', account.projectId);
  const table = readFileSync(join(project, 'images.csv'), 'utf8');
  const rows = table
    .split('\r\n')
    .slice(1, -1)
    .map((line) => [...line.matchAll(/"((?:[^"]|"")*)"/g)].map((field) => field[1]!.replaceAll('""', '"')));
  const coco = JSON.parse(readFileSync(join(project, 'coco.json'), 'utf8'));
  assert.equal(rows.length, 17);
  assert.equal(coco.images.length, 17);
  for (const [id, file, width, , , tag, tags, , metadata] of rows) {
    assert.ok(existsSync(join(project, file!)));
    assert.deepEqual(JSON.parse(tags!), [tag]);
    assert.equal(JSON.parse(metadata!)['a,"b"'], 'x\ny');
    assert.match(readFileSync(join(project, 'by-tag', `${tag}.txt`), 'utf8'), new RegExp(id!));
    const image = coco.images.find((one: { ownsight_id: string }) => one.ownsight_id === id);
    assert.equal(String(image.width), width);
    const category = coco.annotations.find((one: { image_id: number }) => one.image_id === image.id).category_id;
    assert.equal(coco.categories.find((one: { id: number }) => one.id === category).name, tag);
  }
  const detection = join(root, 'data/projects', account.detectionId);
  const labels = readdirSync(join(detection, 'labels'));
  assert.equal(labels.length, 3);
  assert.equal(readFileSync(join(detection, 'labels', labels[0]!), 'utf8'), '0 0.375000 0.625000 0.250000 0.250000\n');
  assert.match(readFileSync(join(detection, 'data.yaml'), 'utf8'), /0: "Thing\/ä"/);
  const voc = readFileSync(join(detection, 'Annotations', labels[0]!.replace('.txt', '.xml')), 'utf8');
  assert.match(voc, /<xmin>81<\/xmin><ymin>121<\/ymin><xmax>160<\/xmax><ymax>180<\/ymax>/);
  assert.deepEqual(existsSync(join(root, 'data/MISSING.json')), false);
  const model = join(project, 'iterations', account.iterationId, 'model.onnx');
  assert.ok(readFileSync(model).length > 100_000);
});

test('every JSON file holds to the schema that travels with it', () => {
  const ajv = new Ajv2020({ formats: { uuid: true, 'date-time': /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/ } });
  const check = (schema: string, values: readonly unknown[], name: string): void => {
    assert.ok(values.length > 0, name);
    const validate =
      ajv.getSchema(`urn:ownsight:takeout:1:${schema}`) ?? ajv.compile(json(`schema/${schema}.schema.json`));
    for (const value of values) assert.ok(validate(value), `${name}: ${ajv.errorsText(validate.errors)}`);
  };
  const schemas: readonly (readonly [RegExp, (match: RegExpExecArray) => string])[] = [
    [/\/rows\/(\w+)-\d+\.jsonl$/, (match) => `rows/${match[1]}`],
    [/\/images-\d+\.jsonl$/, () => 'image'],
    [/\/held-out-\d+\.jsonl$/, () => 'held-out'],
    [/\/predictions-\d+\.jsonl$/, () => 'prediction'],
  ];
  for (const [name, bytes] of archive) {
    if (name.endsWith('/audit.json')) check('audit', [JSON.parse(bytes.toString())], name);
    if (name.endsWith('/project.json')) check('project', [JSON.parse(bytes.toString())], name);
    if (!name.endsWith('.jsonl')) continue;
    const [schema] = schemas.flatMap(([pattern, of]) => {
      const match = pattern.exec(name);
      return match === null ? [] : [of(match)];
    });
    check(schema!, lines(bytes), name);
  }
});

test('Croissant names files that are there, columns that are there, and their hash', () => {
  const base = `data/projects/${account.projectId}`;
  const croissant = json(`projects/${account.projectId}/croissant.json`);
  assert.equal(croissant.conformsTo, 'http://mlcommons.org/croissant/1.1');
  for (const property of ['@context', 'name', 'description', 'license', 'url', 'creator', 'datePublished'])
    assert.ok(croissant[property], property);
  const table = archive.get(`${base}/images.csv`)!;
  const [file, set] = croissant.distribution;
  assert.equal(file.sha256, createHash('sha256').update(table).digest('hex'));
  assert.ok(below(`projects/${account.projectId}/${set.includes.replace('*', '')}`).length > 0);
  const columns = table.toString().split('\r\n')[0]!.replaceAll('"', '').split(',');
  const fields = croissant.recordSet[0].field as { source: { extract: { column?: string } } }[];
  assert.deepEqual(
    fields.flatMap((field) => field.source.extract.column ?? []),
    columns,
  );
});

/** The archive as the route gives it out, with the trailer that tells what is missing. */
async function download(path: string): Promise<{ files: Map<string, Buffer>; estimated: number; missing: string }> {
  const request = get(`${server.endpoint}/ownsight/v1${path}`, { headers: { 'Training-Key': server.trainingKey } });
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  assert.equal(response.statusCode, 200);
  const files = await unzip(await buffer(response));
  return {
    files: new Map([...files].map(([name, bytes]) => [name.split('/').slice(1).join('/'), bytes])),
    estimated: Number(response.headers['ownsight-estimated-bytes']),
    missing: response.trailers['ownsight-missing']!,
  };
}

test('the route gives out the same archive as the command, and says that nothing is missing', async () => {
  const { files, estimated, missing } = await download('/takeout');
  const projects = (one: Map<string, Buffer>) =>
    new Map([...one].filter(([name]) => name.startsWith('data/projects/') && !name.includes('/rows/')));
  assert.deepEqual(projects(files), projects(archive));
  assert.equal(missing, '0');
  assert.ok(estimated > 100_000);
  const stranger = await fetch(`${server.endpoint}/ownsight/v1/takeout`, { headers: { 'Training-Key': 'no' } });
  assert.equal(stranger.status, 401);
});

test('one damaged picture: the archive lists exactly it, and the command says incomplete', async () => {
  const [victim] = await account.clients.training.getImages(account.projectId, { take: 1 });
  const path = join(server.home, 'blobs', server.account, account.projectId, 'image-original', victim!.id!);
  const whole = readFileSync(path);
  const damaged = Buffer.from(whole);
  damaged[whole.length >> 1]! ^= 1;
  writeFileSync(path, damaged);
  const { code, output } = await runOwnsight(server.home, [
    'takeout',
    '--project',
    account.projectId,
    '--out',
    join(folder, 'damaged.zip'),
  ]);
  assert.equal((await download(`/projects/${account.projectId}/takeout`)).missing, '1');
  rmSync(path);
  const lost = await runOwnsight(server.home, [
    'takeout',
    '--project',
    account.projectId,
    '--out',
    join(folder, 'lost.zip'),
  ]);
  writeFileSync(path, whole);
  assert.deepEqual([code, lost.code], [3, 3]);
  assert.match(output, /INCOMPLETE/);
  const file = `projects/${account.projectId}/images/${victim!.id}.jpg`;
  for (const [name, reason] of [
    ['damaged.zip', 'damaged'],
    ['lost.zip', 'lost'],
  ] as const) {
    const files = await payloadOf(name);
    assert.deepEqual(JSON.parse(files.get('data/MISSING.json')!.toString()), [
      { file, what: 'a picture as you gave it', reason },
    ]);
    assert.match(files.get('bag-info.txt')!.toString(), /Ownsight-Complete: no/);
    const expected = [...archive.keys()].filter(
      (path) => path.startsWith(`data/projects/${account.projectId}/`) && path !== `data/${file}`,
    );
    assert.deepEqual([...files.keys()].filter((path) => path.startsWith('data/projects/')).sort(), expected.sort());
  }
});

test('forty lines of Python with nothing but its standard library check the archive, and count pictures and tags', async (t) => {
  const { status: found } = spawnSync('python3', ['-c', 'import sys; sys.exit(sys.version_info < (3, 9))']);
  if (found !== 0) return t.skip('needs python3');
  const script = join(root, 'test/rights/read_takeout.py');
  assert.ok(readFileSync(script, 'utf8').trimEnd().split('\n').length <= 40);
  const read = (file: string) => spawnSync('python3', ['-I', script, join(folder, file)], { encoding: 'utf8' });
  const { status, stdout, stderr } = read('all.zip');
  assert.equal(status, 0, stderr);
  const told = JSON.parse(stdout) as {
    files: number;
    projects: Record<string, { pictures: number; tags: Record<string, number> }>;
  };
  assert.equal(told.files, below('').length);
  assert.deepEqual(Object.keys(told.projects).sort(), [account.projectId, account.detectionId].sort());
  for (const [id, { pictures, tags }] of Object.entries(told.projects)) {
    const images = await account.clients.training.getImages(id, { take: 256 });
    assert.equal(pictures, images.length);
    const counts: Record<string, number> = {};
    for (const tag of images.flatMap((image) => image.tags ?? []))
      counts[tag.tagName!] = (counts[tag.tagName!] ?? 0) + 1;
    assert.deepEqual(tags, counts);
  }
  const bytes = readFileSync(join(folder, 'all.zip'));
  bytes[bytes.indexOf('data/README.pt-BR') + 200]! ^= 1;
  writeFileSync(join(folder, 'damaged.zip'), bytes);
  assert.notEqual(read('damaged.zip').status, 0);
});
