import assert from 'node:assert/strict';
import { buffer } from 'node:stream/consumers';
import { test } from 'node:test';
import { type Entry, fromBufferPromise } from 'yauzl';
import type { ArchiveEntry } from './archive-entry.ts';
import { zipArchive } from './zip-archive.ts';

async function* list(entries: readonly ArchiveEntry[]): AsyncGenerator<ArchiveEntry> {
  yield* entries;
}

async function unzip(bytes: Buffer): Promise<{ entry: Entry; bytes: Buffer }[]> {
  const archive = await fromBufferPromise(bytes, { lazyEntries: true });
  const found: { entry: Entry; bytes: Buffer }[] = [];
  for await (const entry of archive.eachEntry())
    found.push({ entry, bytes: await buffer(await archive.openReadStreamPromise(entry)) });
  return found;
}

test('what goes in comes out, text deflated, all else as it is, dated and as plain files', async () => {
  const entries = [
    { name: 'a/ção.txt', bytes: Buffer.from('text '.repeat(1000)), text: true },
    { name: 'a/picture.jpg', bytes: Buffer.from([0xff, 0, 1, 2]), text: false },
    { name: 'empty', bytes: Buffer.alloc(0), text: false },
  ];
  const bytes = await buffer(zipArchive(list(entries), new Date('2026-11-22T18:30:42Z')));
  const found = await unzip(bytes);
  assert.deepEqual(
    found.map(({ entry, bytes }) => [entry.fileName, bytes]),
    entries.map(({ name, bytes }) => [name, bytes]),
  );
  assert.ok(found[0]!.entry.compressedSize < 100);
  assert.ok(bytes.includes(entries[1]!.bytes));
  for (const { entry } of found) {
    assert.equal(entry.getLastModDate({ timezone: 'UTC' }).toISOString(), '2026-11-22T18:30:42.000Z');
    assert.equal(entry.externalFileAttributes >>> 16, 0o100600);
  }
});

test('more than 65,535 entries', async () => {
  const count = 66_000;
  const entries = Array.from({ length: count }, (_, index) => ({
    name: String(index),
    bytes: Buffer.from(String(index)),
    text: false,
  }));
  const archive = await fromBufferPromise(await buffer(zipArchive(list(entries), new Date(0))), { lazyEntries: true });
  assert.equal(archive.entryCount, count);
  let last: Entry | undefined;
  for await (const entry of archive.eachEntry()) last = entry;
  assert.deepEqual(await buffer(await archive.openReadStreamPromise(last!)), Buffer.from(String(count - 1)));
});

test('an archive of nothing', async () => {
  assert.deepEqual(await unzip(await buffer(zipArchive(list([]), new Date(0)))), []);
});
