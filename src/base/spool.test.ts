import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { spool } from './spool.ts';

function folderFor(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'ownsight-spool-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

async function* pieces(bytes: Buffer, size: number) {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

test('what goes in is read from any place, whatever the pieces it came in', async (t) => {
  const folder = folderFor(t);
  for (const length of [0, 1, 256 * 1024, 1_000_000])
    for (const size of [777, 300_000, 2_000_000]) {
      const bytes = randomBytes(length);
      const source = await spool(join(folder, 'one'), pieces(bytes, size));
      assert.equal(source.bytes, length);
      for (const at of [0, 1, 262_143, 262_144, 700_000, length])
        for (const count of [0, 1, 100, 600_000])
          assert.ok((await source.read(at, count)).equals(bytes.subarray(at, at + count)), `${length} ${at} ${count}`);
      await source.close();
      assert.deepEqual(readdirSync(folder), []);
    }
});

test('the disk holds noise, under a name for no longer than the system needs; a failure leaves nothing', async (t) => {
  const folder = folderFor(t);
  const canary = Buffer.from('what somebody gave '.repeat(50_000));
  const source = await spool(join(folder, 'one'), pieces(canary, 64 * 1024));
  if (process.platform === 'linux') {
    assert.deepEqual(readdirSync(folder), []);
    const open = readdirSync('/proc/self/fd').filter((fd) => {
      try {
        return readlinkSync(`/proc/self/fd/${fd}`).startsWith(join(folder, 'one'));
      } catch {
        return false;
      }
    });
    assert.equal(open.length, 1);
    const onDisk = readFileSync(`/proc/self/fd/${open[0]}`);
    assert.ok(onDisk.length > canary.length);
    assert.ok(!onDisk.includes('somebody'));
  }
  await source.close();
  async function* broken() {
    yield canary;
    throw new Error('the connection was lost');
  }
  await assert.rejects(spool(join(folder, 'one'), broken()), /connection was lost/);
  assert.deepEqual(readdirSync(folder), []);
});
