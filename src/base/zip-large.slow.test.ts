/** Archives larger than 32 and 16 bits can tell, in memory that does not grow with them. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, mkdtempSync, rmSync, statfsSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { finished } from 'node:stream/promises';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type Entry, openPromise } from 'yauzl';
import { archiveFormats, archivePart } from './archive-format.ts';

const count = 66_000;
const most32 = 2 ** 32;
const mebibytes = 1024 * 1024;

/** One entry of a megabyte in sixteen, so that all are more than 4 GiB. */
async function* entries() {
  const zeros = Buffer.alloc(mebibytes);
  for (let at = 0; at < count; at++) {
    const bytes = at % 16 === 0 ? zeros : Buffer.from(String(at));
    yield await archiveFormats.zip.pack({ name: `data/${at}`, bytes, text: false });
  }
}

if (process.argv[2] !== undefined) {
  const out = createWriteStream(process.argv[2]);
  for await (const piece of Readable.from(
    archivePart(archiveFormats.zip.write(entries(), 0), 0, Number.MAX_SAFE_INTEGER),
  ))
    if (!out.write(piece)) await once(out, 'drain');
  await finished(out.end());
  console.log(process.resourceUsage().maxRSS);
} else
  test('more than 4 GiB and more than 65,535 entries in less than 300 MB of memory, found again by another reader', async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'ownsight-large-'));
    t.after(() => rmSync(folder, { recursive: true, force: true }));
    const { bavail, bsize } = statfsSync(folder);
    if (bavail * bsize < 6 * 1024 * mebibytes) return t.skip('needs 6 GB of room for temporary files');
    const file = join(folder, 'large.zip');
    const { status, stdout, stderr } = spawnSync(process.execPath, [fileURLToPath(import.meta.url), file]);
    assert.equal(status, 0, String(stderr));
    assert.ok(statSync(file).size > most32);
    const megabytes = Number(stdout) / 1024;
    t.diagnostic(`${Math.round(megabytes)} MB of memory`);
    assert.ok(megabytes < 300, `${megabytes} MB of memory`);
    const archive = await openPromise(file, { lazyEntries: true, autoClose: false });
    t.after(() => archive.close());
    assert.equal(archive.entryCount, count);
    let seen = 0;
    let last: Entry | undefined;
    for await (const entry of archive.eachEntry()) {
      assert.equal(entry.fileName, `data/${seen}`);
      assert.equal(entry.uncompressedSize, seen % 16 === 0 ? mebibytes : String(seen).length);
      seen++;
      last = entry;
    }
    assert.equal(seen, count);
    assert.ok(last!.relativeOffsetOfLocalHeader > most32);
    assert.deepEqual(await buffer(await archive.openReadStreamPromise(last!)), Buffer.from(String(count - 1)));
  });
