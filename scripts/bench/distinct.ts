/** The same picture to the eye, another file: a JPEG with `n` in a comment. */
export function distinct(jpeg: Buffer, n: number): Buffer {
  const comment = Buffer.from([0xff, 0xfe, 0, 10, ...Buffer.from(String(n).padStart(8, '0'))]);
  return Buffer.concat([jpeg.subarray(0, 2), comment, jpeg.subarray(2)]);
}
