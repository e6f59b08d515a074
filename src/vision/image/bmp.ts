import { setImmediate } from 'node:timers/promises';
import { AppError } from '../../base/errors.ts';

/** What the header of a BMP file says. */
export interface BmpHeader {
  readonly width: number;
  readonly height: number;
  readonly bitsPerPixel: 1 | 4 | 8 | 16 | 24 | 32;
  /** Rows run from the top of the picture to its bottom; most files have it the other way round. */
  readonly topDown: boolean;
  /** Offset of the first row, bytes. */
  readonly dataOffset: number;
  /** Offset of the colour table, bytes, and bytes per entry; absent above 8 bits per pixel. */
  readonly palette: { readonly offset: number; readonly entryBytes: 3 | 4; readonly length: number } | undefined;
  /** Which bits of a 16- or 32-bit pixel are red, green, blue and alpha (0: no alpha). */
  readonly masks: readonly [number, number, number, number];
}

const refuse = (what: string): AppError =>
  new AppError('BadRequestImageFormat', `expected a readable BMP picture but ${what}`);

/**
 * Reads and checks the header of a BMP file, before anything is allocated for its pixels.
 * Source: [MS-WMF] 2.2.2.3 and 2.2.2.9, BITMAPCOREHEADER, BITMAPINFOHEADER, BITMAPV4HEADER, BITMAPV5HEADER.
 * Uncompressed and bit-field files of 1, 4, 8, 16, 24 and 32 bits are read; run-length coded ones, and JPEG or PNG
 * inside BMP, are not.
 * @throws AppError `BadRequestImageFormat` when the header is not one of these or promises more bytes than there are.
 */
export function readBmpHeader(bytes: Uint8Array): BmpHeader {
  if (bytes.length < 26) throw refuse(`received only ${bytes.length} bytes`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const dataOffset = view.getUint32(10, true);
  const headerBytes = view.getUint32(14, true);
  const core = headerBytes === 12;
  if (!core && (headerBytes < 40 || headerBytes > 256)) throw refuse(`its header claims ${headerBytes} bytes`);
  if (bytes.length < 14 + headerBytes) throw refuse('it is cut off within its header');

  const width = core ? view.getUint16(18, true) : view.getInt32(18, true);
  const signedHeight = core ? view.getUint16(20, true) : view.getInt32(22, true);
  const bitsPerPixel = view.getUint16(core ? 24 : 28, true);
  const compression = core ? 0 : view.getUint32(30, true);
  const height = Math.abs(signedHeight);
  if (width <= 0 || height === 0) throw refuse(`its header claims ${width} x ${height} pixels`);
  if (!isDepth(bitsPerPixel)) throw refuse(`it has ${bitsPerPixel} bits per pixel (read are 1, 4, 8, 16, 24, 32)`);
  const bitFields = compression === 3 || compression === 6;
  if (compression !== 0 && !(bitFields && (bitsPerPixel === 16 || bitsPerPixel === 32)))
    throw refuse(`it is compressed (method ${compression}); only uncompressed BMP is read`);

  const rows = rowBytes({ width, bitsPerPixel }) * height;
  if (dataOffset < 14 + headerBytes || dataOffset + rows > bytes.length)
    throw refuse(`it is cut off: ${rows} bytes of pixels promised, ${Math.max(0, bytes.length - dataOffset)} there`);

  const length =
    bitsPerPixel <= 8 ? Math.min((core ? 0 : view.getUint32(46, true)) || 2 ** bitsPerPixel, 2 ** bitsPerPixel) : 0;
  const entryBytes = core ? 3 : 4;
  if (14 + headerBytes + length * entryBytes > dataOffset) throw refuse('its colour table overlaps its pixels');
  return {
    width,
    height,
    bitsPerPixel,
    topDown: signedHeight < 0,
    dataOffset,
    palette: length > 0 ? { offset: 14 + headerBytes, entryBytes, length } : undefined,
    masks: masksOf(view, headerBytes, dataOffset, compression, bitsPerPixel),
  };
}

/**
 * The pixels of a BMP file, top row first: RGBA8 [height, width, 4]; opaque where the file has no alpha.
 * Call {@link readBmpHeader} first and refuse what is too large: this allocates 4 bytes a pixel. Lets others have the
 * thread every quarter of a million pixels (a few ms).
 */
export async function readBmpPixels(bytes: Uint8Array, header: BmpHeader): Promise<Uint8Array> {
  const { width, height, bitsPerPixel, palette } = header;
  const out = new Uint8Array(width * height * 4);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const stride = rowBytes(header);
  const fields = header.masks.map(field);
  const pixel: (row: number, x: number, to: number) => void =
    palette !== undefined
      ? (row, x, to) => {
          const bit = x * bitsPerPixel;
          const index = (bytes[row + (bit >> 3)]! >> (8 - bitsPerPixel - (bit & 7))) & (2 ** bitsPerPixel - 1);
          const from = palette.offset + Math.min(index, palette.length - 1) * palette.entryBytes;
          put(out, to, bytes[from + 2]!, bytes[from + 1]!, bytes[from]!, 255);
        }
      : bitsPerPixel === 24
        ? (row, x, to) => put(out, to, bytes[row + x * 3 + 2]!, bytes[row + x * 3 + 1]!, bytes[row + x * 3]!, 255)
        : (row, x, to) => {
            const value = bitsPerPixel === 16 ? view.getUint16(row + x * 2, true) : view.getUint32(row + x * 4, true);
            put(out, to, fields[0]!(value, 0), fields[1]!(value, 0), fields[2]!(value, 0), fields[3]!(value, 255));
          };
  const rowsPerTurn = Math.ceil(250_000 / width);
  for (let y = 0; y < height; y++) {
    if (y % rowsPerTurn === rowsPerTurn - 1) await setImmediate();
    const row = header.dataOffset + (header.topDown ? y : height - 1 - y) * stride;
    for (let x = 0; x < width; x++) pixel(row, x, (y * width + x) * 4);
  }
  return out;
}

const isDepth = (bits: number): bits is BmpHeader['bitsPerPixel'] => [1, 4, 8, 16, 24, 32].includes(bits);

/** Bytes from one row to the next: rows begin at multiples of four. */
const rowBytes = (header: Pick<BmpHeader, 'width' | 'bitsPerPixel'>): number =>
  Math.ceil((header.width * header.bitsPerPixel) / 32) * 4;

/**
 * Bit-field files carry their masks right after the 40 bytes of the information header, whether they count as part of
 * it or not. Longer headers have room for them in any file, and many programs write their alpha mask only there.
 */
function masksOf(
  view: DataView,
  headerBytes: number,
  dataOffset: number,
  compression: number,
  bits: number,
): [number, number, number, number] {
  const usual: [number, number, number, number] = bits === 16 ? [0x7c00, 0x3e0, 0x1f, 0] : [0xff0000, 0xff00, 0xff, 0];
  const within = headerBytes >= 56 && bits >= 16;
  if (compression === 0 && !within) return usual;
  const hasAlpha = within || compression === 6;
  if (54 + (hasAlpha ? 16 : 12) > dataOffset) throw refuse('its colour masks overlap its pixels');
  const [red, green, blue] = [54, 58, 62].map((offset) => view.getUint32(offset, true)) as [number, number, number];
  if (compression === 0 && red === 0) return usual;
  return [red, green, blue, hasAlpha ? view.getUint32(66, true) : 0];
}

/** Reads the bits under `mask` as 0..255, whatever their number; `absent` when the mask is empty. */
function field(mask: number): (value: number, absent: number) => number {
  if (mask === 0) return (_, absent) => absent;
  const shift = 31 - Math.clz32(mask & -mask);
  const most = mask >>> shift;
  return (value) => Math.round((((value & mask) >>> shift) * 255) / most);
}

function put(out: Uint8Array, to: number, red: number, green: number, blue: number, alpha: number): void {
  out[to] = red;
  out[to + 1] = green;
  out[to + 2] = blue;
  out[to + 3] = alpha;
}
