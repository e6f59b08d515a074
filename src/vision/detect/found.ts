import type { Found } from '../image/box.ts';

/** Numbers of one box: label, score, left, top, width, height. */
const numbers = 6;
/** The best of a picture that are kept: as many as may be marked in it. */
const most = 300;

/** What was found in a picture, best first, as bytes: float32 [n, 6], little-endian; the best 300. */
export function encodeFound(found: readonly Found[]): Uint8Array {
  const kept = found.slice(0, most);
  const rows = kept.flatMap(({ label, score, left, top, width, height }) => [label, score, left, top, width, height]);
  return new Uint8Array(Float32Array.from(rows).buffer);
}

/** The inverse of {@link encodeFound}, of its numbers. */
export const decodeFound = (values: ArrayLike<number>): Found[] =>
  Array.from({ length: Math.floor(values.length / numbers) }, (_, n) => {
    const [label, score, left, top, width, height] = Array.from(
      { length: numbers },
      (_, i) => values[n * numbers + i]!,
    ) as [number, number, number, number, number, number];
    return { label, score, left, top, width, height };
  });
