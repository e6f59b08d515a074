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

/** The parts of a multipart body (RFC 2046, RFC 7578), read leniently; `undefined` when it is none. */
function partsOf(body: Buffer, contentType = ''): Part[] | undefined {
  if (!/^\s*multipart\//i.test(contentType)) return undefined;
  const boundary = parameter(contentType, 'boundary') ?? leadingBoundary(body);
  if (boundary === undefined) return undefined;
  const delimiter = Buffer.from(`--${boundary}`, 'latin1');
  let at = findDelimiter(body, delimiter, 0);
  if (at < 0) return undefined;
  const parts: Part[] = [];
  for (;;) {
    const start = at + delimiter.length;
    if (body.toString('latin1', start, start + 2) === '--') return parts;
    at = findDelimiter(body, delimiter, start);
    if (at < 0) throw problem('BadRequestImageStream', expected('a closing boundary', 'the multipart body', 'none'));
    // The line break before a delimiter belongs to the delimiter.
    const end = body[at - 2] === 13 ? at - 2 : at - 1;
    const part = readPart(body.subarray(body.indexOf(10, start) + 1, end));
    if (part !== undefined) parts.push(part);
  }
}

/** Where a delimiter stands at the start of a line and ends with it; -1 if nowhere from `from` on. */
function findDelimiter(body: Buffer, delimiter: Buffer, from: number): number {
  for (let at = body.indexOf(delimiter, from); at >= 0; at = body.indexOf(delimiter, at + 1)) {
    const rest = body.toString('latin1', at + delimiter.length, at + delimiter.length + 2);
    if ((at === 0 || body[at - 1] === 10) && (rest === '--' || /^[\r\n \t]/.test(rest))) return at;
  }
  return -1;
}

function readPart(part: Buffer): Part | undefined {
  const crlf = part.indexOf('\r\n\r\n');
  const lf = part.indexOf('\n\n');
  // A part without headers begins with its empty line.
  const bare = part[0] === 13 ? 2 : part[0] === 10 ? 1 : 0;
  const end = bare > 0 ? 0 : crlf >= 0 && (lf < 0 || crlf < lf) ? crlf : lf;
  if (end < 0) return undefined;
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
 * @throws AppError `BadRequest` for what is no JSON, `UnsupportedMediaType`.
 */
export function readJson(body: Buffer | undefined, contentType: string | undefined): unknown {
  if (body === undefined || body.length === 0) return undefined;
  if (/\bxml\b|^\s*multipart\//i.test(contentType ?? ''))
    throw problem('UnsupportedMediaType', expected('application/json', 'Content-Type', contentType));
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
