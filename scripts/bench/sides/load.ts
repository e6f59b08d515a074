/**
 * Clients that ask as fast as they are answered, over kept connections: the same for every server. They write ready
 * made bytes into sockets and read no more of an answer than its status and length, so that not they are measured.
 */
import { connect, type Socket } from 'node:net';
import { median, quantile } from '../compare.ts';
import { serveSide } from '../side.ts';

/** What to send, and how long. */
export interface LoadTask {
  readonly url: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Sent in turn; none for GET. */
  readonly bodies?: readonly Uint8Array[];
  readonly clients: number;
  /** Requests in all, if counted; else seconds. */
  readonly requests?: number;
  readonly seconds?: number;
}

/** What came back. Times in milliseconds. */
export interface LoadResult {
  readonly perSecond: number;
  readonly median: number;
  readonly p99: number;
  readonly requests: number;
}

serveSide<undefined, LoadTask, LoadResult>(async () => ({ round: load }));

async function load(task: LoadTask): Promise<LoadResult> {
  const messages = (task.bodies ?? [undefined]).map((body) => message(task, body));
  const { hostname, port } = new URL(task.url);
  const sockets = await Promise.all(Array.from({ length: task.clients }, () => open(hostname, Number(port))));
  const times: number[] = [];
  const begun = performance.now();
  const end = begun + (task.seconds ?? 600) * 1000;
  let sent = 0;
  await Promise.all(
    sockets.map(async (socket) => {
      while (performance.now() < end && sent < (task.requests ?? Number.POSITIVE_INFINITY)) {
        const turn = sent++ % messages.length;
        const asked = performance.now();
        await exchange(socket, messages[turn]!);
        times.push(performance.now() - asked);
      }
    }),
  );
  const seconds = (performance.now() - begun) / 1000;
  for (const socket of sockets) socket.destroy();
  return {
    perSecond: times.length / seconds,
    median: median(times),
    p99: quantile(times, 0.99),
    requests: times.length,
  };
}

function message({ url, method, headers }: LoadTask, body: Uint8Array | undefined): Buffer {
  const { host, pathname, search } = new URL(url);
  const lines = Object.entries({ ...headers, host, ...(body && { 'content-length': body.byteLength }) });
  const head = lines.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  return Buffer.concat([
    Buffer.from(`${method} ${pathname}${search} HTTP/1.1\r\n${head}\r\n`),
    body ?? Buffer.alloc(0),
  ]);
}

const open = (host: string, port: number): Promise<Socket> =>
  new Promise((done, fail) => {
    const socket = connect({ host, port, noDelay: true }, () => done(socket));
    socket.once('error', fail);
  });

/** Sends one request and waits for the last byte of its answer, which must be 200 with a length. */
function exchange(socket: Socket, message: Buffer): Promise<void> {
  return new Promise((done, fail) => {
    let received: Buffer = Buffer.alloc(0);
    let whole = Number.POSITIVE_INFINITY;
    const end = (error?: Error) => {
      socket.off('data', onData).off('close', onClose);
      if (error === undefined) done();
      else fail(error);
    };
    const onClose = () => end(new Error('expected an answer but the connection was closed'));
    const onData = (chunk: Buffer) => {
      received = received.length === 0 ? chunk : Buffer.concat([received, chunk]);
      if (whole === Number.POSITIVE_INFINITY) {
        const headEnd = received.indexOf('\r\n\r\n');
        if (headEnd < 0) return;
        const head = received.toString('latin1', 0, headEnd);
        whole = headEnd + 4 + Number(/^content-length: *(\d+)/im.exec(head)?.[1] ?? 0);
        if (!head.startsWith('HTTP/1.1 200'))
          return end(new Error(`expected status 200 but received ${received.toString()}`));
      }
      if (received.length >= whole) end();
    };
    socket.on('data', onData).on('close', onClose);
    socket.write(message);
  });
}
