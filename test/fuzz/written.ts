import type { Attempt, AttemptBody, Multipart } from './attempt.ts';
import { broken } from './attempt.ts';
import type { Talk } from './exchange.ts';

/** An attempt as bytes; `fill` fills in its marks. */
export function written(
  attempt: Attempt,
  fill: (text: string) => string,
  picture: Uint8Array,
): Pick<Talk, 'pieces' | 'leaves'> {
  const { method, path, query, rawQuery, transport } = attempt;
  const body = bodyBytes(attempt.body, fill, picture);
  const address = `/${path.map((part) => (part.startsWith('%') ? part : encoded(fill(part)))).join('/')}`;
  const parameters = query.map(([name, value]) => `${encoded(name)}=${encoded(fill(value))}`).join('&');
  const headers = attempt.headers.map(([name, value]) => [name, fill(value)] as const);
  const type = announcedType(attempt.body);
  const lines = [
    `${method} ${address}${parameters || rawQuery ? '?' : ''}${parameters}${rawQuery} HTTP/1.1`,
    ...(headers.some(([name]) => name === 'Host') ? [] : ['Host: localhost']),
    ...(headers.some(([name]) => name === 'Connection') ? [] : ['Connection: close']),
    ...headers.map(([name, value]) => `${name}: ${name === 'Content-Type' && type !== undefined ? type : value}`),
    ...(body === undefined ? (method === 'GET' ? [] : ['Content-Length: 0']) : lengths(transport, body.length)),
  ];
  const head = Buffer.from(`${lines.join('\r\n')}\r\n\r\n`);
  return {
    pieces: body === undefined ? [head] : [head, ...framed(transport, body)],
    leaves: body !== undefined && broken.has(transport),
  };
}

/** Text as part of an address; what is no text is told by the replacement character. */
const encoded = (text: string): string => encodeURIComponent(text.toWellFormed());

function lengths(transport: Attempt['transport'], length: number): string[] {
  switch (transport) {
    case 'chunked':
    case 'chunks-cut':
    case 'chunks-broken':
      return ['Transfer-Encoding: chunked'];
    case 'too-short':
      return [`Content-Length: ${Math.max(0, length - 1)}`];
    case 'too-long':
      return [`Content-Length: ${length + 10}`];
    case 'length-twice':
      return [`Content-Length: ${length}`, `Content-Length: ${length + 1}`];
    case 'length-and-chunked':
      return [`Content-Length: ${length}`, 'Transfer-Encoding: chunked'];
    case 'negative-length':
      return ['Content-Length: -1'];
    case 'expecting':
      return [`Content-Length: ${length}`, 'Expect: 100-continue'];
    default:
      return [`Content-Length: ${length}`];
  }
}

function framed(transport: Attempt['transport'], body: Buffer): (Buffer | number)[] {
  const half = Math.floor(body.length / 2);
  const halves = [body.subarray(0, half), body.subarray(half)].filter((one) => one.length > 0);
  const chunks = halves.map((one) =>
    Buffer.concat([Buffer.from(`${one.length.toString(16)}\r\n`), one, Buffer.from('\r\n')]),
  );
  if (transport === 'slow') return halves.flatMap((one) => [20, one]);
  if (transport === 'chunked') return [...chunks, Buffer.from('0\r\n\r\n')];
  if (transport === 'chunks-cut') return chunks;
  if (transport === 'chunks-broken') return [Buffer.from('zz\r\n'), ...chunks];
  return [body];
}

function bodyBytes(body: AttemptBody, fill: (text: string) => string, picture: Uint8Array): Buffer | undefined {
  switch (body.kind) {
    case 'none':
      return undefined;
    case 'bytes':
      return Buffer.from(body.bytes);
    case 'picture':
      return body.multipart === undefined ? Buffer.from(picture) : multipartBytes(body.multipart, picture);
    case 'json': {
      const text = fill(JSON.stringify(body.value) ?? 'null').replaceAll(
        /"<nested (\d+)>"/g,
        (_, depth: string) => '['.repeat(Number(depth)) + ']'.repeat(Number(depth)),
      );
      return Buffer.from(text.slice(0, body.cutAt));
    }
  }
}

function announcedType(body: AttemptBody): string | undefined {
  if (body.kind !== 'picture' || body.multipart === undefined) return undefined;
  const { announced, boundary } = body.multipart;
  return `multipart/form-data; boundary=${announced === 'same' ? boundary : announced}`;
}

function multipartBytes({ boundary, parts, closed }: Multipart, picture: Uint8Array): Buffer {
  return Buffer.concat([
    ...parts.flatMap(({ disposition, bytes }) => [
      Buffer.from(`--${boundary}\r\n${disposition}\r\n`),
      bytes === 'picture' ? picture : bytes,
      Buffer.from('\r\n'),
    ]),
    Buffer.from(closed ? `--${boundary}--\r\n` : ''),
  ]);
}
