import assert from 'node:assert/strict';
import { buffer } from 'node:stream/consumers';
import { test } from 'node:test';
import { type Entry, fromBufferPromise } from 'yauzl';
import type { ArchiveEntry } from './archive-entry.ts';
import { archiveBytes, archiveFormats, archivePart } from './archive-format.ts';

const { pack, write } = archiveFormats.zip;

/** The bytes of the archive. */
const zipArchive = (entries: readonly ArchiveEntry[], date: Date, total?: number) =>
  archivePart(write(packed(entries), date.getTime() * 1000, total), 0, Number.POSITIVE_INFINITY);

async function* packed(entries: readonly ArchiveEntry[]) {
  for (const entry of entries) yield await pack(entry);
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
  const bytes = await buffer(zipArchive(entries, new Date('2026-11-22T18:30:42Z')));
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
  const archive = await fromBufferPromise(await buffer(zipArchive(entries, new Date(0))), { lazyEntries: true });
  assert.equal(archive.entryCount, count);
  let last: Entry | undefined;
  for await (const entry of archive.eachEntry()) last = entry;
  assert.deepEqual(await buffer(await archive.openReadStreamPromise(last!)), Buffer.from(String(count - 1)));
});

test('any part of an archive is made without what lies before it, and it is as long as it is said to be', async () => {
  const entries = ['one', 'two', 'three'].map((name) => ({ name, bytes: Buffer.from(name.repeat(50)), text: false }));
  for (const { pack, write, entryBytes } of Object.values(archiveFormats)) {
    const all = await Promise.all(entries.map(pack));
    async function* list(passed: number) {
      for (const [at, entry] of all.entries()) yield at < passed ? { ...entry, body: undefined } : entry;
    }
    const total = (await archiveBytes(write(list(3), 0))) + 3000;
    const whole = await buffer(archivePart(write(list(0), 0, total), 0, total));
    assert.equal(whole.length, total);
    for (const passed of [0, 1, 2, 3]) {
      const begin = all.slice(0, passed).reduce((sum, one) => sum + entryBytes(one.name, one.facts.packed), 0);
      for (const from of [begin, begin + 40]) {
        const rest = await buffer(archivePart(write(list(passed), 0, total), from, total - 7));
        assert.deepEqual(rest, whole.subarray(from, total - 7), `${passed} passed over, from ${from}`);
      }
    }
    await assert.rejects(buffer(archivePart(write(list(0), 0, total - 3001), 0, total)), { code: 'ArchiveTooLarge' });
  }
});

test('an archive of nothing', async () => {
  assert.deepEqual(await unzip(await buffer(zipArchive([], new Date(0)))), []);
});
