/** What a project can be set to, and a training asked for: kept and given back, or refused by its code. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { samplePictures } from '../../scripts/samples.ts';
import { type Clients, newestClients } from '../fixtures/clients.ts';
import { startServer, type TestServer } from '../fixtures/server.ts';
import { until } from '../fixtures/until.ts';

let server: TestServer;
let training: Clients['training'];

before(async () => {
  server = await startServer();
  training = newestClients(server).training;
});

after(() => server.stop());

interface Answer {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: answers are compared, not computed with
  readonly json: any;
}

async function ask(method: string, path: string, body?: unknown, version = 'v3.4-preview'): Promise<Answer> {
  const answer = await fetch(`${server.endpoint}/customvision/${version}/training${path}`, {
    method,
    headers: { 'Training-key': server.trainingKey, 'content-type': 'application/json' },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  return { status: answer.status, json: await answer.json() };
}

const compact = '0732100f-1a38-4e49-a514-c9b44c697ab5';
const detection = 'da2e3a8a-40a5-4171-82f4-58522f70fbc1';

test('the settings of a project are kept and given back; what is not said stays', async () => {
  const project = await training.createProject('settings', {
    domainId: compact,
    classificationType: 'Multiclass',
    targetExportPlatforms: ['ONNX', 'TensorFlow'],
  });
  const settings = {
    ...project.settings!,
    classificationType: 'Multilabel' as const,
    targetExportPlatforms: ['CoreML'],
    imageProcessingSettings: { augmentationMethods: { 'horizontal flip': false, rotation: false } },
  };
  await training.updateProject(project.id!, { name: project.name!, description: 'changed', settings });
  await ask('PATCH', `/projects/${project.id}`, {
    settings: { useNegativeSet: false, imageProcessingSettings: { augmentationMethods: { Rotation: true } } },
  });
  const { settings: kept, description } = await training.getProject(project.id!);
  assert.equal(description, 'changed');
  assert.deepEqual(
    [kept!.domainId, kept!.classificationType, kept!.targetExportPlatforms],
    [compact, 'Multilabel', ['CoreML']],
  );
  assert.equal(kept!.useNegativeSet, true);
  assert.deepEqual(kept!.imageProcessingSettings, {
    augmentationMethods: {
      rotation: true,
      scaling: true,
      translation: true,
      'horizontal flip': false,
      equalize: true,
      solarize: true,
      padtosquare: true,
    },
  });
});

test('settings that cannot be are refused by their codes, and change nothing', async () => {
  const { id } = await training.createProject('refused', { domainId: compact });
  const refused: [object, string, string?][] = [
    [{ domainId: detection }, 'BadRequestProjectUnsupportedDomainTypeChange'],
    [{ domainId: '00000000-0000-4000-8000-000000000000' }, 'BadRequestProjectUnknownDomain'],
    [{ classificationType: 'Both' }, 'BadRequestProjectUnknownClassification'],
    [{ targetExportPlatforms: ['Abacus'] }, 'BadRequestProjectUnsupportedExportPlatform'],
    [
      { imageProcessingSettings: { augmentationMethods: { blur: true } } },
      'BadRequestProjectImagePreprocessingSettings',
    ],
    [
      { imageProcessingSettings: { augmentationMethods: { scaling: 1 } } },
      'BadRequestProjectImagePreprocessingSettings',
    ],
    [{ imageProcessingSettings: 'none' }, 'BadRequest'],
  ];
  const before = await ask('GET', `/projects/${id}`);
  for (const [settings, code] of refused) {
    const { status, json } = await ask('PATCH', `/projects/${id}`, { settings });
    assert.equal(`${status} ${json.code}`, `400 ${code}`, JSON.stringify(settings));
  }
  assert.deepEqual((await ask('GET', `/projects/${id}`)).json.settings, before.json.settings);
  const old = await ask('PATCH', `/projects/${id}`, { settings: { imageProcessingSettings: 'none' } }, 'v3.0');
  assert.equal(old.status, 200, 'a version without the setting passes it over, as it does all it does not know');
});

test('what a training cannot be asked for is refused by its code', async () => {
  const { id } = await training.createProject('trained');
  const train = (query: string, body?: unknown): Promise<Answer> => ask('POST', `/projects/${id}/train?${query}`, body);
  const refused: [Promise<Answer>, string][] = [
    [train('notificationEmailAddress=nobody'), 'BadRequestInvalidEmailAddress'],
    [train('notificationEmailAddress=a%20b@example.org'), 'BadRequestInvalidEmailAddress'],
    [train('notificationEmailAddress=me@example.org'), 'BadRequestTrainingValidationFailed'],
    [
      train('trainingType=Advanced&reservedBudgetInHours=0'),
      'BadRequestReservedBudgetInHoursNotEnoughForAdvancedTraining',
    ],
    [train('', { selectedTags: ['00000000-0000-4000-8000-000000000000'] }), 'BadRequestNotSupported'],
    [train('', { selectedTags: ['no id'] }), 'BadRequestInvalidIds'],
  ];
  for (const [asked, code] of refused) {
    const { status, json } = await asked;
    assert.equal(`${status} ${json.code}`, `400 ${code}`);
  }
});

test('a training begins from an iteration of another project, and says so', async () => {
  const pictures = await samplePictures({ perClass: 5 });
  const filled = async (name: string): Promise<string> => {
    const id = (await training.createProject(name, { classificationType: 'Multiclass' })).id!;
    for (const tag of ['Apple', 'Mug']) {
      const images = pictures.filter((one) => one.tag === tag).map(({ bytes }) => ({ contents: bytes }));
      await training.createImagesFromFiles(id, { images, tagIds: [(await training.createTag(id, tag)).id!] });
    }
    return id;
  };
  const [first, second] = [await filled('first'), await filled('second')];
  const base = (await training.trainProject(first, {})).id!;
  const customBaseModelInfo = { projectId: first, iterationId: base };
  const asked = () => training.trainProject(second, { trainingParameters: { customBaseModelInfo } });
  await assert.rejects(asked(), { code: 'BadRequestCustomBaseModelIterationStatusNotCompleted' });
  const done = (projectId: string, id: string) =>
    until(
      () => training.getIteration(projectId, id),
      (one) => one.status !== 'Training',
    );
  await done(first, base);
  const begun = await asked();
  const iteration = await done(second, begun.id!);
  assert.equal(iteration.status, 'Completed');
  assert.deepEqual(iteration.customBaseModelInfo, customBaseModelInfo);
  const path = `/projects/${second}/iterations/${begun.id}`;
  assert.equal('customBaseModelInfo' in (await ask('GET', path, undefined, 'v3.3')).json, false);
  await assert.rejects(asked(), { code: 'BadRequestTrainingNotNeeded' });
  const boxes = await training.createProject('boxes', { domainId: detection });
  await assert.rejects(training.trainProject(boxes.id!, { trainingParameters: { customBaseModelInfo } }), {
    code: 'BadRequestCustomBaseModelDomainNotCompatible',
  });
});

test('the quota of the draft: how many projects there may be, and are', async () => {
  const projects = (await training.getProjects()).length;
  for (const version of ['v3.4-preview', 'v3.4-preview.1', 'V3.4-Preview.1']) {
    const { status, json } = await ask('GET', '/quota', undefined, version);
    assert.equal(status, 200);
    assert.equal(typeof json.tier, 'string');
    assert.deepEqual(json.projectQuota.current, projects);
    assert.ok(json.projectQuota.total >= projects);
  }
  assert.equal((await ask('GET', '/quota', undefined, 'v3.3')).status, 404);
  assert.equal((await ask('GET', '/projects', undefined, 'v3.4-preview.1')).json.length, projects);
});
