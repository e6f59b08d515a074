/** What the server answers to what is wrong: Azure's status and code, a message that helps, and nothing half stored. */
import assert from 'node:assert/strict';
import { request } from 'node:http';
import { after, before, describe, test } from 'node:test';
import { samplePictures } from '../../scripts/samples.ts';
import { type PictureServer, servePictures } from '../fixtures/picture-server.ts';
import { runOwnsight, startServer, type TestServer } from '../fixtures/server.ts';

let server: TestServer;
let stranger: { trainingKey: string; predictionKey: string };
let projectId: string;
let tagId: string;
let picture: Buffer;
let others: Buffer[];

/** How to ask, beside the address. */
interface Ask {
  readonly method?: string;
  readonly key?: string | null;
  readonly json?: unknown;
  readonly body?: string | Uint8Array;
  readonly type?: string;
}

// biome-ignore lint/suspicious/noExplicitAny: answers are compared, not computed with
type Answer = { status: number; body: any };

async function ask(path: string, { method, key = server.trainingKey, json, body, type }: Ask = {}): Promise<Answer> {
  const api = path.startsWith('prediction') ? 'v3.1/' : 'v3.3/';
  const sent = json === undefined ? body : JSON.stringify(json);
  const response = await fetch(`${server.endpoint}/customvision/${api}${path}`, {
    method: method ?? (sent === undefined ? 'GET' : 'POST'),
    headers: {
      ...(key === null ? {} : { [path.startsWith('prediction') ? 'Prediction-Key' : 'Training-Key']: key }),
      ...(sent === undefined
        ? {}
        : { 'content-type': type ?? (json === undefined ? 'application/octet-stream' : 'application/json') }),
    },
    ...(sent === undefined ? {} : { body: sent as string }),
  });
  const text = await response.text();
  return { status: response.status, body: text === '' ? undefined : JSON.parse(text) };
}

async function refuses(status: number, code: string, message: RegExp, path: string, options?: Ask): Promise<void> {
  const answer = await ask(path, options);
  assert.equal(`${answer.status} ${answer.body?.code}`, `${status} ${code}`, `${path}: ${JSON.stringify(answer.body)}`);
  assert.match(answer.body.message, message);
  assert.deepEqual(Object.keys(answer.body).sort(), ['code', 'message']);
}

const at = (path: string) => `training/projects/${projectId}${path}`;
const images = async (): Promise<number> => (await ask(at('/images/count'))).body;
const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64');

before(async () => {
  server = await startServer();
  const made = await runOwnsight(server.home, ['account', 'create', 'stranger', '--json']);
  assert.equal(made.code, 0, made.output);
  const { keys } = JSON.parse(made.output) as { keys: Record<'training' | 'prediction', { primary: string }> };
  stranger = { trainingKey: keys.training.primary, predictionKey: keys.prediction.primary };
  [picture, ...others] = (await samplePictures({ perClass: 4 })).map((one) => one.bytes) as [Buffer, ...Buffer[]];
  projectId = (await ask('training/projects?name=Things&classificationType=Multiclass', { method: 'POST' })).body.id;
  tagId = (await ask(at('/tags?name=Apple'), { method: 'POST' })).body.id;
});
after(async () => {
  assert.equal(await server?.stop(), 0);
});

describe('keys', () => {
  test('wrong, missing, of the other kind or misplaced: one and the same answer', async () => {
    const first = await ask('training/projects', { key: null });
    for (const key of ['', 'wrong', server.predictionKey, `${server.trainingKey}x`])
      assert.deepEqual(await ask('training/projects', { key }), first);
    assert.equal(first.status, 401);
    assert.equal(first.body.code, 'Unauthorized');
    const predict = await ask(`prediction/${projectId}/classify/iterations/x/image`, {
      key: server.trainingKey,
      body: picture,
    });
    assert.equal(predict.status, 401);
  });

  test('an unknown project needs a key before anything is said of it', async () => {
    assert.equal((await ask(`training/projects/${crypto.randomUUID()}`, { key: null })).status, 401);
  });

  test("another account's ids do not exist", async () => {
    const key = stranger.trainingKey;
    assert.deepEqual((await ask('training/projects', { key })).body, []);
    const image = (await ask(at('/images'), { body: others[0]! })).body.images[0].image.id;
    for (const [path, method] of [
      ['', 'GET'],
      ['', 'DELETE'],
      ['/tags', 'GET'],
      [`/tags/${tagId}`, 'GET'],
      ['/images/tagged', 'GET'],
      [`/images/id?imageIds=${image}`, 'GET'],
      [`/images?imageIds=${image}`, 'DELETE'],
      ['/iterations', 'GET'],
      ['/train', 'POST'],
    ] as const)
      await refuses(404, 'NotFoundProject', /./, at(path), { key, method });
    await refuses(404, 'NotFoundProject', /./, `prediction/${projectId}/classify/iterations/x/image`, {
      key: stranger.predictionKey,
      body: picture,
    });
    const own = (await ask('training/projects?name=Mine', { method: 'POST', key })).body.id;
    await refuses(404, 'NotFoundTag', /./, `training/projects/${own}/tags/${tagId}`, { key });
    const stolen = await ask(`training/projects/${own}/images?tagIds=${tagId}`, { key, body: picture });
    assert.notEqual(stolen.body.images?.[0]?.status, 'OK');
    assert.equal((await ask(at(''))).status, 200);
  });
});

describe('requests', () => {
  test('malformed JSON and wrong types', async () => {
    await refuses(400, 'BadRequest', /JSON/i, at('/images/files'), { body: '{"images": [', type: 'application/json' });
    await refuses(400, 'BadRequest', /list for images/, at('/images/files'), {
      json: { images: 'none' },
    });
    await refuses(400, 'BadRequest', /^expected an object for the body but/, at('/images/files'), { json: [] });
    for (const json of [[], 7, null, 'text']) {
      const { status, body } = await ask(at('/images/files'), { json });
      assert.equal(status, 400);
      assert.match(body.code, /^BadRequest/);
    }
    const misnamed = await ask(at(''), { method: 'PATCH', json: { name: 7 } });
    assert.match(`${misnamed.status} ${misnamed.body.code} ${misnamed.body.message}`, /^400 BadRequest\w* .*name/);
    await refuses(400, 'BadRequest', /take/, at('/images/tagged?take=many'));
    await refuses(400, 'BadRequest', /take/, at('/images/tagged?take=257'));
    assert.equal((await ask('training/projects/not-an-id')).status >= 400, true);
    await refuses(404, 'NotFoundProject', /./, `training/projects/${crypto.randomUUID()}`);
  });

  test('unknown words', async () => {
    await refuses(
      400,
      'BadRequestProjectUnknownClassification',
      /Multi/,
      'training/projects?name=X&classificationType=Biclass',
      { method: 'POST' },
    );
    await refuses(
      400,
      'BadRequestProjectUnknownDomain',
      /./,
      `training/projects?name=X&domainId=${crypto.randomUUID()}`,
      { method: 'POST' },
    );
    await refuses(400, 'BadRequestTagType', /Regular/, at('/tags?name=X&type=Odd'), { method: 'POST' });
    await refuses(400, 'BadRequest', /Newest, Oldest/, at('/images/tagged?orderBy=Random'));
    assert.deepEqual(
      (await ask('training/projects')).body.map((one: { name: string }) => one.name),
      ['Things'],
    );
  });

  test('a tag does not become what could not have been made', async () => {
    const patch = (project: string, id: string, type: string) =>
      [`training/projects/${project}/tags/${id}`, { method: 'PATCH', json: { type } }] as const;
    const make = async (query: string) =>
      (await ask(`training/projects?name=${query}`, { method: 'POST' })).body.id as string;
    await refuses(400, 'BadRequestTagType', /detection only/, ...patch(projectId, tagId, 'GeneralProduct'));

    const detection = await make('Boxes&domainId=da2e3a8a-40a5-4171-82f4-58522f70fbc1');
    const box = (await ask(`training/projects/${detection}/tags?name=box`, { method: 'POST' })).body.id;
    await refuses(400, 'BadRequestTagType', /no negative tag/, ...patch(detection, box, 'Negative'));

    const several = await make('Several&classificationType=Multilabel');
    const tag = async (name: string) =>
      (await ask(`training/projects/${several}/tags?name=${name}`, { method: 'POST' })).body.id as string;
    const [red, round, alone] = [await tag('red'), await tag('round'), await tag('alone')];
    await ask(`training/projects/${several}/images?tagIds=${red},${round}`, { body: picture });
    const together = 'BadRequestNegativeAndRegularTagOnSameImage';
    await refuses(400, together, /negative tag and a regular tag/, ...patch(several, red, 'Negative'));
    assert.equal((await ask(...patch(several, alone, 'Negative'))).body.type, 'Negative');
  });

  test('names that are missing, too long or taken', async () => {
    const long = 'n'.repeat(129);
    await refuses(400, 'BadRequestProjectName', /./, 'training/projects?name=', { method: 'POST' });
    await refuses(400, 'BadRequestProjectName', /128/, `training/projects?name=${long}`, { method: 'POST' });
    await refuses(400, 'BadRequestProjectNameNotUnique', /./, 'training/projects?name=Things', { method: 'POST' });
    await refuses(400, 'BadRequestTagName', /128/, at(`/tags?name=${long}`), { method: 'POST' });
    await refuses(400, 'BadRequestTagNameNotUnique', /./, at('/tags?name=Apple'), { method: 'POST' });
    assert.equal((await ask(at('/tags'))).body.length, 1);
  });

  test('too many at once', async () => {
    const before = await images();
    const entries = Array.from({ length: 65 }, (_, n) => ({ name: `${n}`, contents: base64(picture) }));
    await refuses(400, 'BadRequestExceededBatchSize', /64/, at('/images/files'), { json: { images: entries } });
    await refuses(400, 'BadRequestExceededBatchSize', /64/, at('/images/urls'), {
      json: { images: entries.map(() => ({ url: 'http://example.com' })) },
    });
    const many = Array.from({ length: 257 }, () => crypto.randomUUID()).join(',');
    for (const method of ['GET', 'DELETE']) {
      const path = method === 'GET' ? `/images/id?imageIds=${many}` : `/images?imageIds=${many}`;
      const answer = await ask(at(path), { method });
      assert.equal(answer.status, 400, JSON.stringify(answer.body));
      assert.match(answer.body.message, /256/);
    }
    assert.equal(await images(), before);
  });

  test('a body over every limit is refused before it is sent', async () => {
    const url = `${server.endpoint}/customvision/v3.3/${at('/images')}`;
    const headers = { 'Training-Key': server.trainingKey, 'content-type': 'application/octet-stream' };
    const status = await new Promise((done, fail) => {
      const asked = request(url, { method: 'POST', headers: { ...headers, 'content-length': 2 ** 40 } }, (answer) => {
        done(answer.statusCode);
        asked.destroy();
      });
      asked.on('error', fail).write(picture);
    });
    assert.equal(status, 413);
    assert.equal((await ask(at(''))).status, 200);
  });
});

describe('pictures', () => {
  const svg = Buffer.from(
    '<svg xmlns="http://www.w3.org/2000/svg" width="300" height="300"><rect width="9" height="9"/></svg>',
  );
  /** A PNG head that promises 50,000 x 50,000 pixels. */
  const bomb = Buffer.from(
    '89504e470d0a1a0a0000000d49484452' +
      '0000c350' +
      '0000c350' +
      '0802000000' +
      'b1e2a2a5' +
      '0000000049454e44ae426082',
    'hex',
  );

  test('each bad one gets its own status, and the good ones of the batch stay', async () => {
    const before = await images();
    const batch = [
      { name: 'good', contents: base64(others[1]!), tagIds: [tagId] },
      { name: 'truncated', contents: base64(picture.subarray(0, picture.length >> 1)) },
      { name: 'text', contents: base64(Buffer.from('hello')) },
      { name: 'svg', contents: base64(svg) },
      { name: 'bomb', contents: base64(bomb) },
      { name: 'large', contents: base64(Buffer.concat([picture, Buffer.alloc(6 * 2 ** 20)])) },
      { name: 'empty', contents: '' },
      { name: 'good too', contents: base64(others[2]!) },
      { name: 'stranger', contents: base64(others[3]!), tagIds: [crypto.randomUUID()] },
    ];
    const { status, body } = await ask(at('/images/files'), { json: { images: batch } });
    assert.equal(status, 207);
    assert.equal(body.isBatchSuccessful, false);
    const statuses = Object.fromEntries(
      body.images.map((one: { sourceUrl: string; status: string }) => [one.sourceUrl, one.status]),
    );
    assert.equal(statuses.good, 'OK');
    assert.equal(statuses['good too'], 'OK');
    for (const name of ['truncated', 'text', 'svg', 'empty']) assert.equal(statuses[name], 'ErrorImageFormat', name);
    assert.match(statuses.bomb, /^Error(ImageFormat|ImageSize|ImageDimensions)$/);
    assert.equal(statuses.large, 'ErrorImageSize');
    assert.match(statuses.stranger, /^Error/);
    assert.equal(await images(), before + 2);
    assert.equal((await runOwnsight(server.home, ['doctor'])).code, 0);
  });

  test('one bad picture alone is a batch of none', async () => {
    const before = await images();
    for (const body of [svg, bomb, Buffer.from('text'), picture.subarray(0, 5000)]) {
      const answer = await ask(at('/images'), { body });
      assert.ok(answer.status === 207 || answer.status === 400, JSON.stringify(answer));
    }
    assert.equal(await images(), before);
  });
});

describe('addresses', () => {
  let web: PictureServer;
  before(async () => {
    web = await servePictures(new Map([['a.jpg', picture]]));
  });
  after(() => web.close());

  test('private ones, files and redirects to them are refused, and nothing of them is told', async () => {
    const before = await images();
    const urls = [
      web.url('a.jpg'),
      'http://[::1]/a.jpg',
      'http://169.254.169.254/latest/meta-data/',
      'file:///etc/passwd',
      'data:image/png;base64,AA',
      'nonsense',
    ];
    const { status, body } = await ask(at('/images/urls'), { json: { images: urls.map((url) => ({ url })) } });
    assert.equal(status, 207);
    assert.deepEqual(
      body.images.map((one: { status: string }) => one.status),
      urls.map(() => 'ErrorSource'),
    );
    await refuses(404, 'NotFoundIteration', /./, at('/quicktest/url'), { json: { url: web.url('a.jpg') } });
    assert.equal(await images(), before);
  });
});

describe('training and prediction', () => {
  test('too little to learn from', async () => {
    const empty = (await ask('training/projects?name=Empty', { method: 'POST' })).body.id;
    const answer = await ask(`training/projects/${empty}/train`, { method: 'POST' });
    assert.equal(answer.status, 400);
    assert.match(answer.body.code, /^BadRequest\w*TrainingValidationFailed$/);
    assert.match(answer.body.message, /Not enough images/);
    assert.deepEqual((await ask(`training/projects/${empty}/iterations`)).body, []);
  });

  test('a second training beside the first, and a name that is not published', async () => {
    const id = (await ask('training/projects?name=Busy&classificationType=Multiclass', { method: 'POST' })).body.id;
    const all = await samplePictures({ seed: 9, perClass: 6 });
    const tags = new Map<string, string>();
    for (const tag of new Set(all.map((one) => one.tag)))
      tags.set(tag, (await ask(`training/projects/${id}/tags?name=${tag}`, { method: 'POST' })).body.id);
    const batch = {
      images: all.map((one) => ({ name: one.name, contents: base64(one.bytes), tagIds: [tags.get(one.tag)!] })),
    };
    assert.equal((await ask(`training/projects/${id}/images/files`, { json: batch })).body.isBatchSuccessful, true);
    const trainings = await Promise.all([1, 2, 3].map(() => ask(`training/projects/${id}/train`, { method: 'POST' })));
    assert.deepEqual(trainings.map((one) => one.status).sort(), [200, 400, 400]);
    for (const one of trainings.filter((answer) => answer.status === 400))
      assert.equal(one.body.code, 'BadRequestTrainingAlreadyInProgress');
    assert.equal((await ask(`training/projects/${id}/iterations`)).body.length, 1);
    await refuses(404, 'NotFoundIteration', /Invalid iteration/, `prediction/${id}/classify/iterations/nothing/image`, {
      key: server.predictionKey,
      body: picture,
    });
    assert.equal((await ask(`training/projects/${id}`, { method: 'DELETE' })).status, 204);
  });
});
