import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { keyPurposes } from '../../src/contract/operation.ts';
import type { PlainSchema } from '../../src/contract/schema.ts';
import { servedVersions } from '../../src/contract/served.ts';
import { environment, root, startServer, type TestServer } from '../fixtures/server.ts';

const run = promisify(execFile);

let server: TestServer;
let stranger: { account: string; keys: Record<'training' | 'prediction', { primary: string; secondary: string }> };
let ids: Record<string, string>;
/** Query parameters whose form the schema does not tell. */
let samples: Record<string, string>;

/** A value the schema takes, every optional part included; ids are the owner's project's. */
function sample(schema: PlainSchema): unknown {
  if (schema.enum) return schema.enum[0];
  if (schema.format === 'uuid') return ids.projectId;
  if (schema.format === 'date-time') return '2026-01-01T00:00:00Z';
  const choice = (schema as { anyOf?: readonly PlainSchema[] }).anyOf?.[0];
  if (choice) return sample(choice);
  if (schema.type === 'string') return 'aGVsbG8=';
  if (schema.type === 'integer') return 1;
  if (schema.type === 'number') return 0.5;
  if (schema.type === 'boolean') return false;
  if (schema.type === 'array') return [sample(schema.items!)];
  if (schema.patternProperties) return { hue: 'blue' };
  return Object.fromEntries(Object.entries(schema.properties ?? {}).map(([name, part]) => [name, sample(part)]));
}

async function call(path: string, init: RequestInit, key: Record<string, string>): Promise<Response> {
  return fetch(`${server.endpoint}${path}`, {
    ...init,
    headers: { ...(init.headers as Record<string, string>), ...key },
  });
}

before(async () => {
  server = await startServer();
  const { stdout } = await run(
    process.execPath,
    [join(root, 'src/main.ts'), 'account', 'create', 'stranger', '--json'],
    {
      env: environment(server.home),
    },
  );
  stranger = JSON.parse(stdout);
  const owner = { 'Training-Key': server.trainingKey };
  const project = (await (
    await call('/customvision/v3.3/training/projects?name=mine', { method: 'POST' }, owner)
  ).json()) as { id: string };
  const tag = (await (
    await call(`/customvision/v3.3/training/projects/${project.id}/tags?name=mine`, { method: 'POST' }, owner)
  ).json()) as { id: string };
  ids = { projectId: project.id, tagId: tag.id, iterationId: tag.id, imageId: tag.id, publishedName: 'mine' };
  samples = {
    path: `i-${project.id.replaceAll('-', '')}/i-${tag.id.replaceAll('-', '')}`,
    platform: 'ONNX',
    flavor: '',
  };
});

after(() => server?.stop());

for (const { api, version, operations } of servedVersions)
  for (const operation of operations.filter((one) => one.path.includes('{projectId}')))
    test(`${api} v${version} ${operation.id}: another account's project is not found`, async () => {
      const path = operation.path.replace(
        /\{(\w+)\}/g,
        (_, name: string) =>
          ids[name] ?? (name.endsWith('Id') ? ids.projectId! : assert.fail(`no sample for {${name}}`)),
      );
      const query = new URLSearchParams(
        Object.entries(operation.query.properties ?? {})
          .filter(([name]) => name !== '$filter')
          .map(([name, schema]): [string, string] => [name, samples[name] ?? String(sample(schema))]),
      );
      const body =
        operation.body === undefined
          ? {}
          : operation.body.kind === 'json'
            ? { body: JSON.stringify(sample(operation.body.schema)), headers: { 'Content-Type': 'application/json' } }
            : { body: 'picture', headers: { 'Content-Type': 'application/octet-stream' } };
      const key =
        keyPurposes[api] === 'training'
          ? { 'Training-Key': stranger.keys.training.primary }
          : { 'Prediction-Key': stranger.keys.prediction.primary };
      const answer = await call(`${path}?${query}`, { method: operation.method, ...body }, key);
      const text = await answer.text();
      assert.equal(answer.status, 404, text);
      assert.equal((JSON.parse(text) as { code: string }).code, 'NotFoundProject');
    });

test('a stranger sees an empty account, with its own keys and nothing else', async () => {
  const key = { 'Training-Key': stranger.keys.training.primary };
  assert.deepEqual(await (await call('/customvision/v3.3/training/projects', {}, key)).json(), []);
  const info = (await (await call('/customvision/v1.2/Training/account', {}, key)).json()) as {
    Keys: { TrainingKeys: { PrimaryKey: string } };
    Quotas: { PerProject: unknown[] };
  };
  assert.equal(info.Keys.TrainingKeys.PrimaryKey, stranger.keys.training.primary);
  assert.deepEqual(info.Quotas.PerProject, []);
});

test('a rotated key is refused at once and the other of its pair still works', async () => {
  const before = stranger.keys.training;
  const { stdout } = await run(
    process.execPath,
    [
      join(root, 'src/main.ts'),
      'account',
      'rotate',
      stranger.account,
      '--purpose',
      'training',
      '--slot',
      'primary',
      '--json',
    ],
    { env: environment(server.home) },
  );
  const rotated = JSON.parse(stdout) as typeof stranger;
  const status = async (key: string): Promise<number> =>
    (await call('/customvision/v3.3/training/projects', {}, { 'Training-Key': key })).status;
  assert.equal(await status(before.primary), 401);
  assert.equal(await status(before.secondary), 200);
  assert.equal(await status(rotated.keys.training.primary), 200);
});
