/**
 * Pixels as a network takes them: RGB8 [size, size, 3] to float32 [1, 3, size, size], pixel / 127.5 - 1, so -1..1.
 * Written to `out` if given.
 */
export function preprocess(
  pixels: Uint8Array,
  size: number,
  out: Float32Array = new Float32Array(3 * size * size),
): Float32Array {
  const plane = size * size;
  for (let y = 0; y < size; y++)
    for (let x = 0; x < size; x++) {
      const to = y * size + x;
      const from = to * 3;
      out[to] = pixels[from]! / 127.5 - 1;
      out[to + plane] = pixels[from + 1]! / 127.5 - 1;
      out[to + 2 * plane] = pixels[from + 2]! / 127.5 - 1;
    }
  return out;
}
