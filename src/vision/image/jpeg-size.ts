/** Width and height in pixels, as they are stored. */
export interface StoredSize {
  readonly width: number;
  readonly height: number;
}

/**
 * The size a JPEG file claims, before any EXIF orientation; `undefined` when its frame header is not found where it
 * belongs. Walks the marker segments of ITU-T T.81, annex B: a hundred times faster than opening the file for decoding.
 */
export function jpegSize(bytes: Uint8Array): StoredSize | undefined {
  const uint16 = (at: number): number => (bytes[at]! << 8) | bytes[at + 1]!;
  for (let at = 2; at + 9 < bytes.length; ) {
    if (bytes[at] !== 0xff) return undefined;
    const marker = bytes[at + 1]!;
    // Fill bytes before a marker.
    if (marker === 0xff) at++;
    else if (isFrameHeader(marker)) return { width: uint16(at + 7), height: uint16(at + 5) };
    // Scan data, or a marker that has no business before the frame.
    else if (marker < 0xc0 || (marker >= 0xd0 && marker <= 0xda)) return undefined;
    else at += 2 + uint16(at + 2);
  }
  return undefined;
}

/** SOF0 to SOF15, without DHT, JPG and DAC, which lie between them. */
const isFrameHeader = (marker: number): boolean =>
  marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;
