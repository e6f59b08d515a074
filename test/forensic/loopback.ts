/**
 * Run in a network namespace of its own: a server whose every field is written to, beside what watches the loopback. Prints
 * JSON: the addresses of the server and of the picture server, what the server asked the system for, and where packets went.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { servePictures } from '../fixtures/picture-server.ts';
import { startServer } from '../fixtures/server.ts';
import { until } from '../fixtures/until.ts';
import { walkFields } from './fields.ts';
import { reached, tracing } from './system-calls.ts';
import { client, plantVictim } from './victim.ts';

/** What {@link file://./loopback.ts} prints. */
export interface LoopbackReport {
  /** host:port of the server and of the picture server it is told of. */
  readonly server: string;
  readonly web: string;
  /** host:port of whatever the server's process asked to be connected to, or sent to. */
  readonly asked: readonly string[];
  /** `tcp 127.0.0.1 80`: of each connection that anybody began, and each datagram. */
  readonly packets: readonly string[];
}

async function watch(): Promise<LoopbackReport> {
  const folder = mkdtempSync(join(tmpdir(), 'ownsight-network-'));
  const sniffer = spawn('python3', [join(import.meta.dirname, 'packets.py')], { stdio: ['ignore', 'pipe', 'inherit'] });
  const lines: string[] = [];
  createInterface({ input: sniffer.stdout }).on('line', (line) => lines.push(line));
  const seen = () => [...new Set(lines.slice(1))].sort();
  const files = new Map<string, Uint8Array>();
  const web = await servePictures(files);
  try {
    await until(
      async () => lines[0],
      (line) => line === 'ready',
    );
    const log = join(folder, 'calls');
    const server = await startServer({
      home: join(folder, 'data'),
      env: { OWNSIGHT_ALLOW_NETWORKS: '127.0.0.0/8' },
      under: tracing(log, 'connect,sendto,sendmsg,sendmmsg,bind'),
    });
    const pictureAt = (bytes: Buffer, path: string): string => {
      files.set(path, bytes);
      return web.url('') + path;
    };
    const victim = await plantVictim(server, pictureAt);
    await walkFields(server, victim, pictureAt, { allVersions: false });
    await client(server).json('DELETE', `/customvision/v3.3/training/projects/${victim.projectId}`);
    await server.stop();
    const host = new URL(web.url('')).host;
    // The last packets may still be on their way to the list.
    await until(
      async () => seen(),
      (packets) => packets.some((one) => one.endsWith(` ${host.split(':')[1]}`)),
    );
    return { server: new URL(server.endpoint).host, web: host, asked: reached(log), packets: seen() };
  } finally {
    sniffer.kill();
    web.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

process.stdout.write(JSON.stringify(await watch()));
