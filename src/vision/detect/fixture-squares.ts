import { random } from '../../base/random.ts';
import { bmpFile } from '../image/fixture-bmp.ts';
import type { MarkedPicture } from './detector.ts';

/** Labels of the drawn squares. */
export const squareLabels = ['dark', 'light'] as const;

/** Picture `n`, `side` pixels wide and high: grey with a dark square on the left, a light one on the right, or one of them; and its file. */
export function squares(n: number, side = 160): MarkedPicture & { readonly bytes: Uint8Array } {
  const draw = random('squares', n);
  const pixels = new Uint8Array(3 * side * side).fill(120);
  const half = side / 2;
  const marked = [0, 1].slice(n % 3 === 0 ? 1 : 0).map((label) => {
    const size = Math.floor(draw.uniform(0.15 * side, 0.375 * side));
    const [x, y] = [label * half + draw.uniform(0, half - size), draw.uniform(0, side - size)].map(Math.floor) as [
      number,
      number,
    ];
    for (let row = y; row < y + size; row++)
      pixels.fill(label === 0 ? 30 : 230, 3 * (row * side + x), 3 * (row * side + x + size));
    return { label, left: x / side, top: y / side, width: size / side, height: size / side };
  });
  return { key: `square ${n}`, bytes: bmpFile(pixels, side), marked };
}
