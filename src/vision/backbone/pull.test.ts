import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type FileServer, fileServer } from '../../../test/fixtures/file-server.ts';
import { temporaryFolder } from '../../../test/fixtures/stores.ts';
import { type Pulling, pullBackbone } from './pull.ts';
import { type BackboneEntry, builtIn } from './registry.ts';

const bytes = Uint8Array.from({ length: 300_000 }, (_, at) => (at * 7919) % 251);
const half = 150_000;
const entry: BackboneEntry = {
  ...builtIn,
  name: 'net',
  file: 'net.onnx',
  bytes: bytes.length,
  sha256: createHash('sha256').update(bytes).digest('hex'),
};

async function pulling(
  t: TestContext,
): Promise<{ server: FileServer; folder: string; pull: (more?: Pulling) => Promise<boolean> }> {
  const server = await fileServer(t, bytes);
  const folder = temporaryFolder(t);
  return { server, folder, pull: (more) => pullBackbone({ ...entry, url: server.url }, folder, more) };
}

/** Nothing but the whole file is there. */
function isWhole(folder: string): void {
  assert.deepEqual(readdirSync(folder), ['net.onnx']);
  assert.deepEqual(readFileSync(join(folder, 'net.onnx')), Buffer.from(bytes));
}

test('a file is fetched whole, told how far it is, kept under its name, and never asked for again', async (t) => {
  const { server, folder, pull } = await pulling(t);
  const heard: number[] = [];
  assert.equal(await pull({ onProgress: (here) => void heard.push(here) }), true);
  isWhole(folder);
  assert.equal(heard.at(-1), bytes.length);
  assert.equal(server.asked[0]!['accept-encoding'], 'identity');
  assert.equal(await pull(), false);
  assert.equal(server.asked.length, 1);
  if (process.platform !== 'win32') assert.equal(statSync(join(folder, 'net.onnx')).mode & 0o777, 0o600);
});

test('after a broken connection only the rest is asked for', async (t) => {
  const { server, folder, pull } = await pulling(t);
  server.cutAfter = half;
  await assert.rejects(pull(), { code: 'PullFailed', message: /broke off: 0\.\d MB of 0\.3 MB are here.*again/ });
  const there = statSync(join(folder, 'net.onnx.part')).size;
  assert.ok(there > 0 && there <= half);
  server.cutAfter = undefined;
  const heard: number[] = [];
  await pull({ onProgress: (here) => void heard.push(here) });
  isWhole(folder);
  assert.deepEqual([server.asked[1]!.range, server.asked[1]!['if-range']], [`bytes=${there}-`, '"one"']);
  assert.ok(heard[0]! > there);
});

test('a part of what is another file by now, or comes from elsewhere, is begun anew', async (t) => {
  const { server, folder, pull } = await pulling(t);
  server.bytes = bytes.map((byte) => 255 - byte);
  server.cutAfter = half;
  await assert.rejects(pull(), { code: 'PullFailed' });
  Object.assign(server, { bytes, cutAfter: undefined, tag: '"two"' });
  await pull();
  isWhole(folder);
  rmSync(join(folder, 'net.onnx'));

  server.cutAfter = half;
  await assert.rejects(pull(), { code: 'PullFailed' });
  server.cutAfter = undefined;
  await pull({ from: server.url.replace('/file', '/moved') });
  assert.equal(server.asked.at(-1)!.range, undefined);
  isWhole(folder);
  rmSync(join(folder, 'net.onnx'));

  // Without a tag nobody could say whether the rest belongs to the part.
  Object.assign(server, { tag: undefined, cutAfter: half });
  await assert.rejects(pull(), { code: 'PullFailed' });
  server.cutAfter = undefined;
  await pull();
  assert.equal(server.asked.at(-1)!.range, undefined);
  isWhole(folder);
});

test('other bytes are removed, and the message tells what was expected and what came', async (t) => {
  const { server, folder, pull } = await pulling(t);
  server.bytes = Uint8Array.from(bytes);
  server.bytes[1000]! ^= 1;
  const came = createHash('sha256').update(server.bytes).digest('hex');
  await assert.rejects(pull(), { code: 'PullFailed', message: new RegExp(`${entry.sha256}.*${came}.*removed`) });
  assert.deepEqual(readdirSync(folder), []);
  server.bytes = bytes.subarray(1);
  await assert.rejects(pull(), { message: /expected 300000 bytes .* 299999/ });
  const file = join(temporaryFolder(t), 'other');
  writeFileSync(file, Buffer.concat([bytes, Buffer.of(1)]));
  await assert.rejects(pull({ from: file }), { message: /expected 300000 bytes for net but received "more"/ });
  writeFileSync(file, bytes);
  assert.equal(await pull({ from: file }), true);
  isWhole(folder);
});

test('an address that answers otherwise, or not at all, is told; so is a file that is not there', async (t) => {
  const { server, pull } = await pulling(t);
  server.status = 404;
  await assert.rejects(pull(), { code: 'PullFailed', message: /the answer was 404/ });
  server.status = undefined;
  server.silentAfter = half;
  await assert.rejects(pull({ idleMs: 200 }), { code: 'PullFailed', message: /sent nothing for 0\.2 s/ });
  await assert.rejects(pull({ from: 'http://127.0.0.1:1/net' }), { message: /127\.0\.0\.1:1 cannot be reached/ });
  await assert.rejects(pull({ from: '/nowhere/net.onnx' }), { message: /cannot be read/ });
  await assert.rejects(pullBackbone(entry, temporaryFolder(t)), { message: /--from/ });
});

test('what was stopped is gone on with', async (t) => {
  const { server, folder, pull } = await pulling(t);
  server.silentAfter = half;
  const abort = new AbortController();
  const reason = new Error('enough');
  const onProgress = (here: number): void => {
    if (here === half) abort.abort(reason);
  };
  await assert.rejects(pull({ signal: abort.signal, onProgress }), reason);
  server.silentAfter = undefined;
  await pull();
  assert.equal(server.asked[1]!.range, `bytes=${half}-`);
  isWhole(folder);
});

test('on a full disk what came is kept for when there is room', async (t) => {
  const { pull: _, server } = await pulling(t);
  // Before the folder is removed.
  t.after(() => spawnSync('umount', ['-l', disk]));
  const disk = temporaryFolder(t);
  if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=160k', 'none', disk]).status !== 0)
    return t.skip('may not mount a small disk here');
  const pull = () => pullBackbone({ ...entry, url: server.url }, disk);
  await assert.rejects(pull(), { code: 'PullFailed', message: /disk is full.*0\.3 MB.*kept/ });
  assert.ok(statSync(join(disk, 'net.onnx.part')).size > 0);
  assert.equal(spawnSync('mount', ['-o', 'remount,size=1m', disk]).status, 0);
  await pull();
  isWhole(disk);
  assert.match(server.asked.at(-1)!.range ?? '', /^bytes=\d+-$/);
});
