import assert from 'node:assert/strict';
import { test } from 'node:test';
import { float } from './json.ts';
import { read } from './read.ts';
import { servedVersions } from './served.ts';

const operationOf = (api: string, version: string, id: string) =>
  servedVersions.find((one) => one.api === api && one.version === version)!.operations.find((one) => one.id === id)!;

/** What goes over the wire, read back. */
const sent = (api: string, version: string, id: string, answer: unknown): unknown =>
  JSON.parse(JSON.stringify(operationOf(api, version, id).encode(answer)));

const found = (tagName: string, probability: number, left: number) => ({
  probability: float(probability),
  tagId: `id of ${tagName}`,
  tagName,
  boundingBox: { left: float(left), top: float(0), width: float(0.1), height: float(0.1) },
  tagType: 'Regular',
});
const answer = {
  id: 'p',
  project: 'q',
  iteration: 'r',
  created: '2026-01-01T00:00:00.000Z',
  predictions: [found('fork', 0.9, 0.1), found('knife', 0.8, 0.2), found('fork', 0.7, 0.3)],
};

test('of a detector’s answer 1.x tells each tag once, with its highest probability', () => {
  const each = [
    { TagId: 'id of fork', Tag: 'fork', Probability: 0.9 },
    { TagId: 'id of knife', Tag: 'knife', Probability: 0.8 },
  ];
  const told = { Id: 'p', Project: 'q', Iteration: 'r', Created: '2026-01-01T00:00:00.0000000Z', Predictions: each };
  for (const version of ['1.1', '1.0']) assert.deepEqual(sent('prediction', version, 'PredictImage', answer), told);
  for (const version of ['1.2', '1.1']) assert.deepEqual(sent('training', version, 'QuickTestImage', answer), told);
  const uris = { resizedImageUri: 'image', thumbnailUri: 'thumbnail', originalImageUri: 'original' };
  const page = { results: [{ ...uris, domain: 'd', ...answer }], token: { session: 's', tags: null } };
  assert.deepEqual(sent('training', '1.2', 'QueryPredictionResults', page), {
    Results: [{ ...told, ImageUri: 'image', ThumbnailUri: 'thumbnail' }],
    Token: { Session: 's', Tags: null },
  });
  assert.equal((sent('prediction', '2.0', 'PredictImage', answer) as typeof answer).predictions.length, 3);
});

test('the time until a quota resets is in ISO 8601 since 1.2, and before as clients could read it', () => {
  const quota = (timeUntilReset: string | null) => ({ total: 1, used: 0, timeUntilReset });
  const account = { quotas: { projects: quota(null), predictions: quota('P12DT3H4M5S'), perProject: [] } };
  const told = (version: string) =>
    (sent('training', version, 'GetAccountInfo', account) as { Quotas: Record<string, object> }).Quotas;
  const Total = { Total: 1, Used: 0 };
  assert.deepEqual(told('1.2').Predictions, { ...Total, TimeUntilReset: 'P12DT3H4M5S' });
  for (const version of ['1.1', '1.0']) {
    assert.deepEqual(told(version).Predictions, { ...Total, TimeUntilReset: '12.03:04:05' });
    assert.deepEqual(told(version).Projects, { ...Total, TimeUntilReset: null });
  }
});

test('a body is shown in the names of its version and read into those of the newest', () => {
  const { body } = operationOf('training', '1.2', 'CreateImagesFromUrls');
  assert.ok(body?.kind === 'json');
  assert.deepEqual(Object.keys(body.schema.properties!), ['Images', 'TagIds']);
  const id = '00000000-0000-0000-0000-000000000001';
  const given = { Images: [{ Url: 'a', TAGIDS: [id] }], TagIds: [] };
  assert.deepEqual(read(body.reading, given, '', 'json'), { images: [{ url: 'a', tagIds: [id] }], tagIds: [] });
});

test('a refusal is told in the names of the version', () => {
  const told = (version: string) =>
    servedVersions
      .find((one) => one.api === 'training' && one.version === version)!
      .refusal.encode({ code: 'NotFound', message: 'no' });
  assert.deepEqual(told('1.0'), { Code: 'NotFound', Message: 'no' });
  assert.deepEqual(told('2.0'), { code: 'NotFound', message: 'no' });
});
