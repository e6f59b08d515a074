/** What a takeout holds in open formats comes back equal, and files of strangers come as far as they are sound. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { samplePictures } from '../../scripts/samples.ts';
import type { ImportReport } from '../../src/services/importing/report.ts';
import { type Clients, newestClients } from '../fixtures/clients.ts';
import { runOwnsight, startServer, type TestServer } from '../fixtures/server.ts';
import { crawlOriginals } from '../fixtures/trained-account.ts';
import { unzip } from '../fixtures/unzip.ts';

let server: TestServer;
let clients: Clients;
let folder: string;
let pictures: Buffer[];
/** The folder of each project in a takeout. */
let boxes: string;
let classes: string;
let boxesId: string;
let classesId: string;

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'ownsight-files-'));
  pictures = (await samplePictures({ perClass: 3 })).map((one) => one.bytes);
  server = await startServer();
  clients = newestClients(server);
  const { training } = clients;
  const domain = (await training.getDomains()).find((one) => one.type === 'ObjectDetection')!.id!;
  boxesId = (await training.createProject('Boxes', { domainId: domain })).id!;
  const [cup, dish] = [
    await training.createTag(boxesId, 'Cup, "blue"'),
    await training.createTag(boxesId, 'Dish/ä & <b>'),
  ];
  await training.createImagesFromFiles(boxesId, {
    images: [
      [
        { tagId: cup.id!, left: 0.1234567, top: 0.2, width: 0.3333333, height: 0.5 },
        { tagId: dish.id!, left: 0, top: 0, width: 1, height: 0.5 },
      ],
      [{ tagId: dish.id!, left: 0.5, top: 0.5, width: 0.5, height: 0.5 }],
      [],
    ].map((regions, index) => ({ name: `${index}.jpg`, contents: pictures[index]!, regions })),
  });
  classesId = (await training.createProject('Classes', { classificationType: 'Multilabel' })).id!;
  const tags = [];
  for (const name of ['Red', 'red/ish: 1', 'None']) {
    const type = name === 'None' ? 'Negative' : 'Regular';
    tags.push((await training.createTag(classesId, name, { type, description: `is ${name}` })).id!);
  }
  const [red, reddish, none] = tags as [string, string, string];
  await training.createImagesFromFiles(classesId, {
    images: [[red], [red, reddish], [none], []].map((tagIds, index) => ({
      name: `${index}.jpg`,
      contents: pictures[index]!,
      tagIds,
    })),
    metadata: { place: 'Curitiba, "PR"\n2', ü: '1' },
  });
  const archive = join(folder, 'all.zip');
  await ownsight('takeout', '--out', archive);
  for (const [name, bytes] of await unzip(readFileSync(archive)))
    write(join('all', ...name.split('/').slice(1)), bytes);
  boxes = join(folder, 'all/data/projects', boxesId);
  classes = join(folder, 'all/data/projects', classesId);
});
after(async () => {
  await server?.stop();
  rmSync(folder, { recursive: true, force: true });
});

function write(path: string, bytes: string | Uint8Array): void {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), bytes);
}

async function ownsight(...args: string[]): Promise<void> {
  const { code, output } = await runOwnsight(server.home, args);
  assert.equal(code, 0, output);
}

/** Imports, and gives the report and the exit code. */
async function importing(...args: string[]): Promise<{ code: number | null; output: string; report: ImportReport }> {
  const path = join(folder, 'report.json');
  rmSync(path, { force: true });
  const { code, output } = await runOwnsight(server.home, ['import', ...args, '--report', path]);
  return { code, output, report: JSON.parse(readFileSync(path, 'utf8')) as ImportReport };
}

type Labels = Map<string, { tags: string[]; regions: [string, ...number[]][]; metadata: unknown }>;

/** The labels of each picture of a project, by the digest of the picture. */
async function labelsOf(projectId: string): Promise<Labels> {
  const originals = await crawlOriginals(clients, projectId);
  const images = await clients.training.getImages(projectId, { take: 50 });
  return new Map(
    images
      .map((image): [string, Labels extends Map<string, infer V> ? V : never] => [
        createHash('sha256').update(originals.get(image.id!)!).digest('hex'),
        {
          tags: (image.tags ?? []).map((tag) => tag.tagName!).sort(),
          regions: (image.regions ?? [])
            .map(({ tagName, left, top, width, height }): [string, ...number[]] => [tagName!, left, top, width, height])
            .sort((a, b) => (`${a}` < `${b}` ? -1 : 1)),
          metadata: image.metadata ?? null,
        },
      ])
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  );
}

function assertSame(actual: Labels, expected: Labels, precision: number): void {
  const inWords = (labels: Labels, rest: boolean) =>
    [...labels].map(([digest, { tags, regions, metadata }]) => [
      digest,
      tags,
      regions.map(([name]) => name),
      rest && metadata,
    ]);
  const hasMetadata = [...actual.values()].some((one) => one.metadata !== null);
  assert.deepEqual(inWords(actual, hasMetadata), inWords(expected, hasMetadata));
  const numbers = (labels: Labels): number[] =>
    [...labels.values()].flatMap((one) => one.regions.flatMap(([, ...box]) => box));
  const wanted = numbers(expected);
  for (const [index, value] of numbers(actual).entries())
    assert.ok(Math.abs(value - wanted[index]!) <= precision, `${value} is not ${wanted[index]}`);
}

const projectNamed = async (name: string): Promise<string> =>
  (await clients.training.getProjects()).find((one) => one.name === name)!.id!;

/** How exact each form tells of boxes, in parts of a picture of 320 x 240 pixels. */
const forms = [
  ['coco', 0.01 / 240],
  ['yolo', 2e-6],
  ['voc', 1.01 / 240],
  ['csv', 1e-6],
] as const;
for (const [form, precision] of forms)
  test(`${form}: boxes of a takeout come back equal, and a second time changes nothing`, async () => {
    const first = await importing(form, boxes, '--project', `${form} boxes`);
    assert.deepEqual([first.code, first.report.complete], [0, true], first.output);
    const id = await projectNamed(`${form} boxes`);
    const labels = await labelsOf(id);
    assertSame(labels, await labelsOf(boxesId), precision);
    const { report } = await importing(form, boxes, '--project', `${form} boxes`);
    assert.deepEqual(report.projects[0]!.images, { imported: 0, present: 3, duplicates: 0, resized: 0 });
    assert.deepEqual(await labelsOf(id), labels);
  });

for (const form of ['folder', 'coco', 'csv'])
  test(`${form}: tags of a takeout come back equal, with their descriptions and types`, async () => {
    const { code, output } = await importing(form, classes, '--project', `${form} classes`);
    assert.equal(code, 0, output);
    const id = await projectNamed(`${form} classes`);
    assertSame(await labelsOf(id), await labelsOf(classesId), 0);
    const tags = async (projectId: string) =>
      (await clients.training.getTags(projectId)).map(({ id: _id, ...rest }) => JSON.stringify(rest)).sort();
    assert.deepEqual(await tags(id), await tags(classesId));
    assert.equal((await clients.training.getProject(id)).settings!.classificationType, 'Multilabel');
  });

test('folders: each is a tag, in the parts of a set as well; what is broken or hostile is named, the rest comes', async () => {
  write('set/train/Cat/a.jpg', pictures[0]!);
  write('set/train/Cat/deep/b.jpg', pictures[1]!);
  write('set/val/Dog/c.jpg', pictures[2]!);
  write('set/val/Dog/again.jpg', pictures[2]!);
  write('set/val/Dog/notes.txt', 'no picture');
  write('set/val/Dog/cut.jpg', pictures[3]!.subarray(0, 2000));
  write('set/val/Dog/large.jpg', Buffer.alloc(7 * 1024 * 1024));
  write('set/val/Dog/what.heic', 'no picture either');
  write('set/val/bad\u001bname/d.jpg', pictures[4]!);
  write('outside.jpg', pictures[5]!);
  symlinkSync('../../../outside.jpg', join(folder, 'set/val/Dog/link.jpg'));
  symlinkSync('/', join(folder, 'set/val/Dog/root'));
  const { code, output, report } = await importing('folder', join(folder, 'set'), '--project', 'Pets');
  assert.equal(code, 3, output);
  assert.ok(!output.includes('\u001b'));
  const [pets] = report.projects;
  assert.deepEqual(pets!.images, { imported: 3, present: 0, duplicates: 1, resized: 0 });
  assert.deepEqual(pets!.failed.map(({ fault, item, code }) => [fault, item.split('/').at(-1), code]).sort(), [
    ['picture', 'cut.jpg', 'ErrorImageFormat'],
    ['picture', 'd.jpg', 'ErrorInvalidTag'],
    ['picture', 'large.jpg', 'ErrorImageSize'],
    ['picture', 'link.jpg', 'ErrorSource'],
    ['picture', 'root', 'ErrorSource'],
    ['picture', 'what.heic', 'ErrorImageFormat'],
    ['tag', 'bad\u001bname', 'BadRequestTagName'],
  ]);
  const labels = [...(await labelsOf(await projectNamed('Pets'))).values()].map((one) => one.tags);
  assert.deepEqual(labels.flat().sort(), ['Cat', 'Cat', 'Dog']);
});
