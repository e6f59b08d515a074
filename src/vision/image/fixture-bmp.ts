/** RGB8 [size, size, 3] as a BMP file of 24 bits: a picture without loss, for tests. `size` is a multiple of 4. */
export function bmpFile(rgb: Uint8Array, size: number): Uint8Array<ArrayBuffer> {
  const file = new Uint8Array(54 + rgb.length);
  const view = new DataView(file.buffer);
  view.setUint16(0, 0x424d);
  view.setUint32(10, 54, true);
  view.setUint32(14, 40, true);
  view.setInt32(18, size, true);
  view.setInt32(22, -size, true);
  view.setUint16(26, 1, true);
  view.setUint16(28, 24, true);
  for (let i = 0; i < rgb.length; i += 3) file.set([rgb[i + 2]!, rgb[i + 1]!, rgb[i]!], 54 + i);
  return file;
}
