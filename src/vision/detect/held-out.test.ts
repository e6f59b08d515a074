import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { MarkedPicture } from './detector.ts';
import { holdOut } from './held-out.ts';

const picture = (key: string, ...labels: number[]): MarkedPicture => ({
  key,
  marked: labels.map((label) => ({ label, left: 0, top: 0, width: 1, height: 1 })),
});
const keysOf = (pictures: readonly MarkedPicture[]): string[] => pictures.map(({ key }) => key);

test('a fifth is held out, whatever the order, and adding a picture moves no other', () => {
  const pictures = Array.from({ length: 500 }, (_, n) => picture(`picture ${n}`, 0));
  const { heldOut, learned } = holdOut(pictures, 1);
  assert.ok(heldOut.length > 80 && heldOut.length < 120, String(heldOut.length));
  assert.deepEqual(keysOf([...heldOut, ...learned]).sort(), keysOf(pictures).sort());
  assert.deepEqual(holdOut(pictures.toReversed(), 1).heldOut, heldOut);
  const more = holdOut([...pictures, picture('one more', 0)], 1);
  assert.deepEqual(
    keysOf(more.heldOut).filter((key) => key !== 'one more'),
    keysOf(heldOut),
  );
});

test('each label is in two held-out pictures at least, and no more than four hundred are held out for it', () => {
  for (let set = 0; set < 200; set++) {
    const few = Array.from({ length: 15 }, (_, n) => picture(`set ${set}, picture ${n}`, n < 6 ? 1 : 0));
    const { heldOut } = holdOut(few, 2);
    for (const label of [0, 1])
      assert.ok(heldOut.filter(({ marked }) => marked[0]!.label === label).length >= 2, `set ${set}`);
  }
  const many = Array.from({ length: 4000 }, (_, n) => picture(`picture ${n}`, 0));
  const rare = Array.from({ length: 6 }, (_, n) => picture(`rare ${n}`, 1));
  assert.equal(holdOut([...many, ...rare], 2).heldOut.length, 402);
  const two = holdOut([picture('picture 0', 0), picture('picture 1', 0)], 1);
  assert.ok(two.learned.length > 0, 'what is rare is learned first');
});
