import assert from 'node:assert/strict';
import { test } from 'node:test';
import { plantAccount, testStores } from '../../test/fixtures/stores.ts';
import { day } from '../base/clock.ts';
import { authenticate } from './accounts.ts';
import { readAudit } from './audit.ts';
import { addNamedKey, namedKeys, revokeNamedKey } from './named-keys.ts';
import { setTrashDays } from './trash.ts';

test('a key expires at its moment; one without lasts until it is revoked', async (t) => {
  const stores = await testStores(t);
  const accountId = await plantAccount(stores);
  const expires = stores.clock.now() + day;
  const short = await addNamedKey(stores, accountId, { name: 'a day', role: 'labeler', expires });
  const long = await addNamedKey(stores, accountId, { name: 'for good', role: 'trainer' });
  const role = async (secret = '') => (await authenticate(stores, 'training', secret))?.role;
  assert.deepEqual([await role(short.secret), await role(long.secret)], ['labeler', 'trainer']);
  stores.clock.turn(day - 1000);
  assert.equal(await role(short.secret), 'labeler');
  stores.clock.turn(1000);
  assert.deepEqual([await role(short.secret), await role(long.secret)], [undefined, 'trainer']);
  stores.clock.turn(1000 * day);
  assert.equal(await role(long.secret), 'trainer');
  const listed = await namedKeys(stores, accountId, undefined);
  assert.deepEqual(
    listed.map((one) => [one.name, one.expires, one.secret]),
    [
      ['a day', expires, undefined],
      ['for good', null, undefined],
    ],
  );
  await revokeNamedKey(stores, accountId, long.id);
  assert.equal(await role(long.secret), undefined);
  await assert.rejects(revokeNamedKey(stores, accountId, long.id), { code: 'NotFound' });
  await assert.rejects(revokeNamedKey(stores, await plantAccount(stores), short.id), { code: 'NotFound' });
});

test('names of keys are unique in an account, whatever their letter case; dates lie in the future', async (t) => {
  const stores = await testStores(t);
  const accountId = await plantAccount(stores);
  const add = (name: string, expires?: number) => addNamedKey(stores, accountId, { name, role: 'reader', expires });
  const { id } = await add(' Line 3 ');
  await assert.rejects(add('line 3'), { code: 'Conflict' });
  await addNamedKey(stores, await plantAccount(stores), { name: 'line 3', role: 'reader' });
  for (const name of ['', ' ', 'a\nb', 'x'.repeat(129)]) await assert.rejects(add(name), { code: 'BadRequest' }, name);
  await assert.rejects(add('late', stores.clock.now() - 1), { code: 'BadRequest' });
  await revokeNamedKey(stores, accountId, id);
  await add('line 3');
});

test('the log tells which keys came and went, and which key did what; never a name or a secret', async (t) => {
  const stores = await testStores(t);
  const accountId = await plantAccount(stores);
  const app = { ...stores, by: 'primary training key' };
  const { id, secret } = await addNamedKey(app, accountId, { name: 'My own words', role: 'owner' });
  const asNamed = { ...stores, by: id };
  await setTrashDays(asNamed, accountId, 3);
  assert.equal((await namedKeys(stores, accountId, 'command'))[0]?.secret, secret);
  await revokeNamedKey(app, accountId, id);
  const { entries } = await readAudit(stores, accountId);
  assert.deepEqual(
    entries.map(({ action, subjectId, detail }) => [action, subjectId, detail]),
    [
      ['key-added', id, { role: 'owner', key: 'primary training key' }],
      ['settings-changed', null, { trashDays: 3, key: id }],
      ['keys-viewed', null, { where: 'command', named: 1 }],
      ['key-revoked', id, { key: 'primary training key' }],
    ],
  );
  assert.ok(!JSON.stringify(entries).includes('own words') && !JSON.stringify(entries).includes(secret!));
});
