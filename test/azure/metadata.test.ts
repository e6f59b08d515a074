/** What images are described with, as clients send it and ask for it. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { samplePictures } from '../../scripts/samples.ts';
import { type Clients, newestClients } from '../fixtures/clients.ts';
import { type PictureServer, servePictures } from '../fixtures/picture-server.ts';
import { startServer, type TestServer } from '../fixtures/server.ts';

let server: TestServer;
let web: PictureServer;
let training: Clients['training'];
let projectId: string;
let [apple, leaf, mug] = ['', '', ''];

before(async () => {
  server = await startServer({ env: { OWNSIGHT_ALLOW_NETWORKS: '127.0.0.0/8' } });
  const [first, second, third] = await samplePictures({ perClass: 1 });
  web = await servePictures(new Map([['leaf.jpg', second!.bytes]]));
  training = newestClients(server).training;
  projectId = (await training.createProject('metadata')).id!;
  const byFile = await training.createImagesFromFiles(projectId, {
    images: [{ contents: first!.bytes }],
    metadata: { shelf: '7', 'found by': "O'Neill" },
  });
  const byUrl = await training.createImagesFromUrls(projectId, {
    images: [{ url: web.url('leaf.jpg') }],
    metadata: { shelf: '8' },
  });
  const bare = await training.createImagesFromData(projectId, third!.bytes);
  [apple, leaf, mug] = [byFile, byUrl, bare].map(({ images }) => images![0]!.image!.id!) as [string, string, string];
});

after(async () => {
  await web.close();
  await server.stop();
});

const idsOf = async (filter: string): Promise<string[]> =>
  (await training.getImages(projectId, { filter })).map(({ id }) => id!).sort();

test('every way of adding pictures keeps their metadata, and a filter finds them by it', async () => {
  const [image] = await training.getImagesByIds(projectId, { imageIds: [apple] });
  assert.deepEqual(image?.metadata, { shelf: '7', 'found by': "O'Neill" });
  assert.deepEqual(await idsOf("metadata=shelf eq '7' and 'found by' ne 'nobody'"), [apple]);
  assert.deepEqual(await idsOf("'found by' eq 'O''Neill' or shelf eq '8'"), [apple, leaf].sort());
  assert.deepEqual(await idsOf("shelf ne '7'"), [leaf, mug].sort());
  assert.equal(Number((await training.getImageCount(projectId, { filter: "shelf ne '7'" })).body), 2);
  assert.deepEqual((await training.getImages(projectId, { filter: "shelf ne '7'", take: 1, skip: 1 })).length, 1);
});

interface Answer {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: answers are compared, not computed with
  readonly json: any;
}

async function ask(path: string, body?: unknown, version = 'v3.4-preview'): Promise<Answer> {
  const answer = await fetch(`${server.endpoint}/customvision/${version}/training/projects/${projectId}${path}`, {
    method: body === undefined ? 'GET' : 'POST',
    headers: { 'Training-key': server.trainingKey, 'content-type': 'application/json' },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  return { status: answer.status, json: await answer.json() };
}

test('metadata is changed image by image: 207 when not all went well', async () => {
  const nobody = '00000000-0000-4000-8000-000000000000';
  const changed = await ask(`/images/metadata?imageIds=${leaf},${nobody}`, { shelf: '9', new: '' });
  assert.equal(changed.status, 207);
  assert.deepEqual(changed.json, {
    isBatchSuccessful: false,
    images: [
      { imageId: leaf, status: 'OK', metadata: { shelf: '9', new: '' } },
      { imageId: nobody, status: 'ErrorImageNotFound', metadata: null },
    ],
  });
  assert.deepEqual(await idsOf("shelf eq '8'"), []);
  assert.deepEqual(await idsOf("shelf eq '9' and new eq ''"), [leaf]);
  const many = Object.fromEntries(Array.from({ length: 50 }, (_, n) => [`key ${n}`, 'v'.repeat(512)]));
  const full = await ask(`/images/metadata?imageIds=${leaf},${mug}`, many, 'v3.3');
  assert.equal(full.status, 207);
  assert.deepEqual(
    full.json.images.map(({ status }: { status: string }) => status),
    ['ErrorLimitExceed', 'OK'],
  );
});

test('a picture sent again gains the metadata given now', async () => {
  const [first] = await samplePictures({ perClass: 1 });
  const again = await training.createImagesFromFiles(projectId, {
    images: [{ contents: first!.bytes }],
    metadata: { shelf: '70', seen: 'twice' },
  });
  assert.equal(again.images![0]!.status, 'OKDuplicate');
  assert.deepEqual(again.images![0]!.image!.metadata, { shelf: '70', 'found by': "O'Neill", seen: 'twice' });
  assert.deepEqual(await idsOf("seen eq 'twice'"), [apple]);
});

test('an image comes by the path of its link, or by all of it', async () => {
  const [image] = await training.getImagesByIds(projectId, { imageIds: [apple] });
  const link = new URL(image!.thumbnailUri!);
  const wanted = Buffer.from(await (await fetch(link)).arrayBuffer());
  for (const path of [link.pathname.slice(1), link.pathname, `${link.pathname}${link.search}`, link.href]) {
    const at = `/customvision/v3.3/training/projects/${projectId}/artifacts?path=${encodeURIComponent(path)}`;
    const answer = await fetch(`${server.endpoint}${at}`, { headers: { 'Training-key': server.trainingKey } });
    assert.equal(answer.status, 200, path);
    assert.deepEqual(Buffer.from(await answer.arrayBuffer()), wanted);
  }
});

test('what no image can be described with, or found by, is refused by its code', async () => {
  const at = `/images/metadata?imageIds=${leaf}`;
  const upload = { images: [{ contents: 'AAAA' }] };
  const refused: [Promise<Answer>, string][] = [
    [ask(at, { ['k'.repeat(257)]: 'v' }), 'BadRequestImageMetadataKey'],
    [ask(at, { '': 'v' }), 'BadRequestImageMetadataKey'],
    [ask(at, { key: 'v'.repeat(513) }), 'BadRequestImageMetadataValue'],
    [ask(at, { key: 5 }), 'BadRequestImageMetadataValue'],
    [ask('/images/files', { ...upload, metadata: { key: null } }), 'BadRequestImageMetadataValue'],
    [ask('/images/files', { ...upload, metadata: { '': 'v' } }), 'BadRequestImageMetadataKey'],
    [ask(`/images?$filter=${encodeURIComponent('shelf gt 7')}`), 'BadRequest'],
    [ask(`/images/count?$filter=${encodeURIComponent("(shelf eq '7'")}`), 'BadRequest'],
  ];
  for (const [asked, code] of refused) {
    const { status, json } = await asked;
    assert.equal(`${status} ${json.code}`, `400 ${code}`);
  }
});
