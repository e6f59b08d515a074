import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { samplePictures } from '../../scripts/samples.ts';
import { startServer, type TestServer } from '../fixtures/server.ts';

let server: TestServer;
before(async () => {
  server = await startServer();
});
after(() => server?.stop());

test('a deletion that overtakes an upload wins: the project is not found, and nothing fails', async () => {
  const address = `${server.endpoint}/customvision/v3.3/training/projects`;
  const ask = (path: string, method = 'GET', body?: string) =>
    fetch(address + path, {
      method,
      headers: { 'Training-Key': server.trainingKey, 'Content-Type': 'application/json' },
      ...(body === undefined ? {} : { body }),
    });
  const pictures = await samplePictures({ seed: 5, perClass: 20 });
  const images = pictures.map(({ bytes }) => ({ contents: Buffer.from(bytes).toString('base64') }));
  const outcomes = new Set<number>();
  for (let round = 0; round < 6; round++) {
    const { id } = (await (await ask(`?name=${round}`, 'POST')).json()) as { id: string };
    const uploads = [0, 1].map((half) =>
      ask(`/${id}/images/files`, 'POST', JSON.stringify({ images: images.slice(half * 30, half * 30 + 30) })),
    );
    // Enough questions for the uploads to be under way, whatever the machine's speed.
    for (let n = 0; n < 5 * round; n++) await (await ask(`/${id}/tags`)).arrayBuffer();
    assert.equal((await ask(`/${id}`, 'DELETE')).status, 204);
    assert.equal((await ask(`/${id}`)).status, 404, 'gone from the moment the deletion is answered');
    for (const upload of await Promise.all(uploads)) {
      await upload.arrayBuffer();
      outcomes.add(upload.status);
    }
  }
  for (const status of outcomes) assert.ok(status === 200 || status === 404, String(status));
  assert.ok(outcomes.has(404), 'at least one upload was overtaken');
});
