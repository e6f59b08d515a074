import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { suite, type TestContext, test } from 'node:test';
import { newId } from '../../src/base/id.ts';
import { type BlobKey, type BlobStore, blobKey } from '../../src/store/blobs.ts';

const [accountId, projectId] = [newId(), newId()];
const keyIn = (project: string, account = accountId): BlobKey => blobKey(account, project, 'image-original', newId());

async function listed(blobs: BlobStore, prefix = ''): Promise<Record<string, number>> {
  const found: Record<string, number> = {};
  for await (const { key, bytes } of blobs.list(prefix)) found[key] = bytes;
  return found;
}

/** What every {@link BlobStore} promises. `open` gives a new, empty one. */
export function blobsSuite(name: string, open: (t: TestContext) => Promise<BlobStore>): void {
  suite(name, () => {
    test('gives back what was put, until it is deleted', async (t) => {
      const blobs = await open(t);
      const [key, other] = [keyIn(projectId), keyIn(projectId)];
      for (const bytes of [randomBytes(0), randomBytes(1), randomBytes(300_000)]) {
        await blobs.put(key, bytes);
        assert.deepEqual(await blobs.get(key), bytes);
      }
      await blobs.put(other, Buffer.of(1));
      await blobs.delete([key, keyIn(projectId), keyIn(newId())]);
      assert.equal(await blobs.get(key), undefined);
      assert.deepEqual(await listed(blobs), { [other]: 1 });
    });

    test('lists every blob below a prefix with its size', async (t) => {
      const blobs = await open(t);
      const sizes: Record<string, number> = {};
      const [otherProject, otherAccount] = [newId(), newId()];
      const keys = [keyIn(projectId), keyIn(projectId), keyIn(otherProject), keyIn(projectId, otherAccount)];
      await Promise.all(
        keys.map((key, size) => {
          sizes[key] = size;
          return blobs.put(key, Buffer.alloc(size));
        }),
      );
      const below = (prefix: string) =>
        Object.fromEntries(Object.entries(sizes).filter(([key]) => key.startsWith(prefix)));
      for (const prefix of [
        '',
        `${accountId}/`,
        `${accountId}/${projectId}/`,
        `${accountId}/${projectId}/image-original/`,
      ])
        assert.deepEqual(await listed(blobs, prefix), below(prefix));
      assert.deepEqual(await listed(blobs, `${newId()}/`), {});
    });

    test('removes all of a project or account and nothing else, and takes blobs again afterwards', async (t) => {
      const blobs = await open(t);
      const [otherProject, otherAccount] = [newId(), newId()];
      const [own, neighbour, stranger] = [keyIn(projectId), keyIn(otherProject), keyIn(projectId, otherAccount)];
      for (const key of [own, neighbour, stranger]) await blobs.put(key, Buffer.of(1));
      await blobs.deletePrefix(`${accountId}/${projectId}/`);
      await blobs.deletePrefix(`${accountId}/${projectId}/`);
      assert.deepEqual(await listed(blobs), { [neighbour]: 1, [stranger]: 1 });
      await blobs.put(own, Buffer.of(1));
      await blobs.deletePrefix(`${accountId}/`);
      assert.deepEqual(await listed(blobs), { [stranger]: 1 });
      await blobs.put(own, Buffer.of(1));
      assert.deepEqual(await blobs.get(own), Buffer.of(1));
    });

    test('takes many at once', async (t) => {
      const blobs = await open(t);
      const many = Array.from({ length: 200 }, (_, i) => ({
        key: keyIn(i % 2 ? projectId : newId()),
        bytes: randomBytes(i * 10),
      }));
      await Promise.all(many.map(({ key, bytes }) => blobs.put(key, bytes)));
      for (const { key, bytes } of many) assert.deepEqual(await blobs.get(key), bytes);
      await blobs.delete(many.map(({ key }) => key));
      assert.deepEqual(await listed(blobs), {});
    });

    test('refuses keys that are not four proper parts, before touching anything', async (t) => {
      const blobs = await open(t);
      const id = newId();
      const bad = [
        '',
        `${id}/${id}/image-original`,
        `${id}/${id}/image-original/${id}/${id}`,
        `${id}/${id}/elsewhere/${id}`,
        `../${id}/image-original/${id}`,
        `${id}/../image-original/${id}`,
        `${id}/${id}/image-original/..`,
        `${id}/${id}/image-original/${id}.tmp`,
        `/${id}/${id}/image-original/${id}`,
      ] as BlobKey[];
      for (const key of bad) {
        await assert.rejects(blobs.put(key, Buffer.of(1)), /for the key of a blob/, key);
        await assert.rejects(blobs.get(key), /for the key of a blob/, key);
        await assert.rejects(blobs.delete([key]), /for the key of a blob/, key);
      }
      for (const prefix of ['/', '../', `${id}`, `${id}/..`, `${id}/../`] as `${string}/`[])
        await assert.rejects(blobs.deletePrefix(prefix), /for the key of a blob/, prefix);
      await assert.rejects(blobs.deletePrefix('' as `${string}/`));
    });
  });
}
