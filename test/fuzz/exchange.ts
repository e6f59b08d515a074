import { connect, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

/** What came back over a connection. */
export interface Answer {
  readonly status: number;
  /** As they came: names in lower case. */
  readonly headers: ReadonlyMap<string, string>;
  /** Without the framing of chunks; as much of it as came. */
  readonly body: Buffer;
}

/** How to talk. */
export interface Talk {
  /** Bytes to write, one after the other; a number is a pause in milliseconds. */
  readonly pieces: readonly (Buffer | number)[];
  /** Whether the client goes when all is written, without waiting for anything. */
  readonly leaves: boolean;
  /** Whether the answer may have no end: then its beginning is enough. */
  readonly endless: boolean;
}

/** Bytes of an answer that are kept. */
const most = 8 << 20;
/** How long to wait for an answer, and for one to a client that has left, ms. */
const patience = { staying: 60_000, left: 500 };

/**
 * Writes bytes to a server as they are, right or wrong, and reads until it closes the connection. `undefined`: it closed
 * without an answer, or did not begin one in time.
 */
export async function exchange(endpoint: string, { pieces, leaves, endless }: Talk): Promise<Answer | undefined> {
  const { hostname, port } = new URL(endpoint);
  const socket = connect(Number(port), hostname);
  const said: Buffer[] = [];
  let length = 0;
  const ended = new Promise<void>((resolve) => {
    socket.once('close', () => resolve());
  });
  // A server that has answered may close while we still write.
  socket.on('error', () => undefined);
  socket.on('data', (bytes) => {
    if (length < most) said.push(bytes);
    length += bytes.length;
    if (endless) socket.destroy();
  });
  for (const piece of pieces) {
    if (socket.destroyed) break;
    if (typeof piece === 'number') await pause(piece);
    else if (!socket.write(piece)) await Promise.race([drained(socket), ended]);
  }
  if (leaves) socket.end();
  const timer = setTimeout(() => socket.destroy(), leaves ? patience.left : patience.staying);
  await ended;
  clearTimeout(timer);
  return readAnswer(Buffer.concat(said));
}

const drained = (socket: Socket): Promise<void> => new Promise((resolve) => socket.once('drain', () => resolve()));

/** Connections that have begun to say something, and say no more; all are as far when it resolves. */
export function stall(endpoint: string, begun: string, count: number): Promise<Socket[]> {
  const { hostname, port } = new URL(endpoint);
  return Promise.all(
    Array.from({ length: count }, async () => {
      const socket = connect(Number(port), hostname);
      socket.on('error', () => undefined);
      await new Promise((resolve) => socket.write(begun, resolve));
      return socket.resume();
    }),
  );
}

/** The last answer in what a server said: those before it are `100 Continue`. */
function readAnswer(said: Buffer): Answer | undefined {
  const end = said.indexOf('\r\n\r\n');
  if (end < 0) return undefined;
  const [first = '', ...lines] = said.toString('latin1', 0, end).split('\r\n');
  const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(first)?.[1]);
  const rest = said.subarray(end + 4);
  if (status === 100) return readAnswer(rest);
  const headers = new Map(
    lines.map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()] as const;
    }),
  );
  return { status, headers, body: headers.get('transfer-encoding') === 'chunked' ? unchunked(rest) : rest };
}

function unchunked(bytes: Buffer): Buffer {
  const chunks: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const line = bytes.indexOf('\r\n', at);
    const length = Number.parseInt(bytes.toString('latin1', at, line), 16);
    if (line < 0 || !(length > 0)) break;
    chunks.push(bytes.subarray(line + 2, line + 2 + length));
    at = line + 2 + length + 2;
  }
  return Buffer.concat(chunks);
}
