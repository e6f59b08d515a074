/**
 * The table of "View, export or delete your data", row by row: what the page promised of each kind of data is seen,
 * taken away and deleted by Azure's own operation in every version that has it, and by ours where Azure's lacked one.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { samplePictures } from '../../scripts/samples.ts';
import { history } from '../../src/contract/operation.ts';
import { servedVersions } from '../../src/contract/served.ts';
import { operations } from '../../src/contract/version.ts';
import { startServer, type TestServer } from '../fixtures/server.ts';
import { until } from '../fixtures/until.ts';
import { unzip } from '../fixtures/unzip.ts';
import { client } from '../forensic/victim.ts';

interface Row {
  /** The operations the page named for viewing. */
  readonly view: readonly (keyof typeof operations)[];
  /** What holds it in the archive of a takeout. */
  readonly export: RegExp;
  /** The operation the page named for deleting, or ours where it named none. */
  readonly delete: keyof typeof operations;
}

/** The rows as the page has them. */
const page: Readonly<Record<string, Row>> = {
  'Account info (keys)': {
    view: ['GetAccountInfo'],
    export: /\/account\/rows\/(accounts|api_keys)-/,
    delete: 'DeleteAccount',
  },
  'Iteration details': { view: ['GetIteration'], export: /\/project\.json$/, delete: 'DeleteIteration' },
  'Iteration performance details': {
    view: ['GetIterationPerformance', 'GetImagePerformances'],
    export: /\/held-out-\d+\.jsonl$/,
    delete: 'DeleteIteration',
  },
  'List of iterations': { view: ['GetIterations'], export: /\/project\.json$/, delete: 'DeleteIteration' },
  'Projects and project details': {
    view: ['GetProject', 'GetProjects'],
    export: /\/project\.json$/,
    delete: 'DeleteProject',
  },
  'Image tags': { view: ['GetTag', 'GetTags'], export: /\/project\.json$/, delete: 'DeleteTag' },
  Images: {
    view: ['GetTaggedImages', 'GetUntaggedImages'],
    export: /\/images\/.*\.(jpg|png)$/,
    delete: 'DeleteImages',
  },
  'Exported models': { view: ['GetExports'], export: /\/exports\/.*\.zip$/, delete: 'DeleteExport' },
};

/** The versions that have an operation of this name, newest first. */
const versionsOf = (id: keyof typeof operations): string[] =>
  servedVersions
    .filter(({ api, operations: served }) => api === operations[id].api && served.some(({ name }) => name === id))
    .map(({ version }) => version);

let server: TestServer;
let ask: ReturnType<typeof client>['ask'];
let json: ReturnType<typeof client>['json'];
let projectId: string;
const newest = '/customvision/v3.4-preview/training';

before(async () => {
  server = await startServer();
  ({ ask, json } = client(server));
  projectId = await newProject('the page');
  const pictures = await samplePictures({ perClass: 6 });
  for (const name of ['Apple', 'Leaf']) {
    const tag = await newTag(name);
    const images = pictures.filter((one) => one.tag === name);
    await json('POST', `${newest}/projects/${projectId}/images/files`, {
      images: images.map((one) => ({ name: one.name, contents: one.bytes.toString('base64'), tagIds: [tag] })),
    });
  }
});
after(() => server?.stop());

/** In a domain whose models can be exported. */
const newProject = async (name: string): Promise<string> => {
  const query = new URLSearchParams({ name, domainId: '0732100f-1a38-4e49-a514-c9b44c697ab5' });
  return (await json<{ id: string }>('POST', `${newest}/projects?${query}`)).id;
};
const newTag = async (name: string): Promise<string> =>
  (await json<{ id: string }>('POST', `${newest}/projects/${projectId}/tags?name=${name}`)).id;
async function newIteration(): Promise<string> {
  const { id } = await json<{ id: string }>('POST', `${newest}/projects/${projectId}/train?forceTrain=true`);
  const at = `${newest}/projects/${projectId}/iterations/${id}`;
  await until(
    () => json<{ status: string }>('GET', at),
    ({ status }) => status === 'Completed',
  );
  return id;
}
async function newExport(iterationId: string): Promise<string> {
  const at = `${newest}/projects/${projectId}/iterations/${iterationId}/export`;
  await json('POST', `${at}?platform=ONNX`);
  await until(
    () => json<{ status: string }[]>('GET', at),
    ([one]) => one?.status === 'Done',
  );
  const { exports } = await json<{ exports: { exportId: string }[] }>(
    'GET',
    `/ownsight/v1/projects/${projectId}/iterations/${iterationId}/deletion`,
  );
  return exports[0]!.exportId;
}
let pictures = 0;
async function newImage(): Promise<string> {
  const [picture] = await samplePictures({ seed: 100 + pictures++, perClass: 1 });
  const answer = await json<{ images: { image: { id: string } }[] }>(
    'POST',
    `${newest}/projects/${projectId}/images/files`,
    { images: [{ name: 'one.jpg', contents: picture!.bytes.toString('base64') }] },
  );
  return answer.images[0]!.image.id;
}

/** The address of an operation of some version of the training API. */
function at(id: keyof typeof operations, version: string, ids: Readonly<Record<string, string>> = {}): string {
  const served = servedVersions.find((one) => one.api === operations[id].api && one.version === version)!;
  const { path } = served.operations.find(({ name }) => name === id)!;
  return path.replace(/\{(\w+)\}/g, (_, name: string) => ({ projectId, ...ids })[name]!);
}

/** What some operation of some version answers, as text with names as newer versions write them. */
async function seen(id: keyof typeof operations, version: string, ids: Readonly<Record<string, string>>) {
  const query = id === 'GetIterationPerformance' ? '?threshold=0.5' : '';
  const { status, bytes } = await ask('GET', at(id, version, ids) + query);
  const text = bytes.toString().replaceAll(/"([A-Z])(\w*)":/g, (_, first, rest) => `"${first.toLowerCase()}${rest}":`);
  return { status, text };
}

test('each row of the page names operations there are, in every version the page covers', () => {
  for (const [row, { view, delete: removes }] of Object.entries(page))
    for (const id of [...view, removes]) assert.ok(versionsOf(id).length > 0, `${row}: ${id} is served in no version`);
  for (const id of ['GetIterations', 'GetTags', 'GetTaggedImages'] as const)
    assert.deepEqual(versionsOf(id), [...history.training].reverse(), id);
});

test('account info with its keys is seen in every version of Azure’s that had it', async () => {
  for (const version of versionsOf('GetAccountInfo')) {
    const { text } = await seen('GetAccountInfo', version, {});
    for (const secret of [server.trainingKey, server.predictionKey]) assert.ok(text.includes(secret), version);
  }
});

test('projects, tags, images, iterations and their performance: seen, deleted, not seen, in each version', async () => {
  for (const version of versionsOf('GetIteration')) {
    const iterationId = await newIteration();
    const has = (id: keyof typeof operations): boolean => versionsOf(id).includes(version);
    const told = (['GetIteration', 'GetIterationPerformance', 'GetImagePerformances'] as const).filter(has);
    for (const id of [...told, 'GetIterations'] as const) {
      const { status, text } = await seen(id, version, { iterationId });
      assert.equal(status, 200, `${id} of ${version}`);
      assert.ok(id.startsWith('GetI') && text.length > 2, `${id} of ${version}`);
    }
    assert.equal((await ask('DELETE', at('DeleteIteration', version, { iterationId }))).status, 204);
    for (const id of told) assert.equal((await seen(id, version, { iterationId })).status, 404, `${id} of ${version}`);
    assert.ok(!(await seen('GetIterations', version, {})).text.includes(iterationId), version);

    const tagId = await newTag(`of-${version}`);
    assert.match((await seen('GetTag', version, { tagId })).text, /of-/);
    assert.ok((await seen('GetTags', version, {})).text.includes(tagId));
    assert.equal((await ask('DELETE', at('DeleteTag', version, { tagId }))).status, 204);
    assert.equal((await seen('GetTag', version, { tagId })).status, 404);
    assert.ok(!(await seen('GetTags', version, {})).text.includes(tagId));

    const imageId = await newImage();
    const shown = (await seen('GetUntaggedImages', version, {})).text;
    const found = (JSON.parse(shown) as { id: string; originalImageUri?: string; imageUri: string }[]).find(
      (one) => one.id === imageId,
    )!;
    const link = found.originalImageUri ?? found.imageUri;
    assert.equal((await fetch(link)).status, 200);
    assert.equal((await ask('DELETE', `${at('DeleteImages', version)}?imageIds=${imageId}`)).status, 204);
    assert.ok(!(await seen('GetUntaggedImages', version, {})).text.includes(imageId));
    assert.equal((await fetch(link)).status, 404);
    assert.equal((await seen('GetTaggedImages', version, {})).status, 200);

    const other = await newProject(`other ${version}`);
    assert.match((await seen('GetProject', version, { projectId: other })).text, /other/);
    assert.ok((await seen('GetProjects', version, {})).text.includes(other));
    assert.equal((await ask('DELETE', at('DeleteProject', version, { projectId: other }))).status, 204);
    assert.equal((await seen('GetProject', version, { projectId: other })).status, 404);
    assert.ok(!(await seen('GetProjects', version, {})).text.includes(other));
  }
});

test('exported models are seen in each version and deleted, which Azure never could', async () => {
  const iterationId = await newIteration();
  for (const version of versionsOf('GetExports')) {
    const exportId = await newExport(iterationId);
    const [one] = JSON.parse((await seen('GetExports', version, { iterationId })).text) as { downloadUri: string }[];
    assert.equal((await fetch(one!.downloadUri)).status, 200);
    const removed = await ask('DELETE', `${at('DeleteExport', '1', { iterationId, exportId })}?now=true`);
    assert.ok(removed.status < 300, removed.bytes.toString());
    assert.equal((await seen('GetExports', version, { iterationId })).text, '[]');
    assert.equal((await fetch(one!.downloadUri)).status, 404);
  }
});

test('every row is taken away with the takeout, and the account with all of it deleted', async () => {
  const iterationId = await newIteration();
  await newExport(iterationId);
  const { status, bytes } = await ask('GET', '/ownsight/v1/takeout');
  assert.equal(status, 200);
  const names = [...(await unzip(bytes)).keys()];
  for (const [row, { export: path }] of Object.entries(page))
    assert.ok(
      names.some((name) => path.test(name)),
      `${row}: nothing in the archive matches ${path}: ${names.join('\n')}`,
    );
  const { UserName } = await json<{ UserName: string }>('GET', at('GetAccountInfo', '1.2'));
  const gone = await ask('POST', at('DeleteAccount', '1'), { name: UserName });
  assert.equal(gone.status, 202);
  for (const { view } of Object.values(page))
    for (const id of view)
      for (const version of versionsOf(id))
        assert.equal((await ask('GET', at(id, version, { iterationId }))).status, 401, `${id} of ${version}`);
});
