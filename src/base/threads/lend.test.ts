import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AppError } from '../errors.ts';
import { borrowed, lend } from './lend.ts';

test('bytes are read elsewhere, several at once; the lender keeps its own', async () => {
  const large = Uint8Array.of(1, 2, 3, 4, 5);
  const lent = lend(async (name) => large.subarray(0, Number(name)));
  const read = borrowed(lent.port);
  assert.deepEqual(
    await Promise.all(['3', '1', '5'].map(read)),
    [3, 1, 5].map((n) => large.slice(0, n)),
  );
  assert.equal(large.length, 5);
  lent.close();
});

test('what reading throws is thrown to the one who asked, with its code', async () => {
  const lent = lend(async (name) => {
    if (name === 'gone') throw new AppError('BadRequestImage', 'it is gone', new Error('inner'));
    throw new TypeError(name);
  });
  const read = borrowed(lent.port);
  await assert.rejects(read('gone'), { name: 'AppError', code: 'BadRequestImage', cause: new Error('inner') });
  await assert.rejects(read('other'), { name: 'TypeError', message: 'other' });
  lent.close();
});

test('what was taken back keeps nobody waiting', async () => {
  const lent = lend(() => new Promise(() => {}));
  const read = borrowed(lent.port);
  const asked = assert.rejects(read('anything'), { code: 'ComputeClosed' });
  lent.close();
  await asked;
  await assert.rejects(read('more'), { code: 'ComputeClosed' });
});
