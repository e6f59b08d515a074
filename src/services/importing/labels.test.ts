/** Files of labels as strangers write them: what is sound comes, what is not is named, nothing crashes. */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { before, type TestContext, test } from 'node:test';
import { samplePictures } from '../../../scripts/samples.ts';
import { plantAccount, temporaryFolder, testStores } from '../../../test/fixtures/stores.ts';
import type { Tier } from '../../domain/tier.ts';
import { createFetcher } from '../fetcher-http.ts';
import type { FileInput } from './file-source.ts';
import type { ProjectReport } from './report.ts';

let pictures: Buffer[];
before(async () => {
  pictures = (await samplePictures({ perClass: 2 })).map((one) => one.bytes);
});

/** Writes the files, imports them, and gives the report and the tags and boxes that came, picture by picture. */
async function imported(
  t: TestContext,
  files: Readonly<Record<string, string | Uint8Array>>,
  input: Omit<FileInput, 'path' | 'project'> & { readonly file?: string },
  tier: Tier = 'Unlimited',
): Promise<{ report: ProjectReport; labels: string[] }> {
  // Late: it forbids the whole process to draw SVG, which the sample pictures are.
  const [{ fileSource }, { importFiles }, { listImages }, { setTier }] = await Promise.all([
    import('./file-source.ts'),
    import('./import.ts'),
    import('../images.ts'),
    import('../tiers.ts'),
  ]);
  const folder = temporaryFolder(t);
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), content);
  }
  const stores = await testStores(t);
  const app = { ...stores, fetcher: createFetcher({ allowNetworks: [] }) };
  const accountId = await plantAccount(stores);
  await setTier(app, accountId, tier);
  const source = await fileSource({ ...input, path: join(folder, input.file ?? ''), project: 'P' });
  const { projects, stopped } = await importFiles(app, 'x', source, { accountId, project: 'P', isTypeWanted: false });
  assert.equal(stopped, null);
  const report = projects[0]!;
  const images = await listImages(app, { accountId, projectId: report.id }, { status: 'All', orderBy: 'Oldest' });
  const round = (value: number): number => Math.round(value * 1000) / 1000;
  return {
    report,
    labels: images.map((image) =>
      [
        ...image.tags.map((tag) => tag.tagName),
        ...image.regions.map(
          ({ tagName, box }) => `${tagName} ${[box.left, box.top, box.width, box.height].map(round).join(' ')}`,
        ),
      ]
        .sort()
        .join('; '),
    ),
  };
}

const failed = ({ failed }: ProjectReport): string[] =>
  failed.map(({ fault, item, code }) => `${fault} ${item} ${code}`).sort();

test('COCO: pictures beside it or in a folder, boxes in pixels; what it lacks or tells wrongly is named', async (t) => {
  const content = {
    categories: [{ id: 7, name: 'Cup' }],
    images: [
      { id: 1, file_name: 'a.jpg', width: 320, height: 240 },
      { id: 2, file_name: 'b.jpg' },
      { id: 3, file_name: 'none.jpg' },
      { id: 4, file_name: '../../../../etc/passwd' },
      { id: 5 },
    ],
    annotations: [
      { id: 1, image_id: 1, category_id: 7, bbox: [32, 24, 160, 120] },
      { id: 2, image_id: 1, category_id: 7, bbox: [-3, 0, 100, 100] },
      { id: 3, image_id: 1, category_id: 7, bbox: [300, 0, 100, 100] },
      { id: 4, image_id: 1, category_id: 8, bbox: [0, 0, 1, 1] },
      { id: 5, image_id: 2, category_id: 7, bbox: ['x', 0, 1, 1] },
      { id: 6, image_id: 2, category_id: 7, bbox: [0, 0, 320, 240] },
      { id: 7, image_id: 99, category_id: 7, bbox: [0, 0, 1, 1] },
      null,
    ],
  };
  const { report, labels } = await imported(
    t,
    {
      'train2017/a.jpg': pictures[0]!,
      'train2017/b.jpg': pictures[1]!,
      'annotations/instances_train2017.json': JSON.stringify(content),
      'annotations/other.json': '{"info": 1}',
      'annotations/broken.json': '{',
    },
    { form: 'coco' },
  );
  assert.deepEqual(labels, ['Cup; Cup 0 0 0.303 0.417; Cup 0.1 0.1 0.5 0.5', 'Cup; Cup 0 0 1 1']);
  const file = 'annotations/instances_train2017.json';
  assert.deepEqual(
    failed(report),
    [
      `box ${file}: annotation 5 BadRequestImageRegions`,
      'box train2017/a.jpg BadRequestImageRegions',
      'labels annotations/broken.json BadRequestImageTags',
      `labels ${file}: annotation 4 ErrorInvalidTag`,
      `labels ${file}: image 5 BadRequestImageTags`,
      `labels ${file}: image 99 BadRequestImageTags`,
      `labels ${file}: image undefined BadRequestImageTags`,
      'picture ../../../../etc/passwd ErrorSource',
      'picture none.jpg ErrorSource',
    ].sort(),
  );
});

const annotation = (name: string, ...objects: string[]): string =>
  `<?xml version="1.0"?><!-- x --><annotation verified="no"><folder>JPEGImages</folder><filename>${name}</filename><size><width>320</width><height>240</height></size>${objects.join('')}</annotation>`;
const object = (name: string, box: string): string => `<object><name>${name}</name><bndbox>${box}</bndbox></object>`;
const corners = '<xmin>33</xmin><ymin>25</ymin><xmax>192</xmax><ymax>144</ymax>';

test('VOC: corners counted from 1; documents that are broken, too large or too clever are refused one by one', async (t) => {
  const { report, labels } = await imported(
    t,
    {
      'JPEGImages/a.jpg': pictures[0]!,
      'JPEGImages/b.jpg': pictures[1]!,
      'JPEGImages/c.jpg': pictures[2]!,
      'Annotations/a.xml': annotation(
        'a.jpg',
        object('A &amp; &#66;', corners),
        object('', corners),
        object('C', '<xmin>1</xmin>'),
      ),
      'Annotations/b.xml': annotation('C:\\photos\\b.jpg', object('<![CDATA[<D>]]>', corners)),
      'Annotations/far.xml': annotation('far.jpg'),
      'Annotations/bomb.xml': '<!DOCTYPE a [<!ENTITY b "bbbb">]><annotation>&b;</annotation>',
      'Annotations/deep.xml': '<a>'.repeat(100_000),
      'Annotations/open.xml': '<annotation><object>',
      'Annotations/crossed.xml': '<annotation><a></annotation></a>',
      'Annotations/large.xml': `<annotation>${' '.repeat(1024 * 1024)}</annotation>`,
      'Annotations/other.xml': '<html/>',
    },
    { form: 'voc' },
  );
  assert.deepEqual(labels, ['A & B; A & B 0.1 0.1 0.5 0.5', '<D>; <D> 0.1 0.1 0.5 0.5', '']);
  assert.deepEqual(failed(report), [
    'box Annotations/a.xml: object 3 BadRequestImageRegions',
    'labels Annotations/a.xml: object 2 ErrorInvalidTag',
    'labels Annotations/bomb.xml BadRequestImageTags',
    'labels Annotations/crossed.xml BadRequestImageTags',
    'labels Annotations/deep.xml BadRequestImageTags',
    'labels Annotations/large.xml BadRequestImageTags',
    'labels Annotations/open.xml BadRequestImageTags',
    'picture Annotations/far.xml ErrorSource',
  ]);
});

test('YOLO: labels by the side of images, parts of a set, polygons; classes in each of their forms', async (t) => {
  const { report, labels } = await imported(
    t,
    {
      'train/images/a.jpg': pictures[0]!,
      'train/labels/a.txt': '1 0.35 0.35 0.5 0.5\n5 0.5 0.5 0.1 0.1\n0 0.5 x 0.1 0.1\n0 0.9 0.9 0.5 0.5\n',
      'valid/images/b.jpg': pictures[1]!,
      'valid/labels/b.txt': '0 0.1 0.1 0.6 0.1 0.6 0.4\r\n',
      'valid/labels/lost.txt': '0 0.5 0.5 0.1 0.1\n',
      'data.yaml': "nc: 2\nnames: ['it''s',\n  \"D, \\u00e9\"]  # two\nroboflow:\n  x: [1]\n",
    },
    { form: 'yolo' },
  );
  assert.deepEqual(labels, ['D, é; D, é 0.1 0.1 0.5 0.5', "it's; it's 0.1 0.1 0.5 0.3"]);
  assert.deepEqual(failed(report), [
    'box train/images/a.jpg BadRequestImageRegions',
    'box train/labels/a.txt: line 3 BadRequestImageRegions',
    'labels train/labels/a.txt: line 2 ErrorInvalidTag',
    'picture valid/labels/lost.txt ErrorSource',
  ]);
  const { namesInYaml } = await import('./yolo.ts');
  assert.deepEqual(Array.from(namesInYaml('path: .\nnames:\n  0: a b # c\n  2: "d"\n\nother: 1')!), [
    'a b',
    undefined,
    'd',
  ]);
  assert.deepEqual(namesInYaml('names:\n- a\n- b\n'), ['a', 'b']);
  assert.deepEqual(namesInYaml('names: {0: a, 1: b}'), ['a', 'b']);
});

test('CSV: a line for each tag or box, any of the usual marks and names of columns', async (t) => {
  const plain = await imported(
    t,
    {
      'images/a.jpg': pictures[0]!,
      'b.jpg': pictures[1]!,
      'list.csv': '\ufefffilename;tag\r\na.jpg;"Red; dark"\r\na.jpg;Blue\r\n"b.jpg";\r\n;Red\r\n../../x.jpg;Red\r\n',
    },
    { form: 'csv', file: 'list.csv' },
  );
  assert.deepEqual(plain.labels, ['Blue; Red; dark', '']);
  assert.deepEqual(failed(plain.report), [
    'labels list.csv: line 5 BadRequestImageTags',
    'picture ../../x.jpg ErrorSource',
  ]);
  const boxed = await imported(
    t,
    {
      'a.jpg': pictures[0]!,
      'list.csv':
        'filename,width,height,class,xmin,ymin,xmax,ymax\na.jpg,320,240,Cup,32,24,192,144\na.jpg,320,240,Cup,0,,1,1\n',
    },
    { form: 'csv', type: 'detection' },
  );
  assert.deepEqual(boxed.labels, ['Cup; Cup 0.1 0.1 0.5 0.5']);
  assert.deepEqual(failed(boxed.report), ['box list.csv: line 3 BadRequestImageRegions']);
});

test('limits are those of an upload: tags of a multiclass project, boxes of a picture in a tier', async (t) => {
  const lines = Array.from({ length: 301 }, (_, at) => `0 ${0.1 + at / 1000} 0.5 0.1 0.1\n`).join('');
  const { report } = await imported(
    t,
    { 'a.jpg': pictures[0]!, 'a.txt': lines, 'classes.txt': 'Cup\n' },
    { form: 'yolo' },
    'S0',
  );
  assert.deepEqual(failed(report), ['picture a.jpg ErrorRegionLimitExceed']);
  const classes = await imported(
    t,
    { 'a.jpg': pictures[0]!, 'list.csv': 'file,tag\na.jpg,A\na.jpg,B\n' },
    { form: 'csv', type: 'multiclass' },
  );
  assert.deepEqual(failed(classes.report), ['picture a.jpg ErrorTagLimitExceed']);
});

test('an archive, or nothing at all, is refused before anything is made', async () => {
  const { fileSource } = await import('./file-source.ts');
  await assert.rejects(
    fileSource({ form: 'coco', path: '/no/such/folder', project: 'P' }),
    /a folder or a file that is there/,
  );
});
