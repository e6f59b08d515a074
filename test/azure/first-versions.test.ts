/** The whole job as programs of 2017 and 2018 did it, with nothing but HTTP: Training 1.0 to 1.2, Prediction 1.0 and 1.1. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type SamplePicture, samplePictures } from '../../scripts/samples.ts';
import { type PictureServer, servePictures } from '../fixtures/picture-server.ts';
import { startServer, type TestServer } from '../fixtures/server.ts';
import { until } from '../fixtures/until.ts';

let server: TestServer;
let web: PictureServer;
let pictures: SamplePicture[];
let unseen: SamplePicture[];

before(async () => {
  pictures = (await samplePictures({ perClass: 8 })).filter(({ tag }) => tag !== 'Mug');
  unseen = (await samplePictures({ seed: 2, perClass: 2 })).filter(({ tag }) => tag !== 'Mug');
  web = await servePictures(new Map([...pictures, ...unseen].map(({ name, bytes }) => [name, bytes])));
  server = await startServer({ env: { OWNSIGHT_ALLOW_NETWORKS: '127.0.0.0/8' } });
});
after(async () => {
  await web?.close();
  await server?.stop();
});

// biome-ignore lint/suspicious/noExplicitAny: answers are compared, not computed with
type Json = any;

/** Asks below `/customvision/`; an object is sent as JSON, bytes as they are. */
async function ask(method: string, path: string, body?: object | Buffer | FormData, key?: Record<string, string>) {
  const isJson = body !== undefined && !(body instanceof Buffer) && !(body instanceof FormData);
  const response = await fetch(`${server.endpoint}/customvision/${path}`, {
    method,
    headers: {
      ...(key ?? { 'Training-key': server.trainingKey }),
      ...(isJson && { 'Content-Type': 'application/json' }),
      ...(body instanceof Buffer && { 'Content-Type': 'application/octet-stream' }),
    },
    ...(body !== undefined && { body: isJson ? JSON.stringify(body) : (body as Buffer<ArrayBuffer> | FormData) }),
  });
  const text = await response.text();
  return { status: response.status, json: (text === '' ? undefined : JSON.parse(text)) as Json };
}

async function done(...request: Parameters<typeof ask>): Promise<Json> {
  const { status, json } = await ask(...request);
  assert.ok(status === 200 || status === 204, `${request[0]} ${request[1]}: ${status} ${JSON.stringify(json)}`);
  return json;
}

/** The refusal, in the form of 1.x. */
async function refused(status: number, code: string, ...request: Parameters<typeof ask>): Promise<string> {
  const answer = await ask(...request);
  assert.deepEqual([answer.status, Object.keys(answer.json), answer.json.Code], [status, ['Code', 'Message'], code]);
  return answer.json.Message;
}

const predictionKey = () => ({ 'Prediction-Key': server.predictionKey });
/** What a stored prediction has, in this order. */
const storedKeys = ['Id', 'Project', 'Iteration', 'Created', 'Predictions', 'ImageUri', 'ThumbnailUri'];
const keysOf = (value: object) => Object.keys(value);
const hasCamelCase = (value: unknown): boolean =>
  typeof value === 'object' &&
  value !== null &&
  Object.entries(value).some(([name, part]) => (!Array.isArray(value) && /^[a-z]/.test(name)) || hasCamelCase(part));

describe('1.0', () => {
  const training = 'v1.0/Training';
  let project: string;
  let projectId: string;
  const tags: Record<string, string> = {};
  let iterationId: string;
  const of = (tag: string, from: number, to: number) => pictures.filter((one) => one.tag === tag).slice(from, to);

  test('the account, its keys and quotas', async () => {
    const account = await done('GET', `${training}/account`);
    assert.equal(account.Keys.PredictionKeys.PrimaryKey, server.predictionKey);
    assert.deepEqual(keysOf(account.Quotas), ['Tier', 'Projects', 'Predictions', 'PerProject']);
  });

  test('domains are those of classifiers, by a name each', async () => {
    const domains: Json[] = await done('GET', `${training}/domains`);
    assert.deepEqual(keysOf(domains[0]), ['Id', 'Name']);
    assert.equal(domains.filter(({ Name }) => Name === 'General').length, 1);
    assert.deepEqual(await done('GET', `${training}/domains/${domains[0].Id}`), domains[0]);
    const made = await done('POST', `${training}/projects/?name=Things&description=two&domainId=${domains[0].Id}`);
    assert.deepEqual(keysOf(made), [
      'Id',
      'Name',
      'Description',
      'Settings',
      'CurrentIterationId',
      'Created',
      'LastModified',
      'ThumbnailUri',
    ]);
    assert.deepEqual(made.Settings, { DomainId: domains[0].Id });
    projectId = made.Id;
    project = `${training}/projects/${projectId}`;
  });

  test('tags come as a list with what carries them', async () => {
    for (const name of ['Apple', 'Leaf']) tags[name] = (await done('POST', `${project}/tags?name=${name}`)).Id;
    const list = await done('GET', `${project}/tags`);
    assert.deepEqual(keysOf(list), ['Tags', 'TotalTaggedImages', 'TotalUntaggedImages']);
    assert.deepEqual(keysOf(list.Tags[0]), ['Id', 'Name', 'Description', 'ImageCount']);
    await done('PATCH', `${project}/tags/${tags.Apple}`, { Name: 'Apple', Description: 'round' });
    assert.equal((await done('GET', `${project}/tags/${tags.Apple}`)).Description, 'round');
  });

  test('pictures as files of a form, as bytes, and from addresses', async () => {
    const form = new FormData();
    for (const { name, bytes } of of('Apple', 0, 5))
      form.append('imageData', new Blob([new Uint8Array(bytes)], { type: 'application/octet-stream' }), name);
    const files = await done('POST', `${project}/images/image?tagIds=${tags.Apple}`, form);
    assert.equal(files.IsBatchSuccessful, true);
    assert.equal(files.Images.length, 5);
    for (const { bytes } of of('Apple', 5, 8)) {
      const one = await done('POST', `${project}/images/image?TagIds=${tags.Apple}`, bytes);
      assert.deepEqual(keysOf(one.Images[0].Image), [
        'Id',
        'Created',
        'Width',
        'Height',
        'ImageUri',
        'ThumbnailUri',
        'Labels',
      ]);
    }
    const urls = of('Leaf', 0, 7).map(({ name }) => web.url(name));
    const fetched = await done('POST', `${project}/images/url`, { TagIds: [tags.Leaf], Urls: urls });
    assert.deepEqual(
      fetched.Images.map(({ SourceUrl, Status }: Json) => [SourceUrl, Status]),
      urls.map((url) => [url, 'OK']),
    );
    const twice = await done('POST', `${project}/images/url`, { Urls: [urls[0], 'http://127.0.0.1:1/none'] });
    assert.equal(twice.IsBatchSuccessful, false);
    assert.deepEqual(
      twice.Images.map(({ Status }: Json) => Status),
      ['OKDuplicate', 'ErrorSource'],
    );
    assert.match(
      await refused(400, 'BadRequestRequiredParamIsNull', 'POST', `${project}/images/url`, { Url: urls[0] }),
      /^expected a list for urls but received/,
    );
  });

  test('labels are put on an image and taken off', async () => {
    const added = await done('POST', `${project}/images/image`, of('Leaf', 7, 8)[0]!.bytes);
    const { Id: imageId } = added.Images[0].Image;
    const untagged = await done('GET', `${project}/images/untagged`);
    assert.deepEqual(
      untagged.map(({ Id }: Json) => Id),
      [imageId],
    );
    const label = `${project}/images/${imageId}/label`;
    const labelled = await done('POST', `${label}?tagId=${tags.Apple}`);
    const [{ LabelId, TagId, Created }] = labelled.Labels;
    assert.equal(TagId, tags.Apple);
    assert.match(Created, /^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
    const bare = await done('DELETE', `${label}/${LabelId}`);
    assert.equal(bare.Labels, undefined);
    await refused(404, 'NotFoundTag', 'DELETE', `${label}/${LabelId}`);
    await refused(404, 'NotFoundTag', 'DELETE', `${label}/x`);
    await refused(404, 'NotFoundImage', 'POST', `${project}/images/${tags.Leaf}/label?tagId=${tags.Leaf}`);
    await refused(400, 'BadRequestRequiredParamIsNull', 'POST', label);
    await done('POST', `${label}?tagId=${tags.Leaf}`);
    const list = await done('GET', `${project}/tags`);
    assert.deepEqual([list.TotalTaggedImages, list.TotalUntaggedImages], [16, 0]);
  });

  test('images by tag, and all that carry one', async () => {
    const all = await done('GET', `${project}/images/tagged/all?take=20`);
    assert.equal(all.length, 16);
    assert.equal((await done('GET', `${project}/images/tagged?tagIds=${tags.Leaf}&orderBy=Oldest&take=3`)).length, 3);
    assert.equal((await fetch(all[0].ImageUri)).status, 200);
    assert.equal((await fetch(all[0].ThumbnailUri)).status, 200);
  });

  test('the current iteration is the workspace', async () => {
    const { CurrentIterationId: current } = await done('GET', project);
    const iterations = await done('GET', `${project}/iterations`);
    assert.deepEqual(
      iterations.map(({ Id, Name, Status }: Json) => [Id, Name, Status]),
      [[current, 'Iteration 1', 'New']],
    );
    assert.deepEqual(await done('GET', `${project}/iterations/${current}`), iterations[0]);
    assert.equal((await done('GET', `${project}/images/tagged/all?iterationId=${current}`)).length, 16);
    await refused(400, 'BadRequestWorkspaceCannotBeModified', 'PATCH', `${project}/iterations/${current}`, {
      Name: 'x',
    });
    await refused(400, 'BadRequestWorkspaceNotDeletable', 'DELETE', `${project}/iterations/${current}`);
  });

  test('training, until it is completed', async () => {
    const iteration = await done('POST', `${project}/train`);
    assert.deepEqual(keysOf(iteration), ['Id', 'Name', 'IsDefault', 'Status', 'Created', 'LastModified']);
    assert.equal(iteration.Status, 'Training');
    iterationId = iteration.Id;
    const trained = await until(
      () => done('GET', `${project}/iterations/${iterationId}`),
      ({ Status }) => Status !== 'Training',
    );
    assert.equal(trained.Status, 'Completed');
    assert.ok(trained.TrainedAt);
    assert.deepEqual(
      (await done('GET', `${project}/iterations`)).map(({ Name, Status }: Json) => [Name, Status]),
      [
        ['Iteration 1', 'Completed'],
        ['Iteration 2', 'New'],
      ],
    );
    await refused(400, 'BadRequestTrainingNotNeeded', 'POST', `${project}/train`);
  });

  test('performance needs a threshold and tells no average', async () => {
    const at = `${project}/iterations/${iterationId}/performance`;
    await refused(400, 'BadRequestRequiredParamIsNull', 'GET', at);
    const performance = await done('GET', `${at}?threshold=0.9`);
    assert.deepEqual(keysOf(performance), [
      'PerTagPerformance',
      'Precision',
      'PrecisionStdDeviation',
      'Recall',
      'RecallStdDeviation',
    ]);
    assert.deepEqual(keysOf(performance.PerTagPerformance[0]).slice(0, 3), ['TagId', 'TagName', 'Precision']);
  });

  test('predictions of the default iteration', async () => {
    const prediction = `v1.0/Prediction/${projectId}`;
    const { bytes, tag } = unseen[0]!;
    await refused(404, 'NotFoundProjectDefaultIteration', 'POST', `${prediction}/image`, bytes, predictionKey());
    const chosen = { Name: 'Best', IsDefault: true };
    assert.equal((await done('PATCH', `${project}/iterations/${iterationId}`, chosen)).IsDefault, true);
    const answer = await done('POST', `${prediction}/image?application=first`, bytes, predictionKey());
    assert.deepEqual(keysOf(answer), ['Id', 'Project', 'Iteration', 'Created', 'Predictions']);
    assert.deepEqual(keysOf(answer.Predictions[0]), ['TagId', 'Tag', 'Probability']);
    assert.deepEqual([answer.Iteration, answer.Predictions[0].Tag], [iterationId, tag]);
    const urlOf = (n: number) => ({ Url: web.url(unseen[n]!.name) });
    for (const n of [1, 2])
      await done('POST', `${prediction}/url?iterationId=${iterationId}`, urlOf(n), predictionKey());
    await done('POST', `${prediction}/url/nostore`, urlOf(3), predictionKey());
    await done('POST', `${prediction}/image/nostore`, bytes, predictionKey());
  });

  test('stored predictions, page after page, and their pictures for training', async () => {
    const at = `${project}/predictions`;
    const seen: string[] = [];
    let page = await done('GET', `${at}?maxCount=2&orderBy=Oldest`);
    const { Results: first } = page;
    for (let pages = 0; page.Results.length > 0 && pages < 5; pages++) {
      seen.push(...page.Results.map(({ Id }: Json) => Id));
      page = await done('POST', `${at}/next`, page.Token);
    }
    assert.equal(seen.length, 3);
    assert.equal(new Set(seen).size, 3);
    assert.deepEqual(keysOf(first[0]), storedKeys);
    assert.deepEqual(keysOf(page.Token), [
      'Session',
      'Continuation',
      'MaxCount',
      'OrderBy',
      'IterationId',
      'TagIds',
      'Threshold',
      'StartTime',
      'EndTime',
      'Source',
    ]);
    const { TagId, Probability } = first[0].Predictions[0];
    const asked = `${at}?maxCount=0&orderBy=newest&tagIds=${TagId}`;
    const sure = await done('GET', `${asked}&threshold=${Probability - 0.001}`);
    assert.ok(sure.Results.some(({ Id }: Json) => Id === seen[0]));
    assert.deepEqual(sure.Token.TagIds, [TagId]);
    assert.deepEqual((await done('GET', `${asked}&threshold=1.1`)).Results, []);
    assert.equal((await done('GET', `${at}?maxCount=0&orderBy=Newest&source=first`)).Results.length, 1);
    await refused(400, 'BadRequestRequiredParamIsNull', 'GET', at);

    const taken = await done('POST', `${project}/images/predictions`, { Ids: [seen[0]], TagIds: [TagId] });
    assert.deepEqual([taken.IsBatchSuccessful, taken.Images[0].Image.Labels[0].TagId], [true, TagId]);
    await done('DELETE', `${at}?ids=${seen[1]},${seen[2]}`);
    assert.ok(!(await done('GET', `${at}?maxCount=0&orderBy=Newest`)).Results.some(({ Id }: Json) => Id === seen[1]));
  });

  test('iterations are listed oldest first', async () => {
    await done('POST', `${project}/train`);
    const iterations = await done('GET', `${project}/iterations`);
    assert.deepEqual(
      iterations.map(({ Name }: Json) => Name),
      ['Best', 'Iteration 2', 'Iteration 3'],
    );
  });

  test('what was made is deleted', async () => {
    const [{ Id: imageId }] = await done('GET', `${project}/images/tagged/all?take=1`);
    await refused(400, 'BadRequestRequiredParamIsNull', 'DELETE', `${project}/images`);
    for (const path of [`images?imageIds=${imageId}`, `iterations/${iterationId}`, `tags/${tags.Leaf}`])
      await done('DELETE', `${project}/${path}`);
    const renamed = await done('PATCH', project, { Name: 'Renamed', Description: '', Settings: {} });
    assert.equal(renamed.Name, 'Renamed');
    await done('DELETE', project);
    await refused(404, 'NotFoundProject', 'GET', project);
  });

  test('a wrong key is told so', async () => {
    const { status, json } = await ask('GET', `${training}/projects`, undefined, { 'Training-key': 'none' });
    assert.deepEqual([status, json.error.code], [401, '401']);
  });
});

describe('1.2', () => {
  const training = 'v1.2/Training';
  let projectId: string;
  let project: string;
  let tags: string[];
  let imageIds: string[];
  let iterationId: string;

  test('a project that can be exported', async () => {
    const domains: Json[] = await done('GET', `${training}/domains`);
    const compact = domains.find(({ Name }) => Name === 'General (compact)');
    assert.deepEqual(compact, { Id: compact.Id, Name: 'General (compact)', Exportable: true });
    projectId = (await done('POST', `${training}/projects?name=Exported&domainId=${compact.Id}`)).Id;
    project = `${training}/projects/${projectId}`;
    tags = [];
    for (const name of ['Apple', 'Leaf']) tags.push((await done('POST', `${project}/tags?name=${name}`)).Id);
  });

  test('pictures in base64, from addresses and as bytes', async () => {
    const entries = pictures.slice(0, 12).map(({ name, bytes, tag }) => ({
      Name: name,
      Contents: bytes.toString('base64'),
      TagIds: tag === 'Apple' ? [tags[0]] : [],
    }));
    const files = await done('POST', `${project}/images/files`, { Images: entries });
    imageIds = files.Images.map(({ Image }: Json) => Image.Id);
    assert.deepEqual(files.Images[0].Image.Tags, [{ TagId: tags[0], Created: files.Images[0].Image.Tags[0].Created }]);
    const Images = pictures.slice(12, 15).map(({ name }) => ({ Url: web.url(name) }));
    const urls = await done('POST', `${project}/images/urls`, { Images, TagIds: [tags[1]] });
    assert.equal(urls.IsBatchSuccessful, true);
    const { bytes } = pictures[15]!;
    assert.equal((await done('POST', `${project}/images?tagIds=${tags[1]}`, bytes)).Images[0].Status, 'OK');
  });

  test('tags are put on images and taken off', async () => {
    const pairs = imageIds.slice(8).map((ImageId) => ({ ImageId, TagId: tags[1] }));
    const put = await done('POST', `${project}/images/tags`, { Tags: pairs });
    assert.deepEqual([put.Created.length, put.Duplicated, put.Exceeded], [4, [], []]);
    await done('DELETE', `${project}/images/tags?imageIds=${imageIds[11]}&tagIds=${tags[1]}`);
    const list = await done('GET', `${project}/tags`);
    assert.deepEqual([list.TotalTaggedImages, list.TotalUntaggedImages], [15, 1]);
    const untagged = await done('GET', `${project}/images/untagged`);
    assert.deepEqual(
      untagged.map(({ Id }: Json) => Id),
      [imageIds[11]],
    );
    await done('DELETE', `${project}/images?imageIds=${imageIds[11]}`);
  });

  test('training, and what it said of each picture', async () => {
    const queued = await done('POST', `${project}/train`);
    assert.deepEqual(
      [queued.IsDefault, queued.ProjectId, queued.Exportable, queued.DomainId],
      [false, projectId, false, null],
    );
    iterationId = queued.Id;
    await until(
      () => done('GET', `${project}/iterations/${iterationId}`),
      ({ Status }) => Status === 'Completed',
    );
    const judged = await done('GET', `${project}/images/tagged?iterationId=${iterationId}&take=20`);
    assert.equal(judged.length, 15);
    for (const { Predictions } of judged)
      assert.deepEqual(Predictions.map(({ TagId }: Json) => TagId).sort(), [...tags].sort());
    assert.equal((await done('GET', `${project}/images/tagged`))[0].Predictions, undefined);
    const performance = await done('GET', `${project}/iterations/${iterationId}/performance?threshold=0.5`);
    assert.deepEqual(keysOf(performance.PerTagPerformance[0]).slice(0, 3), ['Id', 'Name', 'Precision']);
    assert.equal(performance.AveragePrecision, undefined);
  });

  test('a quick test, a prediction, and what is kept of them', async () => {
    const { bytes, name, tag } = unseen[0]!;
    const quick = await done('POST', `${project}/quicktest/image?iterationId=${iterationId}`, bytes);
    assert.equal(quick.Predictions[0].Tag, tag);
    await done('POST', `${project}/quicktest/url?iterationId=${iterationId}`, { Url: web.url(name) });
    await done('PATCH', `${project}/iterations/${iterationId}`, { IsDefault: true });
    const url = `v1.1/Prediction/${projectId}/url?application=test`;
    const answer = await done('POST', url, { Url: web.url(name) }, predictionKey());
    const asked = { OrderBy: 'Newest', Tags: [{ Id: tags[0], MinThreshold: 0.5 }], Application: 'test' };
    const { Results, Token } = await done('POST', `${project}/predictions/query`, asked);
    assert.deepEqual(
      Results.map(({ Id }: Json) => Id),
      [answer.Id],
    );
    assert.deepEqual(keysOf(Results[0]), storedKeys);
    assert.deepEqual(Token.Tags, [{ Id: tags[0], MinThreshold: 0.5, MaxThreshold: 1 }]);
    const batch = { Images: [{ Id: answer.Id }], TagIds: [tags[0]] };
    assert.equal((await done('POST', `${project}/images/predictions`, batch)).Images[0].Status, 'OK');
  });

  test('an export: what cannot be made is said with what can', async () => {
    const at = `${project}/iterations/${iterationId}/export`;
    const why = await refused(400, 'BadRequestExportValidationFailed', 'POST', `${at}?platform=coreml`);
    assert.match(why, /^Expected one of ONNX/);
    assert.deepEqual(await done('POST', `${at}?platform=onnx`), {
      Platform: 'ONNX',
      Status: 'Exporting',
      DownloadUri: null,
    });
    const [made] = await until(
      () => done('GET', at),
      ([{ Status }]) => Status !== 'Exporting',
    );
    assert.equal((await fetch(made.DownloadUri)).status, 200);
  });

  test('a project with a detector is listed like any other', async () => {
    const newest = 'v3.4-preview/training';
    const domains: Json[] = await done('GET', `${newest}/domains`);
    const domain = domains.find(({ type }) => type === 'ObjectDetection').id;
    const { id } = await done('POST', `${newest}/projects?name=Detector&domainId=${domain}`);
    const seen = await done('GET', `${training}/projects/${id}`);
    assert.deepEqual(seen.Settings, { DomainId: domain });
    assert.equal((await done('GET', `${training}/domains/${domain}`)).Id, domain);
    assert.ok((await done('GET', `${training}/projects`)).some(({ Id }: Json) => Id === id));
  });

  test('no answer has a name in any other form', async () => {
    for (const path of ['account', 'projects', 'domains'])
      assert.equal(hasCamelCase(await done('GET', `${training}/${path}`)), false, path);
    for (const path of ['', '/tags', '/images/tagged', `/images/tagged?iterationId=${iterationId}`, '/iterations'])
      assert.equal(hasCamelCase(await done('GET', project + path)), false, path);
    assert.equal(hasCamelCase(await done('POST', `${project}/predictions/query`, {})), false);
  });
});

test('1.1 takes what programs for it send, some as those for 1.0 do and some as those for 1.2', async () => {
  const made = await done('POST', 'v1.1/Training/projects?name=Between');
  const project = `v1.1/Training/projects/${made.Id}`;
  const { Id: tagId } = await done('POST', `${project}/tags?name=Apple`);
  const [first, second, third, fourth] = pictures as [SamplePicture, SamplePicture, SamplePicture, SamplePicture];
  await done('POST', `${project}/images/image?tagIds=${tagId}`, first.bytes);
  await done('POST', `${project}/images/url`, { TagIds: [tagId], Urls: [web.url(second.name)] });
  await done('POST', `${project}/images?tagIds=${tagId}`, third.bytes);
  await done('POST', `${project}/images/urls`, { TagIds: [tagId], Images: [{ Url: web.url(fourth.name) }] });
  assert.equal((await done('GET', `${project}/images/tagged/all`)).length, 4);
  const list = await done('GET', `${project}/tags`);
  assert.deepEqual([list.Tags[0].ImageCount, list.TotalTaggedImages], [4, 4]);
  assert.deepEqual((await done('POST', `${project}/predictions/query`, {})).Results, []);
  assert.deepEqual((await done('GET', `${project}/predictions?maxCount=1&orderBy=Newest`)).Results, []);
});

test('an image of a multiclass project takes one label', async () => {
  const query = 'name=One%20each&classificationType=Multiclass';
  const { id } = await done('POST', `v3.3/training/projects?${query}`);
  const project = `v1.0/Training/projects/${id}`;
  const tagIds: string[] = [];
  for (const name of ['Apple', 'Leaf']) tagIds.push((await done('POST', `${project}/tags?name=${name}`)).Id);
  const added = await done('POST', `${project}/images/image?tagIds=${tagIds[0]}`, pictures[0]!.bytes);
  const label = `${project}/images/${added.Images[0].Image.Id}/label`;
  await refused(400, 'BadRequestImageTags', 'POST', `${label}?tagId=${tagIds[1]}`);
  assert.equal((await done('POST', `${label}?tagId=${tagIds[0]}`)).Labels.length, 1);
});
