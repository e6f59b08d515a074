import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { root } from '../fixtures/server.ts';
import type { LoopbackReport } from './loopback.ts';

const missing = (...tools: string[]): string | false => {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'needs root on Linux';
  const tool = tools.find((one) => spawnSync('which', [one]).status !== 0);
  return tool === undefined ? false : `needs ${tool}`;
};

/** Runs a script where there is nothing but a loopback; returns its exit code and what it said. */
async function apart(script: string, streams: 'both' | 'stdout'): Promise<{ code: number | null; said: string }> {
  const inside = `ip link set lo up && exec "$0" ${script}`;
  const child = spawn('unshare', ['--net', 'sh', '-c', inside, process.execPath], {
    cwd: root,
    env: Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('NODE_TEST'))),
    stdio: ['ignore', 'pipe', streams === 'both' ? 'pipe' : 'inherit'],
  });
  const chunks: Buffer[] = [];
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk: Buffer) => chunks.push(chunk));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, said: Buffer.concat(chunks).toString() };
}

/** Where it was asked to go: the picture server alone, and addresses of the tests that lead nowhere. */
test('the server goes to the picture server it is told of, and nowhere else; nobody sends a packet elsewhere', {
  skip: missing('strace', 'unshare', 'ip', 'python3'),
}, async () => {
  const { code, said } = await apart('test/forensic/loopback.ts', 'stdout');
  assert.equal(code, 0);
  const { server, web, asked, packets } = JSON.parse(said) as LoopbackReport;
  // Port 9 is what the victim names as an address without a picture.
  const nowhere = '127.0.0.1:9';
  assert.deepEqual([...asked].sort(), [web, nowhere].sort());
  assert.deepEqual(packets, [server, web, nowhere].map((host) => `tcp ${host.replace(':', ' ')}`).sort());
});

test('every quick test passes where there is no way out', { skip: missing('unshare', 'ip') }, async () => {
  const { code, said } = await apart('scripts/test.ts --no-check', 'both');
  assert.equal(code, 0, said.slice(said.indexOf('failing tests')));
  assert.match(said, /ℹ pass [1-9]\d\d/);
});
