import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { servePictures } from '../fixtures/picture-server.ts';
import { root, startServer } from '../fixtures/server.ts';
import { walkFields } from './fields.ts';
import { reached, tracing } from './system-calls.ts';
import { client, plantVictim } from './victim.ts';

const missing = (...tools: string[]): string | false => {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'needs root on Linux';
  const tool = tools.find((one) => spawnSync('which', [one]).status !== 0);
  return tool === undefined ? false : `needs ${tool}`;
};

/** Where it was asked to go: the picture server alone, and addresses of the tests that lead nowhere. */
test('the server goes to the picture server it is told of, and nowhere else', {
  skip: missing('strace'),
}, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'ownsight-network-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const files = new Map<string, Uint8Array>();
  const web = await servePictures(files);
  t.after(() => web.close());
  const log = join(folder, 'calls');
  const server = await startServer({
    home: join(folder, 'data'),
    env: { OWNSIGHT_ALLOW_NETWORKS: '127.0.0.0/8' },
    under: tracing(log, 'connect,sendto,sendmsg,sendmmsg,bind'),
  });
  t.after(() => server.kill());
  const pictureAt = (bytes: Buffer, path: string): string => {
    files.set(path, bytes);
    return web.url('') + path;
  };
  const victim = await plantVictim(server, pictureAt);
  await walkFields(server, victim, pictureAt, { allVersions: false });
  await client(server).json('DELETE', `/customvision/v3.3/training/projects/${victim.projectId}`);
  await server.stop();

  const asked = new URL(web.url('')).host;
  // Port 9 is what the victim names as an address without a picture.
  assert.deepEqual(reached(log).sort(), [asked, '127.0.0.1:9'].sort());
});

test('every quick test passes where there is no way out', { skip: missing('unshare', 'ip') }, async () => {
  const inside = `ip link set lo up && exec "$0" scripts/test.ts --no-check`;
  const child = spawn('unshare', ['--net', 'sh', '-c', inside, process.execPath], {
    cwd: root,
    env: Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('NODE_TEST'))),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const chunks: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => chunks.push(chunk));
  const [code] = (await once(child, 'close')) as [number | null];
  const said = Buffer.concat(chunks).toString();
  assert.equal(code, 0, said.slice(said.indexOf('failing tests')));
  assert.match(said, /ℹ pass [1-9]\d\d/);
});
