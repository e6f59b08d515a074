import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bloodCells, noBloodCells } from '../../../test/fixtures/blood-cells.ts';
import { squares } from '../detect/fixture-squares.ts';
import { overlap } from '../image/box.ts';
import { pixels } from '../image/decode.ts';
import { likelyRegions, proposalSize } from './regions.ts';

test('what stands out is proposed first, and nothing in a picture of one colour', async () => {
  for (let n = 1; n < 6; n++) {
    const { bytes, marked } = squares(n);
    const found = likelyRegions(await pixels(bytes, proposalSize));
    assert.equal(found[0]?.score, 1);
    for (const one of marked) assert.ok(found.slice(0, 5).some((other) => overlap(one, other) > 0.7));
    for (const { score, left, top, width, height } of found)
      assert.ok(score > 0 && score <= 1 && left >= 0 && top >= 0 && left + width <= 1 && top + height <= 1);
  }
  assert.deepEqual(likelyRegions(new Uint8Array(3 * proposalSize ** 2).fill(70)), []);
});

test('half of the cells in photographs of blood are among what is proposed', { skip: noBloodCells }, async (t) => {
  let [hit, all] = [0, 0];
  for (const { bytes, marked } of bloodCells('val').filter((_, n) => n % 4 === 0)) {
    const found = likelyRegions(await pixels(bytes, proposalSize));
    assert.ok(found.length <= 64);
    for (const one of marked) {
      all++;
      if (found.some((other) => overlap(one, other) >= 0.5)) hit++;
    }
  }
  t.diagnostic(`${hit} of ${all}`);
  assert.ok(hit / all > 0.5, `${hit} of ${all}`);
});
