import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { blobIds, plantAccount, plantProject, testStores } from '../../test/fixtures/stores.ts';
import { second } from '../base/clock.ts';
import { newId } from '../base/id.ts';
import { examine } from '../services/doctor.ts';
import { backUp } from './backup.ts';
import { blobKey, blobKinds } from './blobs.ts';
import { diskBlobs } from './blobs-disk.ts';
import { openSqlite } from './database-sqlite.ts';
import { openKeys } from './keys-files.ts';

const noted = { id: newId(), until: 1_900_000_000 * second };

test('a backup is a data directory that agrees with itself and with the keys, byte for byte', async (t) => {
  const stores = await testStores(t);
  const project = await plantProject(stores, await plantAccount(stores));
  const folder = join(stores.folder, 'backup');
  const { files, missing } = await backUp(stores, folder, noted);
  assert.deepEqual(missing, []);
  const copy = {
    db: await openSqlite(join(folder, 'ownsight.db'), stores.clock),
    blobs: await diskBlobs(join(folder, 'blobs')),
    keys: openKeys({ folder: join(stores.folder, 'keys'), masterKeyFile: join(stores.folder, 'keys', 'master.key') }),
  };
  t.after(() => copy.db.close());
  assert.deepEqual(await examine({ ...copy, clock: stores.clock, erased: stores.erased }), []);
  let compared = 0;
  for (const kind of blobKinds)
    for (const id of blobIds(project, kind)) {
      const key = blobKey(project.accountId, project.projectId, kind, id);
      assert.deepEqual(await copy.blobs.get(key), await stores.blobs.get(key), key);
      compared++;
    }
  assert.equal(compared, files);
  assert.equal(JSON.parse(readFileSync(join(folder, 'backup.json'), 'utf8')).files, files);
  for (const name of ['master.key', 'account.key']) assert.ok(!existsSync(join(folder, name)));
});

test('it is of one moment, whatever is written meanwhile, and leaves out what no row refers to', async (t) => {
  const stores = await testStores(t);
  const accountId = await plantAccount(stores);
  const before = await plantProject(stores, accountId);
  const folder = join(stores.folder, 'backup');
  let later: Promise<unknown> | undefined;
  await backUp(stores, folder, noted, () => {
    later ??= plantProject(stores, accountId);
  });
  await later;
  const db = await openSqlite(join(folder, 'ownsight.db'), stores.clock);
  t.after(() => db.close());
  const projects = await db.query.selectFrom('projects').select('id').execute();
  assert.deepEqual(projects, [{ id: before.projectId }]);
  const blobs = await diskBlobs(join(folder, 'blobs'));
  for await (const { key } of blobs.list('')) assert.ok(key.includes(before.projectId), key);
});

test('files that are missing are named; those erased while it is made are not missing', async (t) => {
  const stores = await testStores(t);
  const project = await plantProject(stores, await plantAccount(stores));
  const lost = blobKey(project.accountId, project.projectId, 'image-original', project.imageIds[0]!);
  await stores.blobs.delete([lost]);
  const { missing } = await backUp(stores, join(stores.folder, 'first'), noted);
  assert.deepEqual(missing, [lost]);
  const erasing = { ...stores, blobs: { ...stores.blobs, get: async () => undefined } };
  const whole = {
    ...erasing,
    db: {
      ...stores.db,
      copyTo: async (path: string) => {
        await stores.db.copyTo(path);
        await stores.db.query.updateTable('projects').set({ deleted: stores.clock.now() }).execute();
      },
    },
  };
  assert.deepEqual((await backUp(whole, join(stores.folder, 'second'), noted)).missing, []);
});

test('a folder that has something in it is refused and stays as it is', async (t) => {
  const stores = await testStores(t);
  const folder = join(stores.folder, 'full');
  mkdirSync(folder);
  writeFileSync(join(folder, 'mine'), 'mine');
  await assert.rejects(backUp(stores, folder, noted), { code: 'BackupExists' });
  assert.ok(!existsSync(join(folder, 'ownsight.db')));
});
