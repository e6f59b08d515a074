import assert from 'node:assert/strict';
import { test } from 'node:test';
import { predictionOperations } from './prediction.ts';
import { read } from './read.ts';
import type { PlainSchema } from './schema.ts';
import { trainingOperations } from './training.ts';
import * as wire from './wire.ts';

const id = '1D5F8E78-e7b3-4593-9407-1578b5334af8';
const lower = id.toLowerCase();
const query = (op: keyof typeof trainingOperations, given: object) =>
  read(trainingOperations[op].query as PlainSchema, given, '', 'query');
const json = (schema: unknown, given: unknown) => read(schema as PlainSchema, given, '', 'json');
const refused = (code: string, message: RegExp) => (error: unknown) => {
  assert.equal((error as { code: string }).code, code);
  assert.match((error as Error).message, message);
  return true;
};

test('queries: names in any case, lists with commas or repeated, ids in any form', () => {
  assert.deepEqual(
    query('GetTaggedImages', { TAGIDS: `${id}, ${id.replaceAll('-', '')}`, Take: '7', orderby: 'oldest', other: 'x' }),
    {
      tagIds: [lower, lower],
      take: 7,
      orderBy: 'Oldest',
    },
  );
  assert.deepEqual(query('GetTaggedImages', { tagIds: [id, `{${id}}`], take: '', iterationId: '' }), {
    tagIds: [lower, lower],
  });
  assert.deepEqual(query('QuickTestImage', { store: 'False' }), { store: false });
  assert.deepEqual(query('CreateProject', { name: 'a,b', targetExportPlatforms: 'onnx,CoreML' }), {
    name: 'a,b',
    targetExportPlatforms: ['ONNX', 'CoreML'],
  });
});

test('queries: what does not fit is refused by name, with what was expected and what came', () => {
  const many = (n: number) => Array(n).fill(id).join(',');
  assert.throws(
    () => query('GetTaggedImages', { take: '257' }),
    refused('BadRequest', /from 0 to 256 for take but received "257"/),
  );
  assert.throws(() => query('GetTaggedImages', { take: '1.5' }), refused('BadRequest', /whole number/));
  assert.throws(
    () => query('GetTaggedImages', { orderBy: 'random' }),
    refused('BadRequest', /one of Newest, Oldest for orderBy but received "random"/),
  );
  assert.throws(
    () => query('GetImagesByIds', { imageIds: 'x' }),
    refused('BadRequestInvalidIds', /an id .* for imageIds\[0\] but received "x"/),
  );
  assert.throws(
    () => query('DeleteImages', { imageIds: many(257) }),
    refused('BadRequestExceededBatchSize', /at most 256 entries for imageIds but received an array of 257/),
  );
  assert.throws(
    () => query('DeletePrediction', { ids: many(65) }),
    refused('BadRequestPredictionIdsExceededCount', /at most 64/),
  );
  assert.throws(
    () => query('DeletePrediction', {}),
    refused('BadRequestRequiredParamIsNull', /a list for ids but received undefined/),
  );
  assert.throws(
    () => query('CreateTag', { name: 'x'.repeat(129) }),
    refused('BadRequestTagName', /1 to 128 characters for name/),
  );
  assert.throws(() => query('CreateTag', { name: '' }), refused('BadRequestTagName', /1 to 128 characters/));
  assert.throws(
    () => query('CreateTag', { name: 'a', type: 'odd' }),
    refused('BadRequestTagType', /one of Regular, Negative/),
  );
  assert.throws(
    () => query('CreateProject', { name: 'a', domainId: 'x' }),
    refused('BadRequestProjectUnknownDomain', /domainId/),
  );
  assert.throws(
    () => query('QuickTestImage', { store: '1' }),
    refused('BadRequest', /true or false for store but received "1"/),
  );
  assert.throws(
    () => query('GetIterationPerformance', { threshold: 'high' }),
    refused('BadRequest', /a number for threshold/),
  );
});

test('bodies: names in any case, null is absent, unknown properties are passed over', () => {
  const whole = {
    Id: id,
    NAME: 'a',
    description: null,
    status: 'Succeeded',
    settings: { DomainId: id, classificationType: null, useNegativeSet: true },
  };
  assert.deepEqual(json(wire.ProjectUpdate, whole), { name: 'a', settings: { domainId: lower } });
  assert.deepEqual(json(wire.Metadata, { Key: 'v' }), { Key: 'v' });
  const hostile = JSON.parse('{"__proto__":"v","constructor":"w"}');
  assert.deepEqual(Object.entries(json(wire.Metadata, hostile) as object), [
    ['__proto__', 'v'],
    ['constructor', 'w'],
  ]);
  assert.deepEqual(json(wire.ProjectUpdate, hostile), {});
  assert.deepEqual(json(wire.PredictionQueryToken, { iterationId: null, tags: null, maxCount: 0 }), {
    iterationId: null,
    tags: null,
    maxCount: 0,
  });
});

test('bodies: wrong types are refused with the path of the value', () => {
  const region = { imageId: id, tagId: id, left: 0, top: 0, width: '0.5', height: 1 };
  assert.throws(
    () => json(wire.ImageRegionCreateBatch, { regions: [region] }),
    refused('BadRequest', /a number for regions\[0\]\.width but received "0.5"/),
  );
  assert.throws(
    () => json(wire.ImageFileCreateBatch, { images: [{ name: 'a' }] }),
    refused('BadRequestRequiredParamIsNull', /for images\[0\]\.contents/),
  );
  assert.throws(
    () => json(wire.ImageFileCreateBatch, { images: Array(65).fill({ contents: '' }) }),
    refused('BadRequestExceededBatchSize', /at most 64 entries for images but received an array of 65/),
  );
  assert.throws(() => json(wire.ImageFileCreateBatch, []), refused('BadRequest', /an object/));
  assert.throws(
    () => json(wire.ImageUrlCreateBatch, { images: [null] }),
    refused('BadRequest', /an object for images\[0\] but received null/),
  );
  assert.throws(() => json(wire.ImageUrlCreateBatch, { images: {} }), refused('BadRequest', /a list for images/));
  assert.throws(
    () => json(wire.ProjectUpdate, { name: 7 }),
    refused('BadRequestProjectName', /1 to 128 characters for name but received 7/),
  );
  assert.throws(() => json(wire.ProjectUpdate, { name: '' }), refused('BadRequestProjectName', /1 to 128/));
  assert.throws(
    () => json(wire.Metadata, { a: 1 }),
    refused('BadRequestImageMetadataValue', /text for a but received 1/),
  );
  assert.throws(
    () => json(wire.PredictionQueryToken, { startTime: 'soon' }),
    refused('BadRequestPredictionInvalidQueryParameters', /a date such as .* for startTime but received "soon"/),
  );
  const body = predictionOperations.ClassifyImageUrl.body.schema;
  assert.throws(() => json(body, {}), refused('BadRequestRequiredParamIsNull', /text for url but received undefined/));
  assert.throws(() => json(body, { url: 7 }), refused('BadRequest', /text for url but received 7/));
});
