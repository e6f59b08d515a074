import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { environment, root } from '../../test/fixtures/server.ts';
import { temporaryFolder } from '../../test/fixtures/stores.ts';

test('where another program listens, the server says so and ends', async (t) => {
  const other = createServer().listen(0, '127.0.0.1');
  t.after(() => other.close());
  await once(other, 'listening');
  const { port } = other.address() as { port: number };
  const { status, stderr } = spawnSync(process.execPath, [join(root, 'src/main.ts'), 'serve'], {
    env: environment(join(temporaryFolder(t), 'data'), { OWNSIGHT_PORT: String(port) }),
    encoding: 'utf8',
    timeout: 15_000,
  });
  assert.equal(status, 1, stderr);
  assert.equal(
    stderr,
    `ownsight: expected a free port for OWNSIGHT_PORT but received ${port}, on which another program listens\n`,
  );
});
