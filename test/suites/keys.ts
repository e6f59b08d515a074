import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { suite, type TestContext, test } from 'node:test';
import { newId } from '../../src/base/id.ts';
import type { Keys, SealedThing } from '../../src/store/keys.ts';

/** What every {@link Keys} promises. `open` gives a new, empty key store, which `again` opens anew. */
export function keysSuite(name: string, open: (t: TestContext) => { keys: Keys; again: () => Keys }): void {
  const withProject = (t: TestContext) => {
    const { keys, again } = open(t);
    const [accountId, projectId] = [newId(), newId()];
    keys.create({ accountId });
    keys.create({ accountId, projectId });
    const thing: SealedThing = { accountId, projectId, kind: 'tags.name', id: newId() };
    return { keys, again, accountId, projectId, thing };
  };

  suite(name, () => {
    test('opens what it sealed, of any length, also after it was opened anew', (t) => {
      const { keys, again, accountId, thing } = withProject(t);
      const ofAccount: SealedThing = { accountId, kind: 'accounts.email', id: accountId };
      for (const length of [0, 1, 15, 16, 17, 1000, 100_000]) {
        const plain = randomBytes(length);
        for (const one of [thing, ofAccount]) {
          const sealed = keys.seal(one, plain);
          assert.equal(sealed.length, length + 29);
          assert.deepEqual(keys.open(one, sealed), plain);
          assert.deepEqual(again().open(one, sealed), plain);
        }
      }
    });

    test('seals the same differently each time and never in the clear', (t) => {
      const { keys, thing } = withProject(t);
      const plain = Buffer.from('the same words');
      const sealed = Array.from({ length: 100 }, () => keys.seal(thing, plain));
      assert.equal(new Set(sealed.map((one) => one.toString('hex'))).size, 100);
      assert.ok(sealed.every((one) => !one.includes('words')));
    });

    test('refuses what is another thing’s: each part of the binding counts', (t) => {
      const { keys, accountId, projectId, thing } = withProject(t);
      const otherAccount = newId();
      const otherProject = newId();
      keys.create({ accountId: otherAccount });
      keys.create({ accountId, projectId: otherProject });
      keys.create({ accountId: otherAccount, projectId });
      const sealed = keys.seal(thing, Buffer.from('words'));
      const others: SealedThing[] = [
        { ...thing, kind: 'tags.description' },
        { ...thing, id: newId() },
        { ...thing, projectId: otherProject },
        { ...thing, accountId: otherAccount },
        { accountId, kind: thing.kind, id: thing.id },
      ];
      for (const other of others) assert.throws(() => keys.open(other, sealed), { code: 'Sealed' });
      assert.equal(keys.open(thing, sealed).toString(), 'words');
    });

    test('refuses what was changed by a single bit anywhere, or cut', (t) => {
      const { keys, thing } = withProject(t);
      const sealed = keys.seal(thing, Buffer.from('some words'));
      for (let bit = 0; bit < sealed.length * 8; bit++) {
        const changed = Buffer.from(sealed);
        changed[bit >> 3]! ^= 1 << (bit & 7);
        assert.throws(() => keys.open(thing, changed), { code: 'Sealed' }, `bit ${bit}`);
      }
      for (let length = 0; length < sealed.length; length++)
        assert.throws(() => keys.open(thing, sealed.subarray(0, length)), { code: 'Sealed' }, `length ${length}`);
    });

    test('what it lends is zeros once the key, or that of its account, is destroyed', (t) => {
      const { keys, accountId, projectId } = withProject(t);
      const other = newId();
      keys.create({ accountId, projectId: other });
      const [lent, kept] = [projectId, other].map((id) => new Uint8Array(keys.lend({ accountId, projectId: id })));
      const isGone = (key: Uint8Array | undefined): boolean => key!.every((byte) => byte === 0);
      assert.deepEqual([lent?.length, isGone(lent), isGone(kept)], [32, false, false]);
      keys.destroy({ accountId, projectId });
      assert.deepEqual([isGone(lent), isGone(kept)], [true, false]);
      assert.throws(() => keys.lend({ accountId, projectId }), { code: 'KeyMissing' });
      keys.destroy({ accountId });
      assert.ok(isGone(kept));
    });

    test('a destroyed project key opens nothing any more, the others still do', (t) => {
      const { keys, again, accountId, projectId, thing } = withProject(t);
      const other = { ...thing, projectId: newId() };
      keys.create({ accountId, projectId: other.projectId });
      const sealed = keys.seal(thing, Buffer.of(1));
      const sealedOther = keys.seal(other, Buffer.of(2));
      keys.destroy({ accountId, projectId });
      keys.destroy({ accountId, projectId });
      for (const one of [keys, again()]) {
        assert.equal(one.has({ accountId, projectId }), false);
        assert.throws(() => one.open(thing, sealed), { code: 'KeyMissing' });
        assert.throws(() => one.seal(thing, Buffer.of(1)), { code: 'KeyMissing' });
        assert.throws(() => one.lookup({ accountId, projectId }, 'tag-name', 'x'), { code: 'KeyMissing' });
        assert.deepEqual(one.open(other, sealedOther), Buffer.of(2));
      }
    });

    test('a destroyed account key takes its projects with it, and nobody else', (t) => {
      const { keys, again, accountId, projectId, thing } = withProject(t);
      const stranger = { accountId: newId() };
      keys.create(stranger);
      const sealed = keys.seal(thing, Buffer.of(1));
      keys.destroy({ accountId });
      keys.destroy({ accountId });
      for (const one of [keys, again()]) {
        assert.throws(() => one.open(thing, sealed), { code: 'KeyMissing' });
        assert.equal(one.has({ accountId }), false);
        assert.equal(one.has({ accountId, projectId }), false);
        assert.deepEqual(one.list(), [stranger]);
      }
    });

    test('lists every key, and makes none twice', (t) => {
      const { keys, again, accountId, projectId } = withProject(t);
      const listed = () =>
        again()
          .list()
          .map((scope) => JSON.stringify(scope))
          .sort();
      assert.deepEqual(
        listed(),
        [{ accountId }, { accountId, projectId }].map((scope) => JSON.stringify(scope)).sort(),
      );
      assert.throws(() => keys.create({ accountId, projectId }), /without a key/);
      assert.throws(() => keys.create({ accountId: newId(), projectId }), { code: 'KeyMissing' });
      assert.throws(() => keys.create({ accountId: '..' }), /UUIDs/);
    });

    test('lookups are the same for the same words of the same scope and use, and for nothing else', (t) => {
      const { keys, again, accountId, projectId } = withProject(t);
      const scope = { accountId, projectId };
      const value = keys.lookup(scope, 'tag-name', 'words');
      assert.match(value, /^[0-9a-f]{64}$/);
      assert.equal(again().lookup(scope, 'tag-name', Buffer.from('words')), value);
      const others = [
        keys.lookup({ accountId }, 'tag-name', 'words'),
        keys.lookup(undefined, 'tag-name', 'words'),
        keys.lookup(scope, 'publish-name', 'words'),
        keys.lookup(scope, 'tag-name', 'word'),
        keys.lookup(scope, 'tag-namew', 'ords'),
      ];
      assert.equal(new Set([value, ...others]).size, 6);
      assert.equal(again().lookup(undefined, 'api-key', 'x'), keys.lookup(undefined, 'api-key', 'x'));
    });
  });
}
