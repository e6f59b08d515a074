import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { OperationId } from './operation.ts';
import { read } from './read.ts';
import { servedVersions } from './served.ts';
import type { VersionedOperation } from './version.ts';

const find = (version: string, id: OperationId): VersionedOperation =>
  servedVersions
    .find((served) => served.api === 'training' && served.version === version)!
    .operations.find((operation) => operation.id === id)!;
const shows = (version: string, id: OperationId, reply: unknown): string =>
  JSON.stringify(find(version, id).encode(reply));

test('what only older versions have is shown and taken there alone', () => {
  const iteration = { id: 'i', name: 'n', isDefault: true, status: 'Completed' };
  assert.match(shows('2.2', 'GetIteration', iteration), /^\{"id":"i","name":"n","isDefault":true,"status":/);
  assert.match(shows('2.0', 'GetIterations', [iteration]), /"isDefault":true/);
  for (const version of ['3.0', '3.4-preview'])
    assert.doesNotMatch(shows(version, 'GetIterations', [iteration]), /isDefault/);
  const taken = (version: string): unknown => {
    const { body } = find(version, 'UpdateIteration');
    assert.ok(body?.kind === 'json');
    return read(body.reading, { Name: 'n', IsDefault: true }, '', 'json');
  };
  assert.deepEqual(taken('2.2'), { name: 'n', isDefault: true });
  assert.deepEqual(taken('3.0'), { name: 'n' });
});

test('a property keeps its place under its older name, at every depth', () => {
  const image = { id: 'i', width: 1, resizedImageUri: 'r', thumbnailUri: 't', originalImageUri: 'o' };
  assert.equal(shows('2.2', 'GetImagesByIds', [image]), JSON.stringify([image]));
  assert.equal(shows('2.1', 'GetImagesByIds', [image]), '[{"id":"i","width":1,"imageUri":"r","thumbnailUri":"t"}]');
  const made = { isBatchSuccessful: true, images: [{ sourceUrl: '', status: 'OK', image }] };
  assert.match(shows('2.0', 'CreateImagesFromFiles', made), /"imageUri":"r","thumbnailUri":"t"\}\}\]\}$/);
  const properties = (version: string): string[] => {
    const { reply } = find(version, 'GetImagesByIds');
    return typeof reply === 'object' ? Object.keys(reply.items?.properties ?? {}) : [];
  };
  assert.ok(properties('2.1').includes('imageUri') && !properties('2.1').includes('resizedImageUri'));
  assert.ok(properties('2.2').includes('resizedImageUri') && !properties('2.2').includes('imageUri'));
});

test('a word that a version does not know yet is the nearest that it knows', () => {
  const of = (status: string) => ({ isBatchSuccessful: false, images: [{ sourceUrl: '', status, image: null }] });
  const negative = of('ErrorNegativeAndRegularTagOnSameImage');
  assert.match(shows('2.2', 'CreateImagesFromUrls', negative), /"ErrorNegativeAndRegularTagOnSameImage"/);
  assert.match(shows('2.1', 'CreateImagesFromUrls', negative), /"ErrorUnknown"/);
  assert.match(shows('2.0', 'CreateImagesFromUrls', of('ErrorImageDimensions')), /"ErrorImageSize"/);
  const tag = { id: 't', name: 'none', description: null, type: 'Negative', imageCount: 0 };
  assert.match(shows('2.2', 'GetTag', tag), /"type":"Negative"/);
  assert.equal(shows('2.1', 'GetTag', tag), '{"id":"t","name":"none","description":null,"imageCount":0}');
});

test('operations are where each version had them, and as long as it had them', () => {
  const path = (version: string) => find(version, 'GetImageRegionProposals').path;
  assert.equal(path('2.2'), '/customvision/v2.2/training/{projectId}/images/{imageId}/regionproposals');
  assert.equal(path('3.0'), '/customvision/v3.0/training/projects/{projectId}/images/{imageId}/regionproposals');
  assert.equal(find('2.2', 'PublishIteration'), undefined);
  const predicting = servedVersions
    .filter(({ api, operations }) => api === 'prediction' && operations.some(({ id }) => id === 'PredictImage'))
    .map(({ version }) => version);
  assert.deepEqual(
    predicting,
    servedVersions.flatMap(({ api, version }) => (api === 'prediction' && Number(version) < 3 ? [version] : [])),
  );
});
