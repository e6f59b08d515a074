import assert from 'node:assert/strict';
import { test } from 'node:test';
import { recent } from './recent.ts';

test('the last few used are kept, shared by whoever asks, and made once', async () => {
  const [made, dropped]: [string[], string[]] = [[], []];
  const things = recent<string>(2, async (thing) => void dropped.push(thing));
  const ask = (key: string) =>
    things.use(
      key,
      async () => {
        made.push(key);
        return key;
      },
      async (thing) => `<${thing}>`,
    );
  assert.deepEqual(await Promise.all([ask('a'), ask('a'), ask('b')]), ['<a>', '<a>', '<b>']);
  await ask('a');
  await ask('c');
  assert.deepEqual([made, dropped], [['a', 'b', 'c'], ['b']]);
  await things.close();
  assert.deepEqual(dropped, ['b', 'a', 'c']);
});

test('what is worked with is not let go before the work has ended', async () => {
  const dropped: string[] = [];
  const things = recent<string>(1, async (thing) => void dropped.push(thing));
  const begun = Promise.withResolvers<void>();
  const long = things.use(
    'long',
    async () => 'long',
    () => begun.promise,
  );
  await things.use(
    'short',
    async () => 'short',
    async () => undefined,
  );
  assert.deepEqual(dropped, ['short']);
  begun.resolve();
  await long;
  assert.deepEqual(dropped, ['short']);
  await things.close();
  assert.deepEqual(dropped, ['short', 'long']);
});

test('what could not be made is made anew the next time', async () => {
  const things = recent<string>(1, async () => undefined);
  const failure = new Error('no');
  const failing = things.use(
    'one',
    async () => {
      throw failure;
    },
    async () => 'never',
  );
  await assert.rejects(failing, failure);
  assert.equal(
    await things.use(
      'one',
      async () => 'made',
      async (thing) => thing,
    ),
    'made',
  );
});
