import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { domains } from '../domain/domain.ts';
import type { Iteration } from '../domain/iteration.ts';
import type { Prediction } from '../domain/prediction.ts';
import { augmentationWhere } from '../domain/project.ts';
import {
  fromDomain,
  fromExport,
  fromImageCreateSummary,
  fromImagePrediction,
  fromIteration,
  fromIterationPerformance,
  fromPredictionQuery,
  fromProject,
  fromRegions,
  fromTag,
  type Links,
} from './from-domain.ts';
import { parseDate } from './json.ts';
import type { OperationId } from './operation.ts';
import { servedVersions } from './served.ts';
import { toPredictionQuery } from './to-domain.ts';

/*
 * Answers of the real service, recorded by its own SDK's tests, against what we write for the same facts. A recording
 * gives dates with the zeros at the end cut off (`.84Z`); its Content-Length proves that they were sent.
 */

const encode = (api: 'training' | 'prediction', version: string, id: OperationId, reply: unknown): string => {
  const served = servedVersions.find((one) => one.api === api && one.version === version)!;
  return JSON.stringify(served.operations.find((operation) => operation.id === id)!.encode(reply));
};
const at = (date: string): number => parseDate(date)!;
const links: Links = {
  image: (_project, id, size) => `${size} ${id}`,
  prediction: (_project, _id, size) => size,
  export: () => 'https://model.zip',
  receipt: () => 'https://receipt',
  takeout: () => 'https://takeout',
  undo: () => 'https://undo',
  project: () => 'https://project',
};

test('a project of 3.4 and of 3.0', () => {
  const project = {
    id: '8a32ea60-1c53-43c3-8113-d0b1f470fbdb',
    accountId: '',
    name: 'Test Project',
    description: 'This is a test project',
    domainId: 'ee85a74c-405e-4adc-bb47-ffa8ca0c9f31',
    classificationType: 'Multilabel',
    targetExportPlatforms: [],
    augmentation: augmentationWhere(() => true),
    exportModelContainerUri: null,
    notificationQueueUri: null,
    created: at('2020-11-06T16:37:26.266Z'),
    lastModified: at('2020-11-06T16:37:26.266Z'),
    status: 'Succeeded',
    thumbnailImageId: null,
    backbone: null,
  } as const;
  const newest = encode('training', '3.4-preview', 'CreateProject', fromProject(project, links));
  assert.equal(
    newest,
    '{"id":"8a32ea60-1c53-43c3-8113-d0b1f470fbdb","name":"Test Project","description":"This is a test project","settings":{"domainId":"ee85a74c-405e-4adc-bb47-ffa8ca0c9f31","classificationType":"Multilabel","targetExportPlatforms":[],"useNegativeSet":true,"detectionParameters":null,"imageProcessingSettings":{"augmentationMethods":{"rotation":true,"scaling":true,"translation":true,"horizontal flip":true,"equalize":true,"solarize":true,"padtosquare":true}}},"created":"2020-11-06T16:37:26.266Z","lastModified":"2020-11-06T16:37:26.266Z","thumbnailUri":null,"drModeEnabled":false,"status":"Succeeded"}',
  );
  assert.equal(newest.length, 597); // as recorded
  const older = encode('training', '3.0', 'CreateProject', fromProject(project, links));
  assert.match(
    older,
    /"settings":\{"domainId":"[^"]+","classificationType":"Multilabel","useNegativeSet":true,"detectionParameters":null,"targetExportPlatforms":\[\]\},/,
  );
  assert.match(older, /"drModeEnabled":false\}$/);
  assert.equal(older.length, 400);
});

test('a tag', () => {
  const tag = {
    id: '80c795b2-9947-4341-91aa-8cd99652b70c',
    projectId: '',
    name: 'Test Tag 1',
    description: '',
    type: 'Regular',
    imageCount: 0,
  } as const;
  const text =
    '{"id":"80c795b2-9947-4341-91aa-8cd99652b70c","name":"Test Tag 1","description":null,"type":"Regular","imageCount":0}';
  for (const version of ['3.0', '3.1', '3.2', '3.3', '3.4-preview'])
    assert.equal(encode('training', version, 'GetTag', fromTag(tag)), text);
  assert.equal(text.length, 116);
});

test('an image just made: tags without names, no regions and no metadata where there are none', () => {
  const image = {
    id: '598d05f8-dfde-404e-b0db-04464099dce6',
    projectId: 'p',
    created: at('2019-03-21T01:31:11.609449Z'),
    width: 900,
    height: 1600,
    tags: [{ tagId: '80c795b2-9947-4341-91aa-8cd99652b70c', tagName: null, created: at('2019-03-21T01:31:11.62334Z') }],
    regions: [],
    metadata: null,
  };
  const summary = fromImageCreateSummary(
    { isBatchSuccessful: true, images: [{ sourceUrl: 'https://x/hemlock_1.jpg', status: 'OK', image }] },
    links,
  );
  assert.equal(
    encode('training', '3.0', 'CreateImagesFromUrls', summary),
    '{"isBatchSuccessful":true,"images":[{"sourceUrl":"https://x/hemlock_1.jpg","status":"OK","image":{"id":"598d05f8-dfde-404e-b0db-04464099dce6","created":"2019-03-21T01:31:11.6094490","width":900,"height":1600,"resizedImageUri":"original 598d05f8-dfde-404e-b0db-04464099dce6","thumbnailUri":"thumbnail 598d05f8-dfde-404e-b0db-04464099dce6","originalImageUri":"original 598d05f8-dfde-404e-b0db-04464099dce6","tags":[{"tagId":"80c795b2-9947-4341-91aa-8cd99652b70c","tagName":null,"created":"2019-03-21T01:31:11.6233400"}]}}]}',
  );
  const labelled = fromImageCreateSummary(
    {
      isBatchSuccessful: false,
      images: [{ sourceUrl: '', status: 'ErrorImageDimensions', image: { ...image, metadata: { a: 'b' } } }],
    },
    links,
  );
  assert.match(
    encode('training', '3.4-preview', 'CreateImagesFromUrls', labelled),
    /"ErrorImageDimensions".*"metadata":\{"a":"b"\}\}\}\]\}$/,
  );
  assert.match(
    encode('training', '3.3', 'CreateImagesFromUrls', labelled),
    /"ErrorImageSize".*"metadata":\{"a":"b"\}\}\}\]\}$/,
  );
  assert.doesNotMatch(encode('training', '3.2', 'CreateImagesFromUrls', labelled), /metadata/);
});

const iteration: Iteration = {
  id: 'a1608486-2795-499a-bf16-e9a3075e5388',
  projectId: 'b6dd673c-be9e-4911-b2f6-02237b2d4872',
  name: 'Iteration 2',
  status: 'Training',
  created: at('2019-09-16T15:05:06.676Z'),
  lastModified: at('2019-09-16T15:05:15.508Z'),
  trainedAt: null,
  domainId: null,
  classificationType: null,
  trainingType: 'Regular',
  reservedBudgetInHours: 0,
  backbone: null,
  customBaseModel: null,
  trainingTimeInMinutes: 0,
  exportable: false,
  exportableTo: null,
  publishName: null,
  originalPublishResourceId: null,
  isDefault: false,
  trainingErrorDetails: null,
  imported: null,
};

test('an iteration: queued, at work and done', () => {
  const queued = encode('training', '3.1', 'TrainProject', fromIteration(iteration));
  assert.equal(
    queued,
    '{"id":"a1608486-2795-499a-bf16-e9a3075e5388","name":"Iteration 2","status":"Training","created":"2019-09-16T15:05:06.676Z","lastModified":"2019-09-16T15:05:15.508Z","projectId":"b6dd673c-be9e-4911-b2f6-02237b2d4872","exportable":false,"exportableTo":null,"domainId":null,"classificationType":null,"trainingType":"Regular","reservedBudgetInHours":0,"trainingTimeInMinutes":0,"publishName":null,"originalPublishResourceId":null}',
  );
  assert.equal(queued.length, 426);
  const known = {
    ...iteration,
    domainId: 'ee85a74c-405e-4adc-bb47-ffa8ca0c9f31',
    classificationType: 'Multilabel',
    exportableTo: [],
    trainingTimeInMinutes: 1,
  } as const;
  const late = encode(
    'training',
    '3.1',
    'GetIteration',
    fromIteration({ ...known, lastModified: at('2019-09-16T15:05:18.54Z') }),
  );
  assert.match(late, /"lastModified":"2019-09-16T15:05:18.540Z".*"exportableTo":\[\],/);
  assert.equal(late.length, 466);
  const trainedAt = at('2019-09-16T15:05:20.087Z');
  const done = fromIteration({ ...known, status: 'Completed', lastModified: trainedAt, trainedAt });
  assert.equal(encode('training', '3.1', 'GetIteration', done).length, 506);
  assert.match(
    encode('training', '3.4-preview', 'GetIteration', done),
    /"exportableTo":null,.*"originalPublishResourceId":null,"customBaseModelInfo":null,"trainingErrorDetails":null\}$/,
  );
  assert.doesNotMatch(encode('training', '3.0', 'GetIterations', [done]), /trainingTimeInMinutes/);
});

test('performance, in floats', () => {
  const scores = { precision: 1, precisionStdDeviation: 0, recall: 1, recallStdDeviation: 0, averagePrecision: 1 };
  const text = encode(
    'training',
    '3.2',
    'GetIterationPerformance',
    fromIterationPerformance({
      ...scores,
      perTag: [
        { id: 'db3d0205-8822-433b-8736-2233cf27fd8f', name: 'Tag1', ...scores },
        { id: 'dd3ba379-3cc0-4f97-a04c-60f8e5e4873c', name: 'Tag2', ...scores },
      ],
    }),
  );
  assert.match(
    text,
    /^\{"perTagPerformance":\[\{"id":"db3d0205-8822-433b-8736-2233cf27fd8f","name":"Tag1","precision":1.0,"precisionStdDeviation":0.0,"recall":1.0,"recallStdDeviation":0.0,"averagePrecision":1.0\},/,
  );
  assert.equal(text.length, 458);
});

test('an export', () => {
  const made = {
    id: '',
    projectId: '',
    iterationId: '',
    platform: 'TensorFlow',
    flavor: null,
    status: 'Exporting',
    created: 0,
    bytes: 0,
  } as const;
  const text = encode('training', '3.0', 'ExportIteration', fromExport(made, links));
  assert.equal(
    text,
    '{"platform":"TensorFlow","status":"Exporting","downloadUri":null,"flavor":null,"newerVersionAvailable":false}',
  );
  assert.equal(text.length, 109);
  assert.equal(fromExport({ ...made, status: 'Done' }, links).downloadUri, 'https://model.zip');
});

test('regions', () => {
  const box = { left: 0.378543377, top: 0.162310928, width: 0.280251384, height: 0.6579386 };
  const region = {
    id: '86c309eb-e34a-4e50-88a2-a66bcd288e07',
    imageId: '1684e901-5ad9-4cd7-8f55-9d588914043d',
    tagId: 'a29bb6a2-3a79-4f66-b512-b1abc9b9672f',
    tagName: null,
    box,
    created: at('2019-09-16T15:09:02.699334Z'),
  };
  const text = encode(
    'training',
    '3.1',
    'CreateImageRegions',
    fromRegions({ created: [region], duplicated: [], exceeded: [] }),
  );
  assert.equal(
    text,
    '{"created":[{"imageId":"1684e901-5ad9-4cd7-8f55-9d588914043d","regionId":"86c309eb-e34a-4e50-88a2-a66bcd288e07","tagName":null,"created":"2019-09-16T15:09:02.6993340","tagId":"a29bb6a2-3a79-4f66-b512-b1abc9b9672f","left":0.378543377,"top":0.162310928,"width":0.280251384,"height":0.6579386}],"duplicated":[],"exceeded":[]}',
  );
  assert.equal(text.length, 322);
});

test('predictions of 3.1 and 3.0', () => {
  const prediction = (tagName: string, tagId: string, probability: number): Prediction => ({
    tagId,
    tagName,
    tagType: 'Regular',
    probability,
    box: null,
  });
  const answer = {
    id: '7b165fa9-182d-4c2e-b308-3c10d06ea080',
    projectId: 'e3c7fd20-0c05-4c8c-886d-be4ea92e01c8',
    iterationId: 'c1a8cf6c-048b-412e-9bcb-4be826b81342',
    created: at('2020-06-06T22:00:23.451Z'),
    predictions: [
      prediction('Tag1', 'c8de21e2-e5b5-4f6b-8f39-3e67f210376e', 0.9999961),
      prediction('Tag2', '2278ea86-0671-4617-a6cd-06cf056b841f', 8.79471951e-13),
    ],
  };
  const newest = encode('prediction', '3.1', 'ClassifyImageUrl', fromImagePrediction(answer));
  assert.equal(
    newest,
    '{"id":"7b165fa9-182d-4c2e-b308-3c10d06ea080","project":"e3c7fd20-0c05-4c8c-886d-be4ea92e01c8","iteration":"c1a8cf6c-048b-412e-9bcb-4be826b81342","created":"2020-06-06T22:00:23.451Z","predictions":[{"probability":0.9999961,"tagId":"c8de21e2-e5b5-4f6b-8f39-3e67f210376e","tagName":"Tag1","tagType":"Regular"},{"probability":8.79471951E-13,"tagId":"2278ea86-0671-4617-a6cd-06cf056b841f","tagName":"Tag2","tagType":"Regular"}]}',
  );
  assert.equal(newest.length, 423);
  const older = encode('prediction', '3.0', 'ClassifyImageUrl', fromImagePrediction(answer));
  assert.match(older, /"created":"2020-06-06T22:00:23.4510000Z"/);
  assert.doesNotMatch(older, /tagType/);
});

test('stored predictions: the query repeated, the links, and no types before 3.3', () => {
  const query = toPredictionQuery({ maxCount: 0, orderBy: 'Newest' });
  const stored = {
    id: '9e5346d3-bcc2-4321-ac82-0dfbd94c89d5',
    projectId: '574b0422-8a93-4d75-8c1b-56c311f8cf74',
    iterationId: '11809ccd-eedc-4b51-a05b-43a6c1629e3e',
    domainId: 'ee85a74c-405e-4adc-bb47-ffa8ca0c9f31',
    created: at('2020-02-11T16:41:01.171Z'),
    predictions: [
      {
        tagId: '2f097102-a88d-4715-a4c4-6d405fd5be43',
        tagName: 'Tag1',
        tagType: 'Regular',
        probability: 0.9999961,
        box: null,
      },
    ],
  } as const;
  const page = fromPredictionQuery(query, '2:4193186', { results: [stored], continuation: null }, links);
  assert.equal(
    encode('training', '3.2', 'QueryPredictions', page),
    '{"token":{"session":"2:4193186","continuation":null,"maxCount":0,"orderBy":"Newest","tags":null,"iterationId":null,"startTime":null,"endTime":null,"application":null},"results":[{"resizedImageUri":"original","thumbnailUri":"thumbnail","originalImageUri":"original","domain":"ee85a74c-405e-4adc-bb47-ffa8ca0c9f31","id":"9e5346d3-bcc2-4321-ac82-0dfbd94c89d5","project":"574b0422-8a93-4d75-8c1b-56c311f8cf74","iteration":"11809ccd-eedc-4b51-a05b-43a6c1629e3e","created":"2020-02-11T16:41:01.171Z","predictions":[{"probability":0.9999961,"tagId":"2f097102-a88d-4715-a4c4-6d405fd5be43","tagName":"Tag1"}]}]}',
  );
  const narrow = toPredictionQuery({
    tags: [{ id: 'a', minThreshold: 0.5 }],
    startTime: '2020-01-01T00:00:00',
    application: '',
    continuation: 'next',
  });
  assert.deepEqual(narrow, {
    continuation: 'next',
    maxCount: 0,
    orderBy: 'Newest',
    tags: [{ id: 'a', minThreshold: 0.5, maxThreshold: 1 }],
    iterationId: null,
    startTime: Date.parse('2020-01-01T00:00:00Z') * 1000,
    endTime: null,
    application: null,
  });
});

test('the account in PascalCase', () => {
  const quota = { total: 20, used: 9 };
  const pair = { primaryKey: 'a', secondaryKey: 'b' };
  const text = encode('training', '1.2', 'GetAccountInfo', {
    userName: 'User Name',
    email: null,
    keys: { trainingKeys: pair, predictionKeys: pair },
    quotas: {
      tier: 'S0',
      projects: quota,
      predictions: quota,
      perProject: [{ projectId: 'p', iterations: quota, images: quota, tags: quota }],
    },
  });
  assert.equal(
    text,
    '{"UserName":"User Name","Email":null,"Keys":{"TrainingKeys":{"PrimaryKey":"a","SecondaryKey":"b"},"PredictionKeys":{"PrimaryKey":"a","SecondaryKey":"b"}},"Quotas":{"Tier":"S0","Projects":{"Total":20,"Used":9},"Predictions":{"Total":20,"Used":9},"PerProject":[{"ProjectId":"p","Iterations":{"Total":20,"Used":9},"Images":{"Total":20,"Used":9},"Tags":{"Total":20,"Used":9}}]}}',
  );
});

const recordedDomains = resolve(
  process.env.OWNSIGHT_SHARED ?? join(import.meta.dirname, '../../../shared'),
  'spec/recordings/domains.json',
);

test('domains: ids, names, types and order of the recorded answer', {
  skip: existsSync(recordedDomains) ? false : 'the recording is not here (OWNSIGHT_SHARED)',
}, () => {
  const recorded = JSON.parse(readFileSync(recordedDomains, 'utf8')) as Record<string, unknown>[];
  const ours = domains.map(fromDomain);
  const facts = ({ id, name, type, exportable, enabled }: Record<string, unknown>) => ({
    id,
    name,
    type,
    exportable,
    enabled,
  });
  assert.deepEqual(ours.slice(0, recorded.length).map(facts), recorded.map(facts));
  assert.deepEqual(Object.keys(ours[0]!), Object.keys(recorded[0]!));
  assert.deepEqual(Object.keys(JSON.parse(encode('training', '3.3', 'GetDomains', ours))[0]), [
    'id',
    'name',
    'type',
    'exportable',
    'enabled',
  ]);
});
