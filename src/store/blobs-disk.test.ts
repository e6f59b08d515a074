import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
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
