import assert from 'node:assert/strict';
import { test } from 'node:test';
import { random } from '../../base/random.ts';
import { drawView, plainView, randomView, type View } from './augment.ts';
import { preprocess } from './preprocess.ts';

const size = 8;
const picture = Uint8Array.from({ length: 3 * size * size }, (_, i) => (i * 37) % 256);
const drawn = (view: View, to = size): Float32Array => {
  const result = new Float32Array(3 * to * to);
  drawView(picture, size, view, to, result, 0);
  return result;
};
const at = (numbers: Float32Array, x: number, y: number, channel = 0, side = size) =>
  numbers[(channel * side + y) * side + x]!;

test('the picture as it is is what prediction sees', () => {
  assert.deepEqual(drawn(plainView), preprocess(picture, size));
});

test('mirrored, left and right change places', () => {
  const [plain, mirrored] = [drawn(plainView), drawn({ ...plainView, mirrored: true })];
  for (let y = 0; y < size; y++)
    for (let x = 0; x < size; x++) assert.equal(at(mirrored, x, y, 2), at(plain, size - 1 - x, y, 2));
});

test('a part is that part, and beyond the picture it is grey', () => {
  const quarter = drawn({ ...plainView, left: 0.5, top: 0.25, width: 0.5, height: 0.5 }, 4);
  assert.equal(at(quarter, 1, 2, 1, 4), at(drawn(plainView), 5, 4, 1));
  const shifted = drawn({ ...plainView, left: 0.5 });
  assert.equal(at(shifted, 0, 3), at(drawn(plainView), 4, 3));
  assert.equal(at(shifted, 6, 3), 0);
});

test('light changes as said', () => {
  const brighter = drawn({
    ...plainView,
    colour: [
      [1, 0, 0, 51],
      [0, 1, 0, 51],
      [0, 0, 1, 51],
    ],
  });
  assert.ok(Math.abs(at(brighter, 0, 0) - (51 / 127.5 - 1)) < 1e-6);
  assert.ok(brighter.every((value) => value >= -1 && value <= 1));
});

test('views lie within their range, and keep grey grey', () => {
  const range = {
    zoom: [0.5, 2],
    stretch: 1.1,
    shift: 0.1,
    mirror: true,
    brightness: 0,
    contrast: 0.3,
    saturation: 0.5,
    hue: 0.1,
  } as const;
  let mirrored = 0;
  for (let n = 0; n < 200; n++) {
    const view = randomView(range, random('views', n));
    assert.ok(view.width >= 0.5 / 1.1 && view.width <= 2.2 && view.width / view.height <= 1.21 + 1e-9);
    assert.ok(Math.abs(view.left + view.width / 2 - 0.5) <= 0.1);
    if (view.mirrored) mirrored++;
    const [r, g, b] = view.colour.map(([a, c, d, e]) => 127.5 * (a + c + d) + e);
    for (const value of [r!, g!, b!]) assert.ok(Math.abs(value - 127.5) < 0.5, `${value} is not grey`);
  }
  assert.ok(mirrored > 70 && mirrored < 130);
});
