import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { temporaryFolder } from '../../test/fixtures/stores.ts';
import { keysSuite } from '../../test/suites/keys.ts';
import { newId } from '../base/id.ts';
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
