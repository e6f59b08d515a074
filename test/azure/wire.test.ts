/** What goes over the wire, byte by byte where it matters: headers, statuses, addresses, uploads, links. */
import assert from 'node:assert/strict';
import { request } from 'node:http';
import { after, before, test } from 'node:test';
import sharp from 'sharp';
import { samplePictures } from '../../scripts/samples.ts';
import { runOwnsight, startServer, type TestServer } from '../fixtures/server.ts';

let server: TestServer;
let projectId: string;
let tagId: string;
let pictures: Buffer[];

interface Ask {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
}
interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly bytes: Buffer;
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: answers are compared, not computed with
  readonly json: any;
}

/**
 * One request exactly as given: nothing is normalised on the way, no header added but `Host`. With the training key
 * unless one is given.
 */
function raw(path: string, { method = 'GET', headers = {}, body }: Ask = {}): Promise<Answer> {
  const { hostname, port } = new URL(server.endpoint);
  return new Promise((resolve, reject) => {
    const key = Object.keys(headers).some((name) => /key/i.test(name)) ? {} : { 'Training-key': server.trainingKey };
    const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) };
    const sent = request({ hostname, port, path, method, headers: { ...key, ...length, ...headers } }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => {
        const bytes = Buffer.concat(chunks);
        const text = bytes.toString();
        const isJson = response.headers['content-type']?.startsWith('application/json');
        resolve({
          status: response.statusCode!,
          headers: response.headers,
          bytes,
          text,
          json: isJson ? JSON.parse(text) : undefined,
        });
      });
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

const training = (version: string, path: string): string => `/customvision/${version}/training${path}`;
const at = (path: string): string => training('v3.4-preview', `/projects/${projectId}${path}`);
const octets = { 'content-type': 'application/octet-stream' };

before(async () => {
  server = await startServer();
  const project = await raw(training('v3.4-preview', '/projects?name=wire'), { method: 'POST' });
  projectId = project.json.id;
  tagId = (await raw(at('/tags?name=apple'), { method: 'POST' })).json.id;
  pictures = (await samplePictures({ perClass: 4 })).map(({ bytes }) => bytes);
});

after(() => server.stop());

test('every answer carries the headers of the service, and nothing about the server', async () => {
  const refused = ['/customvision/v9/training/projects', training('v3.3', '/projects/none'), '/%zz'];
  for (const path of [at(''), at('/tags'), ...refused]) {
    const { headers } = await raw(path);
    assert.match(String(headers['apim-request-id']), /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    assert.equal(headers['request-id'], headers['apim-request-id']);
    assert.equal(headers['strict-transport-security'], 'max-age=31536000; includeSubDomains; preload');
    assert.equal(headers['x-content-type-options'], 'nosniff');
    assert.equal(headers['content-type'], 'application/json; charset=utf-8');
    assert.ok(headers['content-length']);
    for (const absent of ['server', 'etag', 'x-powered-by']) assert.equal(headers[absent], undefined);
  }
});

test('creates answer 200, deletes 204 with neither body nor type, DeleteImages of everything 202', async () => {
  const made = await raw(at('/tags?name=short-lived'), {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'content-length': '0' },
  });
  assert.equal(made.status, 200);
  assert.equal(
    made.text,
    `{"id":"${made.json.id}","name":"short-lived","description":null,"type":"Regular","imageCount":0}`,
  );
  const gone = await raw(at(`/tags/${made.json.id}`), {
    method: 'DELETE',
    headers: { 'content-type': 'application/json', 'content-length': '0' },
  });
  assert.equal(gone.status, 204);
  assert.equal(gone.headers['content-length'], '0');
  assert.equal(gone.headers['content-type'], undefined);
  const again = await raw(at(`/tags/${made.json.id}`), { method: 'DELETE' });
  assert.equal(`${again.status} ${again.json.code}`, '404 NotFoundTag');
  const all = await raw(at('/images?allImages=true&allIterations=true'), { method: 'DELETE' });
  assert.equal(`${all.status} ${all.text}`, '202 ');
});

test('paths in any letter case, with doubled slashes and a slash at the end; ids in any case', async () => {
  for (const path of [
    `//customvision/v3.3/Training/projects/${projectId}`,
    `/CustomVision/V3.3/TRAINING//Projects/${projectId.toUpperCase()}/`,
    `/customvision/v3.4-Preview/training/projects/${projectId}/`,
  ])
    assert.equal((await raw(path)).json?.id, projectId, path);
});

test('queries: names in any case, lists with commas or repeated', async () => {
  const made = await raw(at(`/images?TAGIDS=${tagId}`), { method: 'POST', headers: octets, body: pictures[0]! });
  const id = made.json.images[0].image.id;
  const other = await raw(at('/images'), { method: 'POST', headers: octets, body: pictures[1]! });
  const otherId = other.json.images[0].image.id;
  for (const query of [
    `imageIds=${id},${otherId}`,
    `imageIds=${id}&imageIds=${otherId}`,
    `IMAGEIDS=${id}%2C%20${otherId.toUpperCase()}`,
  ]) {
    const { json } = await raw(at(`/images/id?${query}`));
    assert.deepEqual(json.map((image: { id: string }) => image.id).sort(), [id, otherId].sort(), query);
  }
  const count = await raw(at('/images/count?taggingStatus=untagged'));
  assert.equal(count.text, '1');
});

test('uploads as real clients send them', async () => {
  const part = (headers: string, bytes: Buffer) =>
    Buffer.concat([Buffer.from(`--xyz\r\n${headers}\r\n\r\n`), bytes, Buffer.from('\r\n--xyz--\r\n')]);
  const multipart = { 'content-type': 'multipart/form-data; boundary=xyz' };
  const uploads: readonly (readonly [string, Readonly<Record<string, string>>, Buffer])[] = [
    [
      '.NET',
      multipart,
      part('Content-Disposition: form-data; name=imageData; filename="C:\\leaves\\a.jpg"', pictures[2]!),
    ],
    [
      'JavaScript',
      multipart,
      part('Content-Disposition: form-data; name="imageData"\r\nContent-Type: application/octet-stream', pictures[3]!),
    ],
    ['curl, image type', { 'content-type': 'image/jpeg' }, pictures[4]!],
    ['curl, multipart claimed', { 'content-type': 'multipart/form-data' }, pictures[5]!],
    ['no type', {}, pictures[6]!],
  ];
  for (const [what, headers, body] of uploads) {
    const { status, json } = await raw(at('/images'), { method: 'POST', headers, body });
    assert.equal(`${status} ${json.images?.[0].status}`, '200 OK', what);
  }
  const twice = await raw(at('/images'), { method: 'POST', headers: octets, body: pictures[6]! });
  assert.equal(`${twice.status} ${twice.json.images[0].status}`, '207 OKDuplicate');
  const before33 = await raw(training('v3.2', `/projects/${projectId}/images`), {
    method: 'POST',
    headers: octets,
    body: pictures[6]!,
  });
  assert.equal(`${before33.status} ${before33.json.isBatchSuccessful}`, '200 false');
  const none = await raw(at('/images'), { method: 'POST', headers: octets });
  assert.equal(`${none.status} ${none.json.code}`, '400 BadRequestImageStream');
});

test('pictures of one batch are listed in the order they came in', async () => {
  // The first takes longest to prepare.
  const large = await sharp({ create: { width: 4000, height: 3000, channels: 3, background: 'teal' } })
    .png()
    .toBuffer();
  const images = [large, ...pictures.slice(-3)].map((bytes) => ({ contents: bytes.toString('base64') }));
  const sent = await raw(at('/images/files'), { method: 'POST', body: JSON.stringify({ images }) });
  const made = sent.json.images.map(({ image }: { image: { id: string } }) => image.id) as string[];
  const listed = await raw(at(`/images?orderBy=Newest&take=${made.length}`));
  assert.deepEqual(
    listed.json.map(({ id }: { id: string }) => id),
    made.toReversed(),
  );
});

test('links authorise themselves, and only what they were made for', async () => {
  const { json } = await raw(at('/images?take=1'));
  const { originalImageUri, resizedImageUri, thumbnailUri } = json[0];
  assert.equal(resizedImageUri, originalImageUri);
  const hex = projectId.replaceAll('-', '');
  assert.match(
    originalImageUri,
    new RegExp(
      `^${server.endpoint}/i-${hex}/i-[0-9a-f]{32}\\?sv=2017-04-17&sr=b&sig=[\\w%-]+&se=\\d{4}-\\d\\d-\\d\\dT\\d\\d%3A\\d\\d%3A\\d\\dZ&sp=r$`,
    ),
  );
  assert.match(thumbnailUri, new RegExp(`/i-${hex}/t-`));
  const expiry = Date.parse(new URL(originalImageUri).searchParams.get('se')!) - Date.now();
  assert.ok(Math.abs(expiry - 24 * 3600_000) < 60_000, `${expiry} ms`);

  const noKey = { headers: { 'x-no-key': '' } };
  const path = (uri: string): string => uri.slice(server.endpoint.length);
  const original = await raw(path(originalImageUri), noKey);
  assert.equal(original.status, 200);
  assert.ok(
    pictures.some((picture) => picture.equals(original.bytes)),
    'byte for byte what was uploaded',
  );
  assert.match(String(original.headers['content-type']), /^image\//);
  assert.equal(original.headers['cache-control'], 'private, no-store');
  assert.equal((await raw(path(thumbnailUri), noKey)).headers['content-type'], 'image/jpeg');
  const head = await raw(path(originalImageUri), { ...noKey, method: 'HEAD' });
  assert.equal(`${head.status} ${head.headers['content-length']}`, `200 ${original.bytes.length}`);
  const artifact = await raw(at(`/artifacts?path=${encodeURIComponent(new URL(originalImageUri).pathname.slice(1))}`));
  assert.ok(artifact.bytes.equals(original.bytes));
  assert.equal(artifact.headers['content-type'], 'application/octet-stream');

  const elsewhere = await raw(at(`/artifacts?path=i-${'f'.repeat(32)}/i-${'f'.repeat(32)}`));
  assert.equal(`${elsewhere.status} ${elsewhere.json.code}`, '400 BadRequestInvalidArtifactUri');

  const link = path(originalImageUri);
  for (const changed of [
    link
      .replace('/i-', '/t-')
      .replace('/t-', '/i-')
      .replace(/\/i-([0-9a-f]{32})\?/, '/t-$1?'),
    link.replace(/sig=./, 'sig='),
    link.replace(/se=(\d{4})/, (_, year) => `se=${Number(year) + 1}`),
    link.replace(/se=(\d{4})/, 'se=2000'),
    link.split('?')[0]!,
    `${link}&sig=x`,
    link.replace(hex, 'f'.repeat(32)),
  ]) {
    assert.notEqual(changed, link);
    const refused = await raw(changed, noKey);
    assert.equal(`${refused.status} ${refused.json.code}`, '403 Forbidden', changed);
  }
  await raw(at(`/images?imageIds=${json[0].id}`), { method: 'DELETE' });
  assert.equal((await raw(link, noKey)).status, 404);
});

test('without a right key nothing is told, whatever was asked', async () => {
  const { prediction } = await keysOf(server);
  const answers = await Promise.all(
    [at(''), at('/tags'), training('v3.3', '/projects/none'), training('v1.2', '/account')].flatMap((path) =>
      [
        { 'x-no-key': '' },
        { 'Training-Key': '' },
        { 'Training-Key': 'wrong' },
        { 'Training-Key': prediction },
        { 'Prediction-Key': server.trainingKey },
      ].map((headers) => raw(path, { headers })),
    ),
  );
  for (const { status, text, json } of answers) {
    assert.equal(status, 401);
    assert.equal(text, answers[0]!.text);
    assert.deepEqual(Object.keys(json), ['code', 'message', 'error']);
    assert.equal(`${json.code} ${json.error.code}`, 'Unauthorized 401');
  }
  assert.equal((await raw(at(''), { headers: { 'ocp-apim-subscription-key': server.trainingKey } })).status, 200);
});

const keysOf = async ({ predictionKey }: TestServer) => ({ prediction: predictionKey });

test('what does not exist says what does', async () => {
  const says = async (path: string, method: string, wanted: string, message: RegExp) => {
    const { status, json } = await raw(path, { method });
    assert.equal(`${status} ${json.code}`, wanted, path);
    assert.match(json.message, message);
  };
  await says(
    '/customvision/v1.3/Training/projects',
    'GET',
    '404 NotFound',
    /v3\.4-preview, .*v1\.1, v1\.0 for training but received v1\.3\.$/,
  );
  await says(
    '/customvision/v7/prediction/x',
    'POST',
    '404 NotFound',
    /v3\.1, v3\.0, v2\.0, v1\.1, v1\.0 for prediction but received v7\.$/,
  );
  await says(
    training('v3.0', `/projects/${projectId}/images/count`),
    'GET',
    '404 NotFound',
    /no such operation in training v3\.0/,
  );
  await says('/nowhere', 'GET', '404 NotFound', /nothing at this address/);
  await says(at('/tags'), 'PUT', '405 MethodNotAllowed', /POST or GET .* received PUT/);
  await says(training('v3.3', '/projects/17'), 'GET', '404 NotFoundProject', /for projectId but received "17"/);
  await says(at('/images/regions'), 'POST', '400 BadRequestRequiredParamIsNull', /JSON for the body/);
});

test('GetAccountInfo in the words of 1.2', async () => {
  const { json, status } = await raw('/customvision/v1.2/Training/account');
  assert.equal(status, 200);
  assert.deepEqual(Object.keys(json), ['UserName', 'Email', 'Keys', 'Quotas']);
  assert.equal(json.Keys.TrainingKeys.PrimaryKey, server.trainingKey);
  assert.equal(json.Keys.PredictionKeys.PrimaryKey, server.predictionKey);
  assert.equal(json.Quotas.Projects.Used, 1);
  assert.equal(json.Quotas.PerProject[0].ProjectId, projectId);
});

test('another account is shown none of it', async () => {
  const made = await runOwnsight(server.home, ['account', 'create', 'stranger', '--json']);
  const key = JSON.parse(made.output).keys.training.primary as string;
  const headers = { 'Training-Key': key };
  for (const path of [at(''), at('/tags'), at('/images'), at(`/tags/${tagId}`)]) {
    const { status, json } = await raw(path, { headers });
    assert.equal(`${status} ${json.code}`, '404 NotFoundProject', path);
  }
  const { json } = await raw(at('/images?take=1'));
  const path = encodeURIComponent(new URL(json[0].originalImageUri).pathname);
  assert.equal((await raw(at(`/artifacts?path=${path}`), { headers })).status, 404);
});

test('every route is documented, by this server alone', async () => {
  const { json } = await raw('/docs/json');
  assert.ok(json.paths['/customvision/v3.4-preview/training/projects/{projectId}/tags/{tagId}'].get.summary);
  assert.ok(json.paths['/customvision/v1.2/training/account'].get);
  const references = new Set(
    [...JSON.stringify(json).matchAll(/"#\/components\/schemas\/([^"]+)"/g)].map(([, name]) => name!),
  );
  for (const name of references) assert.ok(json.components.schemas[name], `${name} is referred to but not there`);
  for (const path of ['/docs', '/']) {
    const page = await raw(path);
    assert.equal(page.status, 200, path);
    // What a page loads, not what comments of libraries mention.
    for (const [address] of page.text.matchAll(/https?:\/\/[^\s"'<)]+/g))
      assert.ok(address.startsWith(server.endpoint), `${path} refers to ${address}`);
    assert.doesNotMatch(String(page.headers['content-security-policy']), /https|upgrade|swagger/);
    assert.ok(!page.text.includes(server.trainingKey));
  }
  assert.equal((await raw('/health')).text, '{"status":"ok"}');
});
