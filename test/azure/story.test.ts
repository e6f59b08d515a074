/**
 * The whole story of Azure Custom Vision, told by Microsoft's own clients of every generation: classification to a server
 * started as a user starts it, and object detection on drawn pictures, by a plan so small that it takes seconds: what is
 * learned there is not much.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type SamplePicture, samplePictures } from '../../scripts/samples.ts';
import { generations, methodsOf, noting } from '../fixtures/clients.ts';
import { detectingServer } from '../fixtures/detecting-server.ts';
import { type PictureServer, servePictures } from '../fixtures/picture-server.ts';
import { startServer, type TestServer } from '../fixtures/server.ts';
import { classificationStory } from './classification-story.ts';
import { tellDetection } from './detection-story.ts';
import { drawnPictures } from './drawn.ts';

let server: TestServer;
let web: PictureServer;
let pictures: SamplePicture[];
let unseen: SamplePicture[];

before(async () => {
  pictures = await samplePictures({ perClass: 8 });
  unseen = await samplePictures({ seed: 2, perClass: 2 });
  web = await servePictures(
    new Map(
      [...pictures, ...unseen.map((one) => ({ ...one, name: `new-${one.name}` }))].map((one) => [one.name, one.bytes]),
    ),
  );
  server = await startServer({ env: { OWNSIGHT_ALLOW_NETWORKS: '127.0.0.0/8' } });
});
after(async () => {
  await web?.close();
  assert.equal(await server?.stop(), 0, 'the exit code of a stopped server');
});

for (const connect of generations) {
  const { name } = connect({ endpoint: 'http://127.0.0.1:1', trainingKey: '-', predictionKey: '-' });
  describe(name, () => {
    const called = new Set<string>();

    classificationStory(() => ({ clients: noting(connect(server), called), web, pictures, unseen }));

    test('object detection', async (t) =>
      tellDetection(t, {
        clients: noting(connect(await detectingServer(t)), called),
        ...drawnPictures,
        averagePrecision: 0.15,
        found: 0.1,
        patience: 60,
      }));

    test('every method the clients have was called', () => {
      assert.deepEqual(
        methodsOf(connect(server)).filter((method) => !called.has(method)),
        [],
      );
    });
  });
}
