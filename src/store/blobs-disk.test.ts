import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { linkSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { temporaryFolder } from '../../test/fixtures/stores.ts';
import { blobsSuite } from '../../test/suites/blobs.ts';
import { newId } from '../base/id.ts';
import { type BlobKey, blobKey } from './blobs.ts';
import { diskBlobs } from './blobs-disk.ts';

blobsSuite('blobs on disk', (t) => diskBlobs(join(temporaryFolder(t), 'blobs')));

const aKey = (): BlobKey => blobKey(newId(), newId(), 'model', newId());
const files = (root: string): string[] =>
  readdirSync(root, { recursive: true, withFileTypes: true }).flatMap((entry) =>
    entry.isFile() ? join(entry.parentPath, entry.name) : [],
  );

test('files are 0600 in folders of 0700', {
  skip: process.platform === 'win32' && 'Windows has no modes',
}, async (t) => {
  const root = join(temporaryFolder(t), 'blobs');
  await (await diskBlobs(root)).put(aKey(), Buffer.of(1));
  for (const entry of readdirSync(root, { recursive: true, withFileTypes: true }))
    assert.equal(statSync(join(entry.parentPath, entry.name)).mode & 0o777, entry.isFile() ? 0o600 : 0o700);
  assert.equal(statSync(root).mode & 0o777, 0o700);
});

test('opening removes what ended processes left half-written, and not what another one is writing', async (t) => {
  const root = join(temporaryFolder(t), 'blobs');
  await diskBlobs(root);
  const ended = spawnSync(process.execPath, ['-e', '']).pid;
  const [left, alive] = [`.${ended}.${newId()}.tmp`, `.${process.ppid}.${newId()}.tmp`];
  for (const name of [left, alive]) writeFileSync(join(root, '.incoming', name), 'x');
  const key = aKey();
  const blobs = await diskBlobs(root);
  await blobs.put(key, Buffer.of(1));
  const keys: string[] = [];
  for await (const found of blobs.list('')) keys.push(found.key);
  assert.deepEqual(keys, [key]);
  assert.deepEqual(files(root).sort(), [join(root, '.incoming', alive), join(root, key)].sort());
});

test('a full disk is ErrorStorageFull, leaves nothing of the blob and all of the others', (t) => {
  const folder = temporaryFolder(t);
  const disk = join(folder, 'disk');
  mkdirSync(disk);
  const script = `
    import { readdirSync } from 'node:fs';
    import { blobKey } from ${JSON.stringify(join(import.meta.dirname, 'blobs.ts'))};
    import { diskBlobs } from ${JSON.stringify(join(import.meta.dirname, 'blobs-disk.ts'))};
    const blobs = await diskBlobs(${JSON.stringify(disk)});
    const [a, b] = [crypto.randomUUID(), crypto.randomUUID()];
    const key = () => blobKey(a, b, 'model', crypto.randomUUID());
    const first = key();
    await blobs.put(first, Buffer.alloc(300_000, 7));
    const failures = await Promise.all([1, 2, 3].map(() => blobs.put(key(), Buffer.alloc(900_000)).then(() => 'stored', (error) => error.code)));
    await blobs.put(key(), Buffer.alloc(300_000));
    const whole = (await blobs.get(first)).every((byte) => byte === 7);
    console.log(...failures, whole, readdirSync(${JSON.stringify(disk)}, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).length);
  `;
  const shell = `mount -t tmpfs -o size=1m none '${disk}' || exit 77; exec "$@"`;
  const { stdout, stderr, status } = spawnSync(
    'unshare',
    ['-Urm', 'sh', '-c', shell, 'sh', process.execPath, '--input-type=module-typescript', '-e', script],
    { encoding: 'utf8' },
  );
  if (status === null || status === 77 || (status === 1 && stderr.startsWith('unshare:')))
    return t.skip('needs the right to mount a small disk in a namespace of its own (Linux)');
  assert.equal(stdout.trim(), 'ErrorStorageFull ErrorStorageFull ErrorStorageFull true 2', stderr);
});

test('nothing outside its folder is removed: not by a key with dots, not through a link', async (t) => {
  const folder = temporaryFolder(t);
  const [root, outside] = [join(folder, 'blobs'), join(folder, 'outside')];
  mkdirSync(outside);
  const blobs = await diskBlobs(root);
  const [account, project, id] = [newId(), newId(), newId()];
  const far = join(outside, id);
  writeFileSync(far, 'not ours');
  for (const key of [
    `../outside/x/${id}`,
    `${account}/../../outside/${id}`,
    `${account}/${project}/model/../${id}`,
    far,
  ])
    await assert.rejects(blobs.delete([key as BlobKey]), /expected <account>/);
  for (const prefix of ['../', '../outside/', `${account}/../`, '/', ''])
    await assert.rejects(blobs.deletePrefix(prefix as `${string}/`), /expected/);
  // A link that lies where a blob, or a folder of them, should be, goes itself; what it leads to stays.
  mkdirSync(join(root, account, project, 'model'), { recursive: true });
  const place = join(root, account, project, 'model', id);
  symlinkSync(far, place);
  await blobs.delete([blobKey(account, project, 'model', id)]);
  linkSync(far, place);
  await blobs.delete([blobKey(account, project, 'model', id)]);
  symlinkSync(outside, join(root, account, project, 'export'));
  await blobs.deletePrefix(`${account}/${project}/`);
  assert.deepEqual(files(root), []);
  assert.equal(readFileSync(far, 'utf8'), 'not ours');
  // A link in place of a folder: what lies under the same name where it leads to is not ours.
  mkdirSync(join(root, account, project), { recursive: true });
  symlinkSync(outside, join(root, account, project, 'model'));
  await assert.rejects(blobs.delete([blobKey(account, project, 'model', id)]), /expected a folder of its own/);
  assert.equal(readFileSync(far, 'utf8'), 'not ours');
  rmSync(join(root, account), { recursive: true });
  symlinkSync(outside, join(root, account));
  mkdirSync(join(outside, project));
  await assert.rejects(blobs.deletePrefix(`${account}/${project}/`), /expected a folder of its own/);
  assert.deepEqual(readdirSync(outside).sort(), [id, project].sort());
});
