/** The whole job as programs of 2018 did it, over plain HTTP: one iteration is the default one, and answers. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type SamplePicture, samplePictures } from '../../scripts/samples.ts';
import { type PictureServer, servePictures } from '../fixtures/picture-server.ts';
import { startServer, type TestServer } from '../fixtures/server.ts';
import { until } from '../fixtures/until.ts';

let server: TestServer;
let web: PictureServer;
let pictures: SamplePicture[];
let unseen: SamplePicture;

before(async () => {
  pictures = await samplePictures({ perClass: 6 });
  [unseen] = (await samplePictures({ seed: 2, perClass: 1 })) as [SamplePicture];
  web = await servePictures(new Map([[unseen.name, unseen.bytes]]));
  server = await startServer({ env: { OWNSIGHT_ALLOW_NETWORKS: '127.0.0.0/8' } });
});
after(async () => {
  await web?.close();
  await server?.stop();
});

interface Reply {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: answers are compared, not computed with
  readonly json: any;
}

/** JSON as such, pictures as a form as the clients of the time sent it. */
async function ask(method: string, path: string, key: string, body?: object | Buffer): Promise<Reply> {
  const form = new FormData();
  if (Buffer.isBuffer(body)) form.set('imageData', new Blob([new Uint8Array(body)]));
  const sent =
    body === undefined
      ? {}
      : Buffer.isBuffer(body)
        ? { body: form }
        : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } };
  const response = await fetch(`${server.endpoint}/customvision/${path}`, {
    method,
    ...sent,
    headers: { ...('headers' in sent ? sent.headers : {}), [key]: keyOf(key) },
  });
  const text = await response.text();
  return { status: response.status, json: text === '' ? undefined : JSON.parse(text) };
}

const keyOf = (header: string): string => (header === 'Training-Key' ? server.trainingKey : server.predictionKey);

for (const version of ['v2.0', 'v2.1', 'v2.2'] as const) {
  test(`${version}: upload, train, choose, predict with the default iteration and with another, look back, delete`, async () => {
    const typed = version !== 'v2.0';
    const train = async (method: string, path: string, body?: object | Buffer, status = 200) => {
      const answer = await ask(method, `${version}/Training${path}`, 'Training-Key', body);
      assert.equal(answer.status, status, `${method} ${path}: ${JSON.stringify(answer.json)}`);
      return answer.json;
    };
    const predict = (projectId: string, path: string, body: object | Buffer) =>
      ask('POST', `v2.0/Prediction/${projectId}${path}`, 'Prediction-Key', body);

    const domains = await train('GET', '/domains');
    assert.deepEqual(Object.keys(domains[0]), ['id', 'name', 'type', 'exportable', 'enabled']);
    const project = await train('POST', `/projects?name=${version}&description=2018&domainId=${domains[0].id}`);
    assert.deepEqual(project, {
      id: project.id,
      name: version,
      description: '2018',
      settings: { domainId: domains[0].id, ...(typed && { classificationType: 'Multilabel' }) },
      created: project.created,
      lastModified: project.lastModified,
      thumbnailUri: null,
    });
    const at = `/projects/${project.id}`;

    const tagIds = new Map<string, string>();
    for (const name of new Set(pictures.map(({ tag }) => tag))) {
      const tag = await train('POST', `${at}/tags?name=${name}`);
      const type = version === 'v2.2' ? { type: 'Regular' } : {};
      assert.deepEqual(tag, { id: tag.id, name, description: null, ...type, imageCount: 0 });
      tagIds.set(name, tag.id);
    }
    const [first, second, ...others] = pictures as [SamplePicture, SamplePicture, ...SamplePicture[]];
    const created = await train('POST', `${at}/images?tagIds=${tagIds.get(first.tag)}`, first.bytes);
    const uris =
      version === 'v2.2' ? ['resizedImageUri', 'thumbnailUri', 'originalImageUri'] : ['imageUri', 'thumbnailUri'];
    const { image } = created.images[0];
    assert.deepEqual(Object.keys(image), ['id', 'created', 'width', 'height', ...uris, 'tags']);
    for (const uri of uris) assert.equal((await fetch(image[uri])).status, 200, uri);
    const entry = ({ name, bytes, tag }: SamplePicture) => ({
      name,
      contents: bytes.toString('base64'),
      tagIds: [tagIds.get(tag)],
    });
    await train('POST', `${at}/images/files`, { images: others.map(entry) });
    const [listed] = await train('GET', `${at}/images/tagged?take=1`);
    assert.deepEqual(Object.keys(listed), Object.keys(image));

    const trained = async () => {
      const begun = await train('POST', `${at}/train`);
      assert.equal(begun.isDefault, false);
      const done = await until(
        () => train('GET', `${at}/iterations/${begun.id}`),
        ({ status }) => status !== 'Training',
      );
      assert.equal(done.status, 'Completed');
      return done;
    };
    const old = await trained();
    assert.deepEqual(Object.keys(old), [
      'id',
      'name',
      'isDefault',
      'status',
      'created',
      'lastModified',
      'trainedAt',
      'projectId',
      'exportable',
      'domainId',
      ...(typed ? ['classificationType'] : []),
    ]);

    const refused = await predict(project.id, '/image', unseen.bytes);
    assert.deepEqual(refused, {
      status: 404,
      json: { code: 'NotFoundProjectDefaultIteration', message: 'Project has no default iteration' },
    });
    const chosen = await train('PATCH', `${at}/iterations/${old.id}`, { isDefault: true });
    assert.deepEqual([chosen.isDefault, chosen.name], [true, old.name]);
    const answered = await predict(project.id, '/image?application=tests', unseen.bytes);
    assert.equal(answered.status, 200);
    assert.deepEqual(Object.keys(answered.json), ['id', 'project', 'iteration', 'created', 'predictions']);
    assert.equal(answered.json.iteration, old.id);
    assert.match(answered.json.created, /\.\d{7}Z$/);
    assert.deepEqual(Object.keys(answered.json.predictions[0]), ['probability', 'tagId', 'tagName']);
    assert.equal(answered.json.predictions[0].tagName, unseen.tag);

    await train('POST', `${at}/images/files`, { images: [entry(second)] });
    const next = await trained();
    const url = { url: web.url(unseen.name) };
    for (const [path, body] of [
      ['/image/nostore', unseen.bytes],
      ['/url/nostore', url],
    ] as const) {
      assert.equal((await predict(project.id, path, body)).json.iteration, old.id);
      const other = await predict(project.id, `${path}?iterationId=${next.id}`, body);
      assert.equal(other.json.iteration, next.id);
    }
    const tried = await train('POST', `${at}/quicktest/url`, url);
    assert.equal(tried.iteration, old.id);

    // The one that was the default one no longer is.
    await train('PATCH', `${at}/iterations/${next.id}`, { name: 'Best', isDefault: true });
    const iterations = await train('GET', `${at}/iterations`);
    assert.deepEqual(
      iterations.map((one: Reply['json']) => [one.id, one.name, one.isDefault]),
      [
        [next.id, 'Best', true],
        [old.id, old.name, false],
      ],
    );
    assert.equal((await predict(project.id, '/url', url)).json.iteration, next.id);

    const asked = { maxCount: 10, orderBy: 'Newest', application: 'tests' };
    const { results } = await train('POST', `${at}/predictions/query`, asked);
    // The quick test is kept too: before 3.1 nothing could say otherwise.
    const all = await train('POST', `${at}/predictions/query`, { maxCount: 10 });
    assert.deepEqual([results.length, results[0].id, all.results.length], [1, answered.json.id, 3]);
    assert.deepEqual(Object.keys(results[0]), [...uris, 'domain', ...Object.keys(answered.json)]);
    const added = await train('POST', `${at}/images/predictions`, { images: [{ id: results[0].id }] });
    assert.deepEqual([added.isBatchSuccessful, added.images[0].sourceUrl], [true, results[0].id]);

    // Newer programs see nothing of it, change nothing of it, and publish what they like.
    const newer = (method: string, path: string, body?: object) =>
      ask(method, `v3.3/training${at}/iterations/${next.id}${path}`, 'Training-Key', body);
    const { json: renamed } = await newer('PATCH', '', { name: 'Better', isDefault: false });
    assert.deepEqual([renamed.name, 'isDefault' in renamed], ['Better', false]);
    assert.equal((await newer('POST', '/publish?publishName=live&predictionId=any')).json, true);
    const classified = await ask(
      'POST',
      `v3.0/prediction/${project.id}/classify/iterations/live/url`,
      'Prediction-Key',
      url,
    );
    assert.equal(classified.json.iteration, next.id);
    assert.equal((await predict(project.id, '/url/nostore', url)).json.iteration, next.id);
    const inUse = await train('DELETE', `${at}/iterations/${next.id}`, undefined, 400);
    assert.equal(inUse.code, 'BadRequestIterationIsPublished');
    assert.equal((await newer('DELETE', '/publish')).status, 204);

    await train('DELETE', `${at}/predictions?ids=${results[0].id}`, undefined, 204);
    await train('DELETE', `${at}/iterations/${next.id}`, undefined, 204);
    assert.equal((await predict(project.id, '/image', unseen.bytes)).json.code, 'NotFoundProjectDefaultIteration');
    await train('DELETE', at, undefined, 204);
    await train('GET', at, undefined, 404);
  });
}

test('v2.0: things in pictures are marked, proposed and looked up', async () => {
  const { name, bytes } = pictures[0]!;
  const train = async (method: string, path: string, body?: object) => {
    const answer = await ask(method, `v2.0/Training${path}`, 'Training-Key', body);
    assert.equal(answer.status, 200, `${method} ${path}: ${JSON.stringify(answer.json)}`);
    return answer.json;
  };
  const domains: Reply['json'][] = await train('GET', '/domains');
  const { id: domainId } = domains.find(({ type }) => type === 'ObjectDetection');
  const project = await train('POST', `/projects?name=things&domainId=${domainId}`);
  const tag = await train('POST', `/projects/${project.id}/tags?name=thing`);
  const images = `/projects/${project.id}/images`;
  const contents = bytes.toString('base64');
  const { image } = (await train('POST', `${images}/files`, { images: [{ name, contents }] })).images[0];
  const box = { left: 0.25, top: 0.25, width: 0.5, height: 0.5 };
  const regions = [{ imageId: image.id, tagId: tag.id, ...box }];
  assert.equal((await train('POST', `${images}/regions`, { regions })).created.length, 1);
  const [found] = await train('GET', `${images}/id?imageIds=${image.id}`);
  assert.deepEqual([found.regions[0].tagId, found.regions[0].left], [tag.id, 0.25]);
  // Where it was before it was below /projects.
  const proposed = await train('POST', `/${project.id}/images/${image.id}/regionproposals`);
  assert.deepEqual([proposed.projectId, proposed.imageId], [project.id, image.id]);
});
