import { expected } from '../base/errors.ts';
import { problem } from '../domain/problems.ts';

/** A file of a request's body. `name` has no path and may be empty; `bytes` are a view of the body. */
export interface UploadedFile {
  readonly name: string;
  readonly bytes: Buffer;
}

interface Part extends UploadedFile {
  readonly field: string;
  /** Whether it came as a file: with a file name or a binary media type. */
  readonly isFile: boolean;
}

/**
 * The pictures in a body, at least one and at most `most`. What says multipart is read as multipart when it is; any
 * other body is one picture, byte for byte, whatever media type it claims (a documented curl line claims multipart and
 * sends plain bytes). Of a multipart body the parts named `imageData` and those sent as files count, or its only part.
 * @throws AppError `BadRequestImageStream`, `BadRequestExceededBatchSize`.
 */
export function readPictures(body: Buffer, contentType: string | undefined, most: number): UploadedFile[] {
  const parts = partsOf(body, contentType);
  const files =
    parts === undefined
      ? [{ name: '', bytes: body }]
      : parts.length === 1
        ? parts
        : parts.filter((part) => part.isFile || part.field.toLowerCase() === 'imagedata');
  if (files.length === 0 || (files.length === 1 && files[0]!.bytes.length === 0))
    throw problem('BadRequestImageStream', expected('the bytes of an image', 'imageData', 'none'));
  if (files.length > most)
    throw problem(
      most === 1 ? 'BadRequestImageStream' : 'BadRequestExceededBatchSize',
      expected(`at most ${most} image${most === 1 ? '' : 's'}`, 'imageData', files.length),
    );
  return files.map(({ name, bytes }) => ({ name, bytes }));
}

/** Places in a body that look like a delimiter, and values in JSON: far more than any client sends, few enough to read in a fraction of a second. */
const mostDelimiters = 20_000;
const mostValues = 250_000;
/** Bytes the headers of a part may have. */
const mostHeaderBytes = 16_384;

/** The parts of a multipart body (RFC 2046, RFC 7578), read leniently; `undefined` when it is none. */
function partsOf(body: Buffer, contentType = ''): Part[] | undefined {
  if (!/^\s*multipart\//i.test(contentType)) return undefined;
  const boundary = parameter(contentType, 'boundary') ?? leadingBoundary(body);
  if (boundary === undefined) return undefined;
  const delimiter = Buffer.from(`--${boundary}`, 'latin1');
  const parts: Part[] = [];
  let start: number | undefined;
  for (const at of delimiters(body, delimiter)) {
    if (start !== undefined) {
      // The line break before a delimiter belongs to the delimiter.
      const end = body[at - 2] === 13 ? at - 2 : at - 1;
      const part = readPart(body.subarray(body.indexOf(10, start) + 1, end));
      if (part !== undefined) parts.push(part);
    }
    start = at + delimiter.length;
    if (body[start] === 45 && body[start + 1] === 45) return parts;
  }
  if (start === undefined) return undefined;
  throw problem('BadRequestImageStream', expected('a closing boundary', 'the multipart body', 'none'));
}

/** What may follow a delimiter: a line break or a blank. */
const afterDelimiter: ReadonlySet<number | undefined> = new Set([13, 10, 32, 9]);

/** Where delimiters stand at the start of a line and end with it. @throws AppError `BadRequestImageStream` when a body is full of them. */
function* delimiters(body: Buffer, delimiter: Buffer): Generator<number> {
  let looked = 0;
  for (let at = body.indexOf(delimiter); at >= 0; at = body.indexOf(delimiter, at + 1)) {
    if (++looked > mostDelimiters)
      throw problem(
        'BadRequestImageStream',
        expected(`at most ${mostDelimiters} boundaries`, 'the multipart body', 'more'),
      );
    const end = at + delimiter.length;
    const ends = afterDelimiter.has(body[end]) || (body[end] === 45 && body[end + 1] === 45);
    if (ends && (at === 0 || body[at - 1] === 10)) yield at;
  }
}

function readPart(part: Buffer): Part | undefined {
  const crlf = part.indexOf('\r\n\r\n');
  const lf = part.indexOf('\n\n');
  // A part without headers begins with its empty line.
  const bare = part[0] === 13 ? 2 : part[0] === 10 ? 1 : 0;
  const end = bare > 0 ? 0 : crlf >= 0 && (lf < 0 || crlf < lf) ? crlf : lf;
  if (end < 0 || end > mostHeaderBytes) return undefined;
  const bytes = part.subarray(bare > 0 ? bare : end + (end === crlf ? 4 : 2));
  const headers = part.toString('utf8', 0, end);
  const disposition = /^content-disposition:(.*)$/im.exec(headers)?.[1] ?? '';
  const mediaType = /^content-type:\s*([^;\s]*)/im.exec(headers)?.[1]?.toLowerCase() ?? '';
  const fileName = parameter(disposition, 'filename');
  return {
    field: parameter(disposition, 'name') ?? '',
    name: fileName?.replace(/^.*[\\/]/, '') ?? '',
    isFile: fileName !== undefined || mediaType.startsWith('image/') || mediaType === 'application/octet-stream',
    bytes,
  };
}

/** A parameter of a header, quoted or not. Backslashes are kept: in file names of Windows they separate folders. */
function parameter(header: string, name: string): string | undefined {
  const match = new RegExp(`(?:^|[;\\s])${name}\\s*=\\s*(?:"([^"]*)"|([^;\\s]*))`, 'i').exec(header);
  return match === null ? undefined : (match[1] ?? match[2]);
}

/** The boundary a body begins with, where its header names none. */
function leadingBoundary(body: Buffer): string | undefined {
  return /^--([^\r\n]{1,70})\r?\n/.exec(body.toString('latin1', 0, 80))?.[1];
}

/**
 * The JSON of a body, `undefined` when it is empty; any media type but XML, since curl and some SDKs name the wrong one.
 * @throws AppError `BadRequest` for what is no JSON or holds very many values, `UnsupportedMediaType`.
 */
export function readJson(body: Buffer | undefined, contentType: string | undefined): unknown {
  if (body === undefined || body.length === 0) return undefined;
  if (/\bxml\b|^\s*multipart\//i.test(contentType ?? ''))
    throw problem('UnsupportedMediaType', expected('application/json', 'Content-Type', contentType));
  // Each value takes many times its bytes in memory, and parsing stops everybody else.
  if (hasMoreValues(body, mostValues))
    throw problem('BadRequest', expected(`at most ${mostValues} values`, 'the JSON in the body', 'more'));
  const text = body.toString('utf8', body[0] === 0xef && body[1] === 0xbb && body[2] === 0xbf ? 3 : 0);
  if (text.trim() === '') return undefined;
  try {
    return JSON.parse(text);
  } catch (error) {
    // The parser's own message quotes the body: position only.
    const position = /position (\d+)/.exec(String(error))?.[1];
    throw problem(
      'BadRequest',
      `Expected JSON in the body but could not read it${position ? ` at character ${position}` : ''}.`,
    );
  }
}

/** Whether a text in JSON has more commas and opening brackets than `most`, which bound the number of its values. */
function hasMoreValues(body: Buffer, most: number): boolean {
  let found = 0;
  for (const byte of [0x2c, 0x5b, 0x7b])
    for (let at = body.indexOf(byte); at >= 0; at = body.indexOf(byte, at + 1)) if (++found > most) return true;
  return false;
}
