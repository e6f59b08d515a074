/**
 * Works on the stores in a folder until it is killed: `node stores-child.ts <folder>`. Says on its output what is done
 * (`image`, `deleted`, `erased`) when it is done for good, and what it is about to remove (`deleting`, `erasing`) before.
 */
import { writeSync } from 'node:fs';
import { newId } from '../../src/base/id.ts';
import { purge } from '../../src/jobs/purge.ts';
import { type BlobKey, blobKey } from '../../src/store/blobs.ts';
import { abandonBlobs, announceBlobs, keepBlobs } from '../../src/store/loose-blobs.ts';
import { jobRun } from '../fixtures/run.ts';
import { openStores, plantAccount, plantProject } from '../fixtures/stores.ts';

const stores = await openStores(process.argv[2]!);
const { db, blobs, keys, clock } = stores;
const say = (what: string, id: string): number => writeSync(1, `${what} ${id}\n`);
const run = jobRun();

const accountId =
  (await db.query.selectFrom('accounts').select('id').executeTakeFirst())?.id ?? (await plantAccount(stores));

let uploads = 0;

/** Stores a picture as an upload does, and sometimes takes one away as a deletion does. */
async function upload(projectId: string, images: string[]): Promise<void> {
  const id = newId();
  const kinds = ['image-original', 'image-thumbnail'] as const;
  const files = kinds.map((kind): [BlobKey, Buffer] => [
    blobKey(accountId, projectId, kind, id),
    keys.seal({ accountId, projectId, kind, id }, Buffer.alloc(50_000, id)),
  ]);
  const names = files.map(([key]) => key);
  await db.transaction((tx) => announceBlobs(tx, projectId, names, clock.now() + 3600e6));
  await Promise.all(files.map(([key, bytes]) => blobs.put(key, bytes)));
  await db.transaction(async (tx) => {
    const row = {
      project_id: projectId,
      created: clock.now(),
      width: 1,
      height: 1,
      format: 'jpeg',
      bytes: 1,
      thumbnail_bytes: 1,
      digest: id,
    };
    await tx
      .insertInto('images')
      .values({ ...row, id, metadata: null, workspace: 1, features: 0 })
      .execute();
    await keepBlobs(tx, names);
  });
  say('image', id);
  images.push(id);
  if (++uploads % 3 === 0) await remove(projectId, images.shift()!);
}

async function remove(projectId: string, id: string): Promise<void> {
  say('deleting', id);
  const names = (['image-original', 'image-thumbnail'] as const).map((kind) => blobKey(accountId, projectId, kind, id));
  await db.transaction(async (tx) => {
    await abandonBlobs(tx, projectId, names);
    await tx.deleteFrom('images').where('id', '=', id).execute();
  });
  say('deleted', id);
}

async function makeAndErase(): Promise<void> {
  const { projectId } = await plantProject(stores, accountId, 5);
  say('erasing', projectId);
  await db.query.updateTable('projects').set({ deleted: clock.now() }).where('id', '=', projectId).execute();
  say('erased', projectId);
  await purge(stores, { accountId, projectId }, run);
}

async function forEver(work: () => Promise<void>): Promise<never> {
  for (;;) await work();
}

const { projectId } = await plantProject(stores, accountId, 0);
say('project', projectId);
const images: string[] = [];
await Promise.all([
  forEver(() => upload(projectId, images)),
  forEver(() => upload(projectId, images)),
  forEver(() => upload(projectId, images)),
  forEver(makeAndErase),
  forEver(() => purge(stores, { accountId, projectId }, run)),
]);
