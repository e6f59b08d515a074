/** Exported models and messages leave for where the owner of a project said, and for nowhere else. */
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { samplePictures } from '../../scripts/samples.ts';
import { type Clients, newestClients } from '../fixtures/clients.ts';
import { startServer, type TestServer } from '../fixtures/server.ts';
import { startTaking, type Taken, type TakingServer } from '../fixtures/taking-server.ts';
import { until } from '../fixtures/until.ts';

const allowed = mkdtempSync(join(tmpdir(), 'ownsight-allowed-'));
const sas = 'sv=2021-08-06&se=2030-01-01&sr=c&sp=rcw&sig=topsecret';

let server: TestServer;
let web: TakingServer;
let training: Clients['training'];
let projectId: string;
let iterationId: string;

before(async () => {
  web = await startTaking();
  server = await startServer({
    env: { OWNSIGHT_ALLOW_NETWORKS: '127.0.0.1', OWNSIGHT_ALLOW_FOLDERS: `/nowhere, ${allowed}`, OWNSIGHT_LOG: 'info' },
  });
  training = newestClients(server).training;
});

after(async () => {
  await web.close();
  await server.stop();
  rmSync(allowed, { recursive: true });
});

interface Answer {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: answers are compared, not computed with
  readonly json: any;
}

async function ask(method: string, path: string, body?: unknown): Promise<Answer> {
  const answer = await fetch(`${server.endpoint}${path}`, {
    method,
    headers: { 'Training-key': server.trainingKey, 'content-type': 'application/json' },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  return { status: answer.status, json: await answer.json() };
}

const at = (path = '', version = 'v3.4-preview'): string =>
  `/customvision/${version}/training/projects/${projectId}${path}`;
const set = (settings: object): Promise<Answer> => ask('PATCH', at(), { settings });
const messages = (): Taken[] => web.taken.filter(({ path }) => path.startsWith('/hook'));
const json = ({ body }: Taken) => JSON.parse(body.toString());

test('a project is connected when what is sent to try it arrives, and shows where to', async () => {
  const options = {
    exportModelContainerUri: `${web.base}/models?${sas}`,
    notificationQueueUri: `${web.base}/hook?token=1`,
  };
  const project = await training.createProject('connected', {
    domainId: '0732100f-1a38-4e49-a514-c9b44c697ab5',
    classificationType: 'Multiclass',
    options,
  });
  projectId = project.id!;
  const { exportModelContainerUri, notificationQueueUri } = (await training.getProject(projectId)).settings!;
  assert.deepEqual({ exportModelContainerUri, notificationQueueUri }, options);
  const trial = `/models/CustomVision-TestPermission/${projectId}?${sas}`;
  assert.deepEqual(
    web.taken.map(({ method, path }) => `${method} ${path}`),
    [`PUT ${trial}`, `DELETE ${trial}`, 'POST /hook?token=1'],
  );
  assert.equal(web.taken[0]!.headers['x-ms-blob-type'], 'BlockBlob');
  assert.deepEqual(json(web.taken[2]!), { version: '1.0', type: 'ConnectionTest', Content: { projectId } });
  assert.equal('notificationQueueUri' in (await ask('GET', at('', 'v3.3'))).json.settings, false);
});

test('keys that may not set where things go do not see it either', async () => {
  const settingsFor = async (role: string): Promise<object> => {
    const { secret } = (await ask('POST', '/ownsight/v1/account/keys', { name: role, role })).json;
    const answer = await fetch(`${server.endpoint}${at()}`, { headers: { 'Training-key': secret } });
    return ((await answer.json()) as { settings: object }).settings;
  };
  assert.ok('notificationQueueUri' in (await settingsFor('trainer')));
  for (const role of ['deployment', 'labeler', 'reader'])
    assert.doesNotMatch(JSON.stringify(await settingsFor(role)), /hook|models/, role);
});

test('a training is told of, signed; a message that is not taken comes again', async () => {
  const pictures = await samplePictures({ perClass: 5 });
  for (const name of ['Apple', 'Mug']) {
    const images = pictures.filter(({ tag }) => tag === name).map(({ bytes }) => ({ contents: bytes }));
    await training.createImagesFromFiles(projectId, {
      images,
      tagIds: [(await training.createTag(projectId, name)).id!],
    });
  }
  web.refuse('/hook', 503, 1);
  iterationId = (await training.trainProject(projectId, {})).id!;
  const [, first, second] = await until(
    async () => messages(),
    (all) => all.length === 3,
  );
  assert.deepEqual(json(second!), {
    version: '1.0',
    type: 'Training',
    Content: { projectId, iterationId, trainingStatus: 'TrainingCompleted' },
  });
  assert.deepEqual(first!.body, second!.body);
  assert.equal(first!.headers['ownsight-delivery'], second!.headers['ownsight-delivery']);
  const { secret, undelivered } = (await ask('GET', `/ownsight/v1/projects/${projectId}/connections`)).json;
  assert.equal(undelivered, 0);
  const signature = `sha256=${createHmac('sha256', secret).update(second!.body).digest('hex')}`;
  assert.equal(second!.headers['ownsight-signature'], signature);
});

test('an exported model is put into the container, and told of with where it lies', async () => {
  await training.exportIteration(projectId, iterationId, 'ONNX');
  const told = (
    await until(
      async () => messages(),
      (all) => all.length === 4,
    )
  )[3]!;
  const name = encodeURIComponent(`${projectId} - ${iterationId}.ONNX`);
  assert.deepEqual(json(told), {
    version: '1.0',
    type: 'Export',
    Content: { projectId, iterationId, exportStatus: 'ExportCompleted', modelUri: `${web.base}/models/${name}` },
  });
  const put = web.taken.find(({ path }) => path === `/models/${name}?${sas}`);
  const [made] = await training.getExports(projectId, iterationId);
  assert.deepEqual(put?.body, Buffer.from(await (await fetch(made!.downloadUri!)).arrayBuffer()));
});

test('a queue of Azure gets what its clients read', async () => {
  assert.equal((await set({ notificationQueueUri: `${web.base}/account/queue?${sas}` })).status, 200);
  const { method, path, body } = web.taken.at(-1)!;
  assert.equal(`${method} ${path}`, `POST /account/queue/messages?${sas}`);
  const [, text] = /^<QueueMessage><MessageText>(.*)<\/MessageText><\/QueueMessage>$/.exec(body.toString())!;
  assert.equal(JSON.parse(Buffer.from(text!, 'base64').toString()).type, 'ConnectionTest');
});

test('folders that the administrator allowed take models and messages as files', async () => {
  const [models, inbox] = ['models', 'inbox'].map((name) => join(allowed, name)) as [string, string];
  for (const folder of [models, inbox]) mkdirSync(folder);
  const before = web.taken.length;
  const changed = await set({
    exportModelContainerUri: pathToFileURL(models).href,
    notificationQueueUri: pathToFileURL(inbox).href,
  });
  assert.equal(changed.status, 200);
  assert.deepEqual(readdirSync(join(models, 'CustomVision-TestPermission')), []);
  await training.exportIteration(projectId, iterationId, 'ONNX', { flavor: 'OnnxFloat16' as 'ONNX10' });
  await until(
    async () => readdirSync(inbox),
    (files) => files.filter((name) => name.endsWith('.json')).length === 2,
  );
  const read = readdirSync(inbox).map((name) => JSON.parse(readFileSync(join(inbox, name), 'utf8')));
  const path = join(models, `${projectId} - ${iterationId}.ONNX.OnnxFloat16`);
  assert.deepEqual(read.map(({ type, Content }) => `${type} ${Content.modelUri}`).sort(), [
    'ConnectionTest undefined',
    `Export ${pathToFileURL(path).href}`,
  ]);
  assert.equal(readFileSync(path).subarray(0, 2).toString(), 'PK');
  assert.equal(web.taken.length, before);
});

test('what does not take a trial is refused, and nothing changes', async () => {
  const settings = (await ask('GET', at())).json.settings;
  web.refuse('/closed', 403);
  symlinkSync(tmpdir(), join(allowed, 'way-out'));
  const uris = [
    `${web.base}/closed?${sas}`,
    'http://127.0.0.2/hook',
    'http://169.254.169.254/latest/meta-data',
    'ftp://example.org/models',
    'https://name:password@example.org/',
    'container',
    pathToFileURL(tmpdir()).href,
    pathToFileURL(join(allowed, 'way-out')).href,
    pathToFileURL(join(allowed, 'missing')).href,
    'file://elsewhere/share',
    `${web.base}/${'long'.repeat(600)}`,
  ];
  for (const name of ['exportModelContainerUri', 'notificationQueueUri'])
    for (const uri of uris) {
      const { status, json } = await set({ [name]: uri });
      assert.equal(`${status} ${json.code}`, '400 BadRequestInvalidUri', `${name} ${uri}`);
      assert.doesNotMatch(json.message, /topsecret|password@/);
    }
  assert.deepEqual((await ask('GET', at())).json.settings, settings);
  const asDocumented = `name=refused&notificationQueueUri=${encodeURIComponent(`${web.base}/closed`)}`;
  const made = await ask('POST', `/customvision/v3.3/training/projects?${asDocumented}`);
  assert.equal(`${made.status} ${made.json.code}`, '400 BadRequestInvalid');
  assert.equal((await training.getProjects()).length, 1);
});

test('an address that is sent again is not tried again; an empty one ends the connection', async () => {
  await set({ notificationQueueUri: `${web.base}/hook` });
  const before = web.taken.length;
  const { settings, ...project } = await training.getProject(projectId);
  await ask('PATCH', at(), { ...project, settings });
  assert.equal(web.taken.length, before);
  await set({ exportModelContainerUri: '', notificationQueueUri: '' });
  assert.equal('notificationQueueUri' in (await ask('GET', at())).json.settings, false);
  assert.deepEqual((await ask('GET', `/ownsight/v1/projects/${projectId}/connections`)).json, {
    exportModelContainerUri: null,
    notificationQueueUri: null,
    secret: null,
    undelivered: 0,
  });
  assert.doesNotMatch(server.output(), /topsecret|\/hook|connected/);
});
