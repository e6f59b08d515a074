import assert from 'node:assert/strict';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { dyingAfter } from '../../test/fixtures/dying.ts';
import { temporaryFolder } from '../../test/fixtures/stores.ts';
import { keysSuite } from '../../test/suites/keys.ts';
import { newId } from '../base/id.ts';
import type { Keys, SealedThing } from './keys.ts';
import { type KeyFiles, openKeys } from './keys-files.ts';

function filesIn(t: TestContext): KeyFiles {
  const folder = join(temporaryFolder(t), 'keys');
  return { folder, masterKeyFile: join(folder, 'master.key') };
}

keysSuite('keys in files', (t) => {
  const files = filesIn(t);
  return { keys: openKeys(files), again: () => openKeys(files) };
});

const content = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .sort()
    .map((name) => {
      const path = join(folder, name);
      return `${name} ${statSync(path).isFile() ? readFileSync(path, 'hex') : ''}`;
    });

test('keys are closed to others, even when the folder was open', {
  skip: process.platform === 'win32' && 'Windows has no modes',
}, (t) => {
  const files = filesIn(t);
  mkdirSync(files.folder, { mode: 0o755 });
  chmodSync(files.folder, 0o755);
  const accountId = newId();
  openKeys(files).create({ accountId });
  chmodSync(files.masterKeyFile, 0o644);
  openKeys(files);
  const mode = (...path: string[]): number => statSync(join(files.folder, ...path)).mode & 0o777;
  assert.deepEqual(
    [mode(), mode('master.key'), mode(accountId), mode(accountId, 'account.key')],
    [0o700, 0o600, 0o700, 0o600],
  );
});

test('the key files hold no key in the clear', (t) => {
  const files = filesIn(t);
  const accountId = newId();
  openKeys(files).create({ accountId });
  const master = Buffer.from(readFileSync(files.masterKeyFile, 'utf8').trim(), 'base64');
  assert.equal(master.length, 32);
  const wrapped = readFileSync(join(files.folder, accountId, 'account.key'));
  assert.equal(wrapped.length, 61);
  assert.ok(!wrapped.includes(master));
});

test('a malformed, missing or other master key is refused, and nothing is changed', (t) => {
  const files = filesIn(t);
  const accountId = newId();
  const sealed = openKeys(files);
  sealed.create({ accountId });
  const master = readFileSync(files.masterKeyFile);
  const refused = (change: () => void, message: RegExp): void => {
    change();
    const before = content(files.folder);
    assert.throws(
      () => openKeys(files),
      (error: Error & { code: string }) =>
        error.code === 'MasterKey' && message.test(error.message) && error.message.includes(files.masterKeyFile),
    );
    assert.deepEqual(content(files.folder), before);
    writeFileSync(files.masterKeyFile, master);
  };
  refused(() => writeFileSync(files.masterKeyFile, 'short'), /32 bytes in base64/);
  refused(() => writeFileSync(files.masterKeyFile, ''), /32 bytes in base64/);
  refused(() => writeFileSync(files.masterKeyFile, Buffer.alloc(33).toString('base64')), /32 bytes in base64/);
  refused(() => writeFileSync(files.masterKeyFile, Buffer.alloc(32).toString('base64')), /another one/);
  refused(() => rmSync(files.masterKeyFile), /no such file/);
  assert.equal(openKeys(files).has({ accountId }), true);
});

test('a master key elsewhere is used as it is', (t) => {
  const elsewhere = join(temporaryFolder(t), 'secret');
  const key = Buffer.alloc(32, 5).toString('base64');
  writeFileSync(elsewhere, key, { mode: 0o440 });
  const { folder } = filesIn(t);
  const accountId = newId();
  openKeys({ folder, masterKeyFile: elsewhere }).create({ accountId });
  assert.equal(readFileSync(elsewhere, 'utf8'), key);
  assert.deepEqual(readdirSync(folder), [accountId]);
});

test('a key whose destruction was interrupted counts as destroyed, and is destroyed in the end', (t) => {
  const files = filesIn(t);
  const accountId = newId();
  const keys = openKeys(files);
  keys.create({ accountId });
  const thing = { accountId, kind: 'accounts.email', id: accountId };
  const sealed = keys.seal(thing, Buffer.of(1));
  writeFileSync(join(files.folder, accountId, 'account.key'), Buffer.alloc(4096));
  const again = openKeys(files);
  assert.throws(() => again.open(thing, sealed), { code: 'KeyMissing' });
  again.destroy({ accountId });
  assert.deepEqual(again.list(), []);
  assert.deepEqual(readdirSync(files.folder), ['master.key']);
});

/** A store with accounts, a project, a signing key, and what each of them sealed. */
function usedStore(t: TestContext) {
  const files = filesIn(t);
  const keys = openKeys(files);
  const accounts = [newId(), newId()];
  const projectId = newId();
  for (const accountId of accounts) keys.create({ accountId });
  keys.create({ accountId: accounts[0]!, projectId });
  const things: SealedThing[] = [
    ...accounts.map((accountId) => ({ accountId, kind: 'accounts.email', id: accountId })),
    { accountId: accounts[0]!, projectId, kind: 'tags.name', id: newId() },
  ];
  const ciphertexts = things.map((thing) => keys.seal(thing, Buffer.from(thing.id)));
  const signing = keys.signing();
  const found = keys.lookup(undefined, 'api-key', 'secret');
  const opens = (one: Keys): void => {
    for (const [index, thing] of things.entries())
      assert.equal(one.open(thing, ciphertexts[index]!).toString(), thing.id);
    assert.deepEqual(one.signing(), signing);
    assert.equal(one.lookup(undefined, 'api-key', 'secret'), found);
  };
  return { files, keys, accounts, opens };
}

const masterIn = ({ masterKeyFile }: KeyFiles): string => readFileSync(masterKeyFile, 'utf8');

test('after the master key was replaced all opens as before, and old copies of the files open with nothing that is left', (t) => {
  const { files, keys, accounts, opens } = usedStore(t);
  const copy = join(temporaryFolder(t), 'copy');
  cpSync(files.folder, copy, { recursive: true });
  for (let times = 0; times < 2; times++) {
    const before = masterIn(files);
    assert.equal(keys.master.rotate(), true);
    assert.notEqual(masterIn(files), before);
    for (const one of [keys, openKeys(files)]) opens(one);
  }
  const mode = statSync(files.masterKeyFile).mode & 0o777;
  if (process.platform !== 'win32') assert.equal(mode, 0o600);
  keys.destroy({ accountId: accounts[1]! });
  keys.master.rotate();
  // The copy of an erased account's key, beside today's master key.
  cpSync(join(copy, accounts[1]!), join(files.folder, accounts[1]!), { recursive: true });
  rmSync(join(files.folder, accounts[0]!), { recursive: true });
  assert.throws(() => openKeys(files), { code: 'MasterKey' });
});

test('killed between any two changes of a file while the master key is replaced, the store opens as before, and the replacement ends', (t) => {
  const { files: unharmed, opens } = usedStore(t);
  const folder = join(temporaryFolder(t), 'keys');
  const files = { folder, masterKeyFile: join(folder, 'master.key') };
  const old = masterIn(unharmed);
  let kills = 0;
  for (; ; kills++) {
    rmSync(folder, { recursive: true, force: true });
    cpSync(unharmed.folder, folder, { recursive: true });
    const keys = openKeys(files);
    const killed = dyingAfter(kills, () => keys.master.rotate());
    const again = openKeys(files);
    opens(again);
    if (!killed) break;
    again.master.resume();
    opens(again);
    const left = readdirSync(folder).filter((name) => name.endsWith('.next') || name.endsWith('.tmp'));
    assert.deepEqual(left, []);
    opens(openKeys(files));
  }
  assert.notEqual(masterIn(files), old);
  assert.ok(kills > 30, `only ${kills} moments to be killed at`);
});

test('a process that had the store open before the master key was replaced goes on, and loses nothing it makes', (t) => {
  const { files, keys, opens } = usedStore(t);
  const other = openKeys(files);
  const accountId = newId();
  keys.master.rotate();
  other.create({ accountId });
  opens(other);
  openKeys(files).open({ accountId, kind: 'x', id: '' }, other.seal({ accountId, kind: 'x', id: '' }, Buffer.of(1)));
  assert.deepEqual(openKeys(files).signing(), other.signing());
});

test('an account made while the master key is being replaced is wrapped by the new one', (t) => {
  const { files, keys, opens } = usedStore(t);
  const other = openKeys(files);
  const accountId = newId();
  let calls = 0;
  while (dyingAfter(calls, () => keys.master.rotate())) {
    if (existsSync(`${files.masterKeyFile}.next`)) break;
    calls++;
  }
  other.create({ accountId });
  const sealed = other.seal({ accountId, kind: 'x', id: '' }, Buffer.of(1));
  openKeys(files).master.resume();
  opens(openKeys(files));
  assert.deepEqual(openKeys(files).open({ accountId, kind: 'x', id: '' }, sealed), Buffer.of(1));
});

test('a master key elsewhere is not replaced', (t) => {
  const elsewhere = join(temporaryFolder(t), 'secret');
  const { folder } = filesIn(t);
  const keys = openKeys({ folder, masterKeyFile: elsewhere });
  keys.create({ accountId: newId() });
  const before = content(folder);
  assert.equal(keys.master.rotate(), false);
  assert.deepEqual(content(folder), before);
});

test('a key store that is missing although accounts need it is not made anew', (t) => {
  const files = filesIn(t);
  assert.throws(() => openKeys({ ...files, needed: true }), { code: 'MasterKey' });
  assert.equal(existsSync(files.folder), false);
  mkdirSync(files.folder);
  assert.throws(() => openKeys({ ...files, needed: true }), { code: 'MasterKey' });
  assert.deepEqual(readdirSync(files.folder), []);
});
