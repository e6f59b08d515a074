import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, test } from 'node:test';
import { AppError } from '../errors.ts';
import type { News } from '../run.ts';
import { createApart } from './apart.ts';
import type { FixtureApartTasks } from './fixture-process.ts';

const entry = new URL('./fixture-process.ts', import.meta.url);
const apart = createApart<FixtureApartTasks>({ entry, data: { where: 'here' } });
after(() => apart.close());

const alive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

test('a task is done by a process of its own, which reads by name, tells how far it is, and is gone afterwards', async () => {
  const told: unknown[] = [];
  const { sum, process, bytes } = await apart.run(
    'sum',
    ['a', 'bc'],
    { onProgress: (part) => void told.push(part), onNews: (news) => void told.push(news.step) },
    async (name) => Buffer.from(name),
  );
  assert.equal(sum, 97 + 98 + 99);
  assert.deepEqual(bytes, Float32Array.of(sum));
  assert.deepEqual(told, [0.5, 1, 1, 2]);
  assert.equal(alive(process), false);
  assert.deepEqual(apart.processes(), []);
  assert.deepEqual(await apart.run('data', null), { where: 'here' });
});

test('what it refuses, and what reading for it throws, comes back with code, message and cause', async () => {
  const gone = new AppError('Gone', 'it is gone', new Error('inner'));
  await assert.rejects(apart.run('refuse', 'Refused'), {
    code: 'Refused',
    message: 'expected this',
    cause: new Error('inner'),
  });
  const reading = apart.run('sum', ['a'], {}, async () => Promise.reject(gone));
  await assert.rejects(reading, { name: 'AppError', code: 'Gone', cause: new Error('inner') });
  await assert.rejects(apart.run('sum', ['a']), { code: 'NothingToRead' });
});

/** A process that computes and hears nothing. */
async function stuck(signal = new AbortController().signal): Promise<{ task: Promise<never>; pid: number }> {
  const begun = Promise.withResolvers<News>();
  const task = apart.run('stuck', null, { signal, onNews: begun.resolve });
  task.catch(() => undefined);
  await begun.promise;
  return { task, pid: apart.processes()[0]! };
}

test('it can be stopped in the middle of a step, and gives way to everything else until then', async () => {
  const abort = new AbortController();
  const { task, pid } = await stuck(abort.signal);
  if (process.platform === 'linux') {
    // The 19th field of stat: proc(5).
    assert.equal(readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ')[16], '10');
    assert.equal(readFileSync(`/proc/${pid}/oom_score_adj`, 'utf8').trim(), '500');
  }
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.kill(pid, signal);
  const reason = new Error('enough');
  const asked = performance.now();
  abort.abort(reason);
  await assert.rejects(task, reason);
  assert.equal(alive(pid), false);
  assert.ok(performance.now() - asked < 1000);
  await assert.rejects(apart.run('stuck', null, { signal: abort.signal }), reason);
});

test('one that is killed, or breaks off, is told of; others go on', async () => {
  const { task, pid } = await stuck();
  process.kill(pid, 'SIGKILL');
  await assert.rejects(task, { code: 'ComputeProcessFailed', cause: new Error('it ended with SIGKILL') });
  await assert.rejects(apart.run('crash', null), {
    code: 'ComputeProcessFailed',
    cause: new Error('it ended with SIGABRT'),
  });
  assert.equal((await apart.run('sum', [])).sum, 0);
});

test('closing kills what runs and refuses more', async () => {
  const { task, pid } = await stuck();
  await Promise.all([apart.close(), assert.rejects(task, { code: 'ComputeClosed' })]);
  assert.equal(alive(pid), false);
  await assert.rejects(apart.run('sum', []), { code: 'ComputeClosed' });
});
