import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { squares } from '../detect/fixture-squares.ts';
import { type Box, overlap } from '../image/box.ts';
import { pixels } from '../image/decode.ts';
import { likelyRegions, proposalSize } from './regions.ts';

const shared = resolve(process.env.OWNSIGHT_SHARED ?? join(import.meta.dirname, '../../../../shared'));
const cells = join(shared, 'data/bccd');
const skip = existsSync(cells) ? false : 'photographs of blood cells are not here (OWNSIGHT_SHARED)';

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

test('half of the cells in photographs of blood are among what is proposed', { skip }, async (t) => {
  const names = readFileSync(join(cells, 'ImageSets/Main/val.txt'), 'utf8').trim().split(/\s+/);
  let [hit, all] = [0, 0];
  for (const name of names.filter((_, n) => n % 4 === 0)) {
    const found = likelyRegions(await pixels(readFileSync(join(cells, `JPEGImages/${name}.jpg`)), proposalSize));
    assert.ok(found.length <= 64);
    for (const one of markedIn(readFileSync(join(cells, `Annotations/${name}.xml`), 'utf8'))) {
      all++;
      if (found.some((other) => overlap(one, other) >= 0.5)) hit++;
    }
  }
  t.diagnostic(`${hit} of ${all}`);
  assert.ok(hit / all > 0.5, `${hit} of ${all}`);
});

function markedIn(xml: string): Box[] {
  const number = (text: string, name: string): number => Number(new RegExp(`<${name}>(\\d+)`).exec(text)![1]);
  const [width, height] = [number(xml, 'width'), number(xml, 'height')];
  return [...xml.matchAll(/<object>[\s\S]*?<\/object>/g)].map(([text]) => {
    const [left, top] = [number(text, 'xmin') / width, number(text, 'ymin') / height];
    return { left, top, width: number(text, 'xmax') / width - left, height: number(text, 'ymax') / height - top };
  });
}
