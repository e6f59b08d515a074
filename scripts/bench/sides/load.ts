/** Clients that ask as fast as they are answered, over kept connections: plain node:http, the same for every server. */
import http from 'node:http';
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
  const agent = new http.Agent({ keepAlive: true, maxSockets: task.clients });
  const times: number[] = [];
  const begun = performance.now();
  const end = begun + (task.seconds ?? 600) * 1000;
  let sent = 0;
  const client = async (): Promise<void> => {
    while (performance.now() < end && sent < (task.requests ?? Number.POSITIVE_INFINITY)) {
      const turn = sent++;
      const body = task.bodies?.[turn % task.bodies.length];
      const asked = performance.now();
      await ask(agent, task, body);
      times.push(performance.now() - asked);
    }
  };
  await Promise.all(Array.from({ length: task.clients }, client));
  const seconds = (performance.now() - begun) / 1000;
  agent.destroy();
  return {
    perSecond: times.length / seconds,
    median: median(times),
    p99: quantile(times, 0.99),
    requests: times.length,
  };
}

function ask(agent: http.Agent, task: LoadTask, body: Uint8Array | undefined): Promise<void> {
  return new Promise((done, fail) => {
    const headers = body === undefined ? task.headers : { ...task.headers, 'content-length': String(body.byteLength) };
    const request = http.request(task.url, { agent, method: task.method, headers }, (response) => {
      response.on('error', fail);
      if (response.statusCode === 200) return void response.on('end', done).resume();
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () =>
        fail(new Error(`expected status 200 but received ${response.statusCode}: ${Buffer.concat(chunks)}`)),
      );
    });
    request.on('error', fail);
    request.end(body);
  });
}
