import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';

test('an error in the log has its type, code and positions, and nothing of its message', () => {
  const program = `
    import { pinoLog } from ${JSON.stringify(new URL('log-pino.ts', import.meta.url).href)};
    const error = new TypeError('secret one\\n    at secret (two.jpg:1:1)', { cause: new Error('secret three') });
    pinoLog('error').error('failed', Object.assign(error, { code: 'ECODE' }));`;
  const { stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8' });
  const line = JSON.parse(stderr) as Record<string, unknown>;
  assert.deepEqual([line.event, line.type, line.code], ['failed', 'TypeError', 'ECODE']);
  assert.match(String(line.at), /eval1|file:|node:/);
  assert.doesNotMatch(stderr, /secret|two\.jpg/);
});
