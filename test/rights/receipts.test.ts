import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { samplePictures } from '../../scripts/samples.ts';
import type { PublicJwk } from '../../src/base/jws.ts';
import { verifyReceipt } from '../../src/services/receipts.ts';
import { newestClients } from '../fixtures/clients.ts';
import { runOwnsight, startServer } from '../fixtures/server.ts';
import { temporaryFolder } from '../fixtures/stores.ts';
import { until } from '../fixtures/until.ts';

interface Wire {
  readonly id: string;
  readonly kind: string;
  readonly state: string;
  readonly receipt: string | null;
}

test('deletions by Azure’s own operations are receipted beside them, verified offline, and say nothing of what was deleted', async (t) => {
  const server = await startServer();
  const get = async <T>(path: string, key = server.trainingKey): Promise<T> =>
    (await (await fetch(`${server.endpoint}/ownsight/v1${path}`, { headers: { 'Training-Key': key } })).json()) as T;
  try {
    const { training } = newestClients(server);
    const project = (await training.createProject('Canary project')).id!;
    const tag = (await training.createTag(project, 'Canary tag')).id!;
    const [picture] = await samplePictures({ seed: 3, perClass: 1 });
    const images = [{ name: 'canary.jpg', contents: picture!.bytes, tagIds: [tag] }];
    const image = (await training.createImagesFromFiles(project, { images })).images![0]!.image!.id!;
    await training.deleteImages(project, { imageIds: [image] });
    await training.deleteTag(project, tag);
    await training.deleteProject(project);
    const receipts = await until(
      () => get<Wire[]>('/receipts'),
      (all) => all.length === 3 && all.every((one) => one.state === 'Finished'),
    );
    assert.deepEqual(
      receipts.map((one) => one.kind),
      ['project', 'tag', 'images'],
    );
    const key = await get<PublicJwk>('/receipts/key', '');
    for (const { id, receipt } of receipts) {
      const content = await verifyReceipt(receipt!, key);
      assert.equal(content?.jti, id);
      assert.equal(content?.scope.project, project);
      assert.doesNotMatch(JSON.stringify(content), /canary/i);
      assert.deepEqual(
        await get<Wire>(`/receipts/${id}`),
        receipts.find((one) => one.id === id),
      );
      assert.equal((await get<{ code: string }>(`/receipts/${id}`, server.predictionKey)).code, 'Unauthorized');
      assert.equal((await get<{ code: string }>(`/receipts/${id}/collect?token=no`, '')).code, 'NotFound');
    }
    assert.equal((await get<{ code: string }>(`/receipts/${project}`)).code, 'NotFound');

    const folder = temporaryFolder(t);
    const elsewhere = join(folder, 'elsewhere', 'data');
    const write = (name: string, content: unknown): string => {
      const path = join(folder, name);
      writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
      return path;
    };
    const keyFile = write('key.json', (await runOwnsight(server.home, ['receipt-key'])).output);
    const verify = async (path: string) => runOwnsight(elsewhere, ['verify', path, '--key', keyFile]);
    const good = await verify(write('receipt.json', receipts[0]));
    assert.match(good.output, /^as signed\n/);
    assert.equal(good.code, 0);
    assert.equal((await verify(write('receipt.jws', receipts[0]!.receipt))).code, 0);
    const [head, payload, signature] = receipts[0]!.receipt!.split('.');
    const forged = Buffer.from(payload!, 'base64url').toString().replace('"projects":1', '"projects":2');
    const bad = await verify(write('forged.jws', `${head}.${Buffer.from(forged).toString('base64url')}.${signature}`));
    assert.match(bad.output, /^NOT as signed/);
    assert.equal(bad.code, 2);
  } finally {
    await server.stop();
  }
});
