/** The picture formats read here, by the names they are stored and answered under. */
export type ImageFormat = 'jpeg' | 'png' | 'gif' | 'webp' | 'bmp' | 'tiff';

const at = (bytes: Uint8Array, offset: number, ...expected: readonly number[]): boolean =>
  expected.every((value, index) => bytes[offset + index] === value);

const ascii = (text: string): number[] => [...text].map((letter) => letter.charCodeAt(0));

/**
 * The format a file claims by its first bytes, or `undefined` when it is none of ours: SVG, HTML, HEIC, PDF, text.
 * The claim is not checked: see `inspect` in decode.ts.
 */
export function sniff(bytes: Uint8Array): ImageFormat | undefined {
  if (at(bytes, 0, 0xff, 0xd8, 0xff)) return 'jpeg';
  if (at(bytes, 0, 0x89, ...ascii('PNG\r\n'), 0x1a, 0x0a)) return 'png';
  if (at(bytes, 0, ...ascii('GIF87a')) || at(bytes, 0, ...ascii('GIF89a'))) return 'gif';
  if (at(bytes, 0, ...ascii('RIFF')) && at(bytes, 8, ...ascii('WEBP'))) return 'webp';
  if (at(bytes, 0, ...ascii('BM')) && at(bytes, 15, 0, 0, 0)) return 'bmp';
  if (at(bytes, 0, ...ascii('II'), 42, 0) || at(bytes, 0, ...ascii('MM'), 0, 42)) return 'tiff';
  return undefined;
}

/** What bytes that are no picture of ours look like, in a few words for a message. Quotes none of them. */
export function describeBytes(bytes: Uint8Array): string {
  if (bytes.length === 0) return 'an empty file';
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, 256)).toString('latin1').trimStart();
  if (/^(\u00ef\u00bb\u00bf)?<(\?xml|svg|!doctype|html)/i.test(head)) return 'markup (SVG, XML or HTML)';
  if (/^.{4}ftyp(hei|hev|mif|avif)/s.test(head)) return 'a HEIC or AVIF file';
  if (head.startsWith('%PDF')) return 'a PDF file';
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what tells data from text.
  return /^[^\u0000-\u0008\u000e-\u001f]*$/.test(head) ? 'text' : 'data of an unknown format';
}
