import assert from 'node:assert/strict';
import { test } from 'node:test';
import { exportManifest, labelFile, manifestFile, metadataFile } from './manifest.ts';

const facts = {
  domainType: 'Classification',
  platform: 'ONNX',
  flavor: null,
  exported: Date.UTC(2019, 5, 14, 7, 51, 0, 794) * 1000 + 766,
  iterationId: 'f87da675-127d-e911-b83f-6c2b59f4d3b3',
  model: { name: 'model.onnx', bytes: new TextEncoder().encode('abc') },
} as const;

test('the manifest has the fields of Azure in their order', () => {
  assert.deepEqual(Object.entries(exportManifest(facts)), [
    ['DomainType', 'Classification'],
    ['Platform', 'ONNX'],
    ['Flavor', null],
    ['ExporterVersion', '2.0'],
    ['ExportedDate', '2019-06-14T07:51:00.7947660Z'],
    ['IterationId', 'f87da675-127d-e911-b83f-6c2b59f4d3b3'],
    ['ModelFileName', 'model.onnx'],
    ['LabelFileName', 'labels.txt'],
    ['MetadataPropsFileName', 'metadata_properties.json'],
    // FIPS 180-4, example of SHA-1.
    ['ModelFileSHA1', 'a9993e364706816aba3e25717850c26c9cd0d89d'],
    ['SchemaVersion', '1.0'],
  ]);
});

test('files beside the model are text a consumer can read', () => {
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  assert.equal(text(labelFile(['apple', 'big\r\nleaf', 'é']).bytes), 'apple\nbig leaf\né');
  assert.deepEqual(JSON.parse(text(manifestFile(facts).bytes)), exportManifest(facts));
  assert.deepEqual(JSON.parse(text(metadataFile({ a: 'b' }).bytes)), { a: 'b' });
});
