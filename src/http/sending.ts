import { Readable } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { expected } from '../base/errors.ts';
import type { FileReply, ServerEvent } from '../contract/operation.ts';
import type { VersionedOperation } from '../contract/version.ts';
import { problem } from '../domain/problems.ts';
import type { Answer } from './handler.ts';

/** Sends what a handler answered, in the form the operation promises. */
export async function send(
  request: FastifyRequest,
  reply: FastifyReply,
  operation: VersionedOperation,
  { body, status }: Answer<unknown>,
): Promise<FastifyReply> {
  const [usual = 200] = operation.success;
  reply.code(status !== undefined && operation.success.includes(status) ? status : usual);
  if (body === undefined) return reply.header('content-length', '0').send();
  switch (operation.reply) {
    case 'bytes':
      return reply.type('application/octet-stream').send(body);
    case 'file':
      return sendFile(request, reply, body as FileReply);
    case 'events':
      reply.header('cache-control', 'no-store').type('text/event-stream; charset=utf-8');
      return reply.send(Readable.from(eventLines(body as AsyncIterable<ServerEvent>)));
    default:
      return reply.type('application/json; charset=utf-8').send(JSON.stringify(operation.encode(body)));
  }
}

/**
 * A file, whole or the part that `Range` asks for (RFC 9110, section 14: one range of bytes; several are answered with
 * the whole). `If-Range` with another tag than the file's gets the whole file: it is no longer the one that was begun.
 */
async function sendFile(request: FastifyRequest, reply: FastifyReply, file: FileReply): Promise<FastifyReply> {
  const { size, tag } = file;
  const entityTag = tag === undefined ? undefined : `"${tag}"`;
  reply.headers({
    'content-disposition': `attachment; filename="${file.name.replaceAll(/[^\w .()-]/g, '_')}"; filename*=UTF-8''${encodeURIComponent(file.name)}`,
    'cache-control': 'private, no-store',
    ...(entityTag && { etag: entityTag }),
    ...file.headers,
  });
  reply.type(file.mediaType);
  if (size === undefined) {
    for (const [name, value] of Object.entries(file.trailers ?? {})) reply.trailer(name, async () => value());
    return reply.send(await file.open(0, undefined));
  }
  reply.header('accept-ranges', 'bytes');
  const condition = request.headers['if-range'];
  const isSame = condition === undefined || condition === entityTag;
  const range = isSame ? rangeOf(request.headers.range, size) : undefined;
  if (range === 'none') {
    reply.header('content-range', `bytes */${size}`);
    throw problem('RangeNotSatisfiable', expected(`a range within ${size} bytes`, 'Range', request.headers.range));
  }
  const [from, to] = range ?? [0, size];
  const body = request.method === 'HEAD' ? undefined : await file.open(from, to);
  if (range !== undefined) reply.code(206).header('content-range', `bytes ${from}-${to - 1}/${size}`);
  return reply.header('content-length', String(to - from)).send(body);
}

/** First byte and the one after the last; `undefined`: the whole is wanted; `none`: the file has nothing there. */
function rangeOf(header: string | undefined, size: number): readonly [number, number] | 'none' | undefined {
  const [, first, last] = /^bytes=(\d*)-(\d*)$/.exec(header?.trim() ?? '') ?? [];
  if (first === undefined || last === undefined || (first === '' && last === '')) return undefined;
  const from = first === '' ? Math.max(0, size - Number(last)) : Number(first);
  const to = first === '' || last === '' ? size : Math.min(Number(last) + 1, size);
  if (first !== '' && last !== '' && Number(last) < from) return undefined;
  return from >= size || to <= from ? 'none' : [from, to];
}

/** The messages as the standard writes them (HTML Living Standard, 9.2). */
async function* eventLines(events: AsyncIterable<ServerEvent>): AsyncGenerator<string> {
  for await (const { event, data, id } of events)
    yield `${id === undefined ? '' : `id: ${id}\n`}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}
