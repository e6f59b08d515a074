import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { builtIn, pullable } from '../src/vision/backbone/registry.ts';
import { fileServer } from './fixtures/file-server.ts';
import { environment, root, runOwnsight } from './fixtures/server.ts';
import { temporaryFolder } from './fixtures/stores.ts';
import { until } from './fixtures/until.ts';

const [mobilenet] = pullable;
const shared = process.env.OWNSIGHT_SHARED ?? join(root, '../shared');
const bytes = join(shared, 'models/tf2_mobilenet_v2_1.0_224_ptq.tflite');

test('networks are added, used and listed, and not removed while something uses them', async (t) => {
  const home = join(temporaryFolder(t), 'data');
  const ownsight = (...args: string[]) => runOwnsight(home, args);
  assert.equal((await ownsight('account', 'create', 'somebody')).code, 0);
  const file = join(root, 'models', builtIn.file);
  const added = await ownsight('models', 'add', file, '--name', 'mine', '--size', '128', '--licence', 'Apache-2.0');
  assert.match(added.output, /mine is here: 1792 features of pictures of 128 px/);
  assert.match((await ownsight('models', 'use', 'mine')).output, /learns on mine/);
  const rows = JSON.parse((await ownsight('models', 'list', '--json')).output) as Record<string, string>[];
  assert.deepEqual(
    rows.map(({ name, state, used }) => [name, state, used]),
    [
      ['ownsight-s', 'built in', ''],
      ['mine', 'installed', 'used by 1 account'],
      ['mobilenet-v2', 'can be pulled', ''],
    ],
  );
  const refused = await ownsight('models', 'remove', 'mine');
  assert.deepEqual([refused.code, /mine is in use by 1 account \([0-9a-f-]{36}\)/.test(refused.output)], [1, true]);
});

test('a pull that is stopped with Ctrl-C goes on where it was; wrong bytes are removed', async (t) => {
  const home = join(temporaryFolder(t), 'data');
  const server = await fileServer(t, Buffer.alloc(mobilenet!.bytes, 'x'));
  server.silentAfter = 1_000_000;
  const part = join(home, 'models', `${mobilenet!.file}.part`);
  const args = [join(root, 'src/main.ts'), 'models', 'pull', mobilenet!.name, '--from', server.url];
  const child = spawn(process.execPath, args, { cwd: root, env: environment(home), stdio: ['ignore', 'pipe', 'pipe'] });
  t.after(() => child.kill('SIGKILL'));
  const said: Buffer[] = [];
  child.stderr.on('data', (chunk: Buffer) => said.push(chunk));
  const size = async () => (existsSync(part) ? statSync(part).size : 0);
  await until(size, (there) => there === 1_000_000);
  child.kill('SIGINT');
  assert.deepEqual(await once(child, 'close'), [1, null]);
  assert.match(Buffer.concat(said).toString(), /stopped: what came of mobilenet-v2 is kept/);
  server.silentAfter = undefined;
  const { code, output } = await runOwnsight(home, args.slice(1));
  assert.equal(server.asked.at(-1)!.range, 'bytes=1000000-');
  assert.deepEqual([code, new RegExp(`${mobilenet!.sha256}.*removed`).test(output)], [1, true], output);
  assert.deepEqual(readdirSync(join(home, 'models')), []);
});

test('mobilenet-v2 is pulled from a file', { skip: existsSync(bytes) ? false : `needs ${bytes}` }, async (t) => {
  const home = join(temporaryFolder(t), 'data');
  const { output } = await runOwnsight(home, ['models', 'pull', 'mobilenet-v2', '--from', bytes]);
  assert.match(output, /mobilenet-v2 is here: 4.1 MB, Apache-2.0/);
});
