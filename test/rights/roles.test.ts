/** Keys with a role: what each may do, in the words of Azure's role definitions, and how they come and go. */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, type TestContext, test } from 'node:test';
import { type Api, keyHeaders, keyPurposes } from '../../src/contract/operation.ts';
import { servedVersions } from '../../src/contract/served.ts';
import type { VersionedOperation } from '../../src/contract/version.ts';
import { type Role, roles } from '../../src/domain/role.ts';
import { newestClients } from '../fixtures/clients.ts';
import { runOwnsight, startServer, type TestServer } from '../fixtures/server.ts';
import { until } from '../fixtures/until.ts';

interface Key {
  readonly id: string;
  readonly name: string;
  readonly role: Role;
  readonly expires: string | null;
  readonly secret?: string;
}

type Operation = VersionedOperation & { readonly api: Api };

/** Each operation as its newest version has it. */
const operations = new Map<string, Operation>();
for (const { api, operations: some } of servedVersions)
  for (const one of some) if (!operations.has(one.id) && !one.open) operations.set(one.id, { ...one, api });

/** The part of an address that Azure's role definitions speak of. */
const partOf = ({ path }: Operation): string => path.replace(/^\/(customvision\/v[^/]+\/\w+|ownsight\/v1)/, '');

/** What Azure's roles may do of Azure's operations, as the role definitions say. */
const azures: Readonly<Record<Role, (operation: Operation, part: string) => boolean>> = {
  owner: () => true,
  trainer: ({ method }, part) =>
    part !== '/account' &&
    !(part === '/projects' && method === 'POST') &&
    !(part === '/projects/{projectId}' && method === 'DELETE') &&
    part !== '/projects/import' &&
    part !== '/projects/{projectId}/export',
  deployment: (operation, part) =>
    azures.reader(operation, part) ||
    operation.api === 'prediction' ||
    /^\/projects\/\{projectId\}\/(predictions|iterations\/\{iterationId\}\/(publish|export)|quicktest\/\w+)$/.test(
      part,
    ),
  labeler: (operation, part) =>
    azures.reader(operation, part) || /^\/projects\/\{projectId\}\/(images|tags|tagsandregions)\b/.test(part),
  reader: ({ method, api }, part) =>
    api === 'training' &&
    ((method === 'GET' && part !== '/account' && part !== '/projects/{projectId}/export') ||
      /\/predictions\/(query|next)$/.test(part)),
};

const all: readonly Role[] = ['trainer', 'deployment', 'labeler', 'reader'];
/** Who but the owner may do what only Ownsight has. */
const ours: Readonly<Record<string, readonly Role[]>> = {
  ...Object.fromEntries(
    [
      ...['GetData', 'GetProjectData', 'GetAccountQuotas', 'ListReceipts', 'GetReceipt', 'GetTrainingProgress'],
      ...['WatchTrainingProgress', 'GetRetention', 'GetAccountBackbone', 'GetBackbone', 'GetProjectDeletion'],
      ...['GetImagesDeletion', 'GetTagDeletion', 'GetIterationDeletion', 'GetExportDeletion', 'GetPredictionsDeletion'],
      ...['GetForgetting', 'ListForgetting', 'GetTrashDays', 'ListTrash', 'GetTrashItem', 'GetTrashThumbnail'],
    ].map((id) => [id, all]),
  ),
  ...Object.fromEntries(
    [
      ...['CancelTraining', 'GetConnections', 'UpdateRetention', 'UpdateBackbone', 'RemoveIteration', 'ForgetImages'],
      'CancelForgetting',
    ].map((id) => [id, ['trainer']]),
  ),
  RemoveTag: ['trainer', 'labeler'],
  RemoveImages: ['trainer', 'labeler'],
  RemovePredictions: ['trainer', 'deployment'],
  DeleteExport: ['trainer', 'deployment'],
};

const lowered = (body: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(Object.entries(body).map(([name, value]) => [name.toLowerCase(), value]));

const may = (role: Role, operation: Operation): boolean =>
  operation.api === 'ownsight'
    ? role === 'owner' || (ours[operation.id] ?? []).includes(role)
    : azures[role](operation, partOf(operation));

async function ask(server: TestServer, { method, api, path }: Operation, key: string) {
  // Nothing is there under these ids, and no body is one: who may do it learns that, who may not does not.
  const url = path.replaceAll(/\{(\w+)\}/g, (_, name: string) =>
    name.endsWith('Id') ? '01234567-89ab-4cde-8f01-23456789abcd' : 'nothing',
  );
  const answer = await fetch(`${server.endpoint}${url}`, { method, headers: { [keyHeaders[keyPurposes[api]]]: key } });
  return { status: answer.status, text: await answer.text() };
}

const own = async <T>(server: TestServer, method: string, path: string, body?: unknown): Promise<T> => {
  const answer = await fetch(`${server.endpoint}/ownsight/v1${path}`, {
    method,
    headers: { 'Training-Key': server.trainingKey },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  assert.ok(answer.ok, text);
  return (text === '' ? undefined : JSON.parse(text)) as T;
};
const add = (server: TestServer, role: Role, more: object = {}): Promise<Key> =>
  own(server, 'POST', '/account/keys', { name: role, role, ...more });

const projects = (server: TestServer, headers: Record<string, string>) =>
  fetch(`${server.endpoint}/customvision/v3.3/training/projects`, { headers });
const statusOf = async (server: TestServer, key: string): Promise<number> =>
  (await projects(server, { 'Training-Key': key })).status;

let server: TestServer;
before(async () => {
  server = await startServer();
});
after(() => server?.stop());

async function served(t: TestContext): Promise<TestServer> {
  const folder = mkdtempSync(join(tmpdir(), 'ownsight-roles-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const server = await startServer({ home: join(folder, 'data'), env: { OWNSIGHT_LOG: 'info' } });
  t.after(() => server.stop());
  return server;
}

test('each role does what Azure’s does, and is refused the rest, operation by operation', async () => {
  assert.ok(operations.size > 100);
  for (const role of roles) {
    const { secret = '' } = await add(server, role);
    const found: Record<string, string> = {};
    for (const operation of operations.values()) {
      const { status, text } = await ask(server, operation, secret);
      const { id } = operation;
      if (may(role, operation)) {
        if (status === 401 || status === 403 || status >= 500) found[id] = `may, but ${status} ${text}`;
        continue;
      }
      // The oldest versions write names with a capital.
      const { code, message } = status === 403 ? lowered(JSON.parse(text) as Record<string, string>) : {};
      const reads = /^Expected a key with the role owner( or \w+)* for (\w+) but received one with the role (\w+)\.$/;
      const [, , what, which] = reads.exec(message ?? '') ?? [];
      if (code !== 'ForbiddenUserInsufficientCapability' || what !== id || which !== role)
        found[id] = `may not, but ${status} ${text.slice(0, 200)}`;
    }
    assert.deepEqual(found, {}, role);
  }
  // The four keys every account has do all of their API, as ever.
  for (const operation of operations.values()) {
    const key = operation.api === 'prediction' ? server.predictionKey : server.trainingKey;
    const { status, text } = await ask(server, operation, key);
    assert.ok(status !== 401 && status !== 403 && status < 500, `${operation.id}: ${status} ${text}`);
  }
});

test('a key comes in the header of its API, in that of Azure’s gateway, or as bearer; another scheme is none', async () => {
  const { secret: named = '' } = await add(server, 'reader', { name: 'bearer' });
  for (const key of [server.trainingKey, named]) {
    const good: Record<string, string>[] = [
      { 'Training-Key': key },
      { 'Ocp-Apim-Subscription-Key': key },
      { Authorization: `Bearer ${key}` },
      { authorization: `bearer  ${key} ` },
      { 'Training-Key': key, Authorization: 'Basic b3duZXI6c2VjcmV0' },
    ];
    for (const headers of good) assert.equal((await projects(server, headers)).status, 200, JSON.stringify(headers));
    const bad: Record<string, string>[] = [
      {},
      { Authorization: key },
      { Authorization: `Basic ${Buffer.from(`key:${key}`).toString('base64')}` },
      { Authorization: 'Bearer' },
      { Authorization: `Bearer ${key}x` },
      { Authorization: `Bearer ${server.predictionKey}` },
      { 'Prediction-Key': key },
      { 'Training-Key': 'wrong', Authorization: `Bearer ${key}` },
    ];
    for (const headers of bad) {
      const answer = await projects(server, headers);
      assert.equal(answer.status, 401, JSON.stringify(headers));
      assert.equal(answer.headers.get('www-authenticate'), 'Bearer');
      assert.deepEqual(Object.keys((await answer.json()) as object), ['code', 'message', 'error']);
    }
  }
  const predict = (headers: Record<string, string>) =>
    fetch(
      `${server.endpoint}/customvision/v3.1/prediction/01234567-89ab-4cde-8f01-23456789abcd/classify/iterations/x/url`,
      { method: 'POST', headers: { ...headers, 'content-type': 'application/json' }, body: '{"url":"http://x.test/"}' },
    );
  for (const name of ['Prediction-Key', 'Ocp-Apim-Subscription-Key'])
    assert.equal((await predict({ [name]: server.predictionKey })).status, 404, name);
  assert.equal((await predict({ Authorization: `Bearer ${server.predictionKey}` })).status, 404);
  assert.equal((await predict({ 'Prediction-Key': named })).status, 403);
  const refused = newestClients({ ...server, trainingKey: named }).training.createProject('No');
  await assert.rejects(refused, (error: { statusCode: number; body: { code: string } }) => {
    assert.deepEqual([error.statusCode, error.body.code], [403, 'ForbiddenUserInsufficientCapability']);
    return true;
  });
});

test('keys are made, seen, and taken away, over HTTP and by commands; dead at once; the log says which did what', async (t) => {
  const server = await served(t);
  const command = async (...args: string[]): Promise<string> => {
    const { code, output } = await runOwnsight(server.home, ['keys', ...args]);
    assert.equal(code, 0, output);
    return output;
  };
  const labeler = await add(server, 'labeler', { name: 'Tablet at gate 3' });
  const owner = await add(server, 'owner', { name: 'Script' });
  const [trainer] = JSON.parse(await command('add', 'Night run', '--role', 'trainer', '--json')) as [Key];
  const soon = new Date(Date.now() + 2000).toISOString();
  const short = await add(server, 'reader', { name: 'Visitor', expires: soon });
  assert.equal(await statusOf(server, short.secret!), 200);
  const secrets = [labeler, owner, trainer, short].map(({ secret }) => secret!);
  const shown = (keys: readonly Key[]) => keys.map(({ name, role, secret }) => [name, role, secret ?? null]);
  const names = [
    ['Tablet at gate 3', 'labeler'],
    ['Script', 'owner'],
    ['Night run', 'trainer'],
    ['Visitor', 'reader'],
  ];
  assert.deepEqual(
    shown(await own(server, 'GET', '/account/keys')),
    names.map((one) => [...one, null]),
  );
  assert.deepEqual(
    shown(await own(server, 'GET', '/account/keys?secrets=true')),
    names.map((one, at) => [...one, secrets[at]]),
  );
  assert.match(await command('list'), /labeler +Tablet at gate 3\n.*\n.*\n.*reader +Visitor, until 20/);

  assert.equal(await statusOf(server, trainer.secret!), 200);
  assert.match(await command('revoke', 'night run'), /Night run opens nothing any more/);
  const answers = await Promise.all(Array.from({ length: 10 }, () => statusOf(server, trainer.secret!)));
  assert.deepEqual([...new Set(answers)], [401], 'another process revoked it, and this one remembered it');
  assert.equal(await statusOf(server, labeler.secret!), 200);
  await own(server, 'DELETE', `/account/keys/${labeler.id}`);
  assert.equal(await statusOf(server, labeler.secret!), 401);
  const again = await fetch(`${server.endpoint}/ownsight/v1/account/keys/${labeler.id}`, {
    method: 'DELETE',
    headers: { 'Training-Key': server.trainingKey },
  });
  assert.equal(again.status, 404);

  const { training } = newestClients({ ...server, trainingKey: owner.secret! });
  const project = await training.createProject('Gone');
  const removal = await fetch(`${server.endpoint}/ownsight/v1/projects/${project.id}`, {
    method: 'DELETE',
    headers: { Authorization: `Bearer ${owner.secret}` },
  });
  assert.equal(removal.status, 200);
  const { items } = await own<{ items: { by: string }[] }>(server, 'GET', '/trash');
  assert.deepEqual(
    items.map(({ by }) => by),
    ['named key'],
  );
  const { entries } = await own<{
    entries: { action: string; subjectId: string | null; detail: Record<string, unknown> | null }[];
  }>(server, 'GET', '/audit');
  const told = (action: string) =>
    entries.filter((one) => one.action === action).map(({ subjectId, detail }) => [subjectId, detail?.key]);
  const first = 'primary training key';
  assert.deepEqual(told('key-added'), [
    [labeler.id, first],
    [owner.id, first],
    [trainer.id, undefined],
    [short.id, first],
  ]);
  assert.deepEqual(told('key-revoked'), [
    [trainer.id, undefined],
    [labeler.id, first],
  ]);
  assert.deepEqual(
    told('trashed').map(([, key]) => key),
    [owner.id],
  );

  await until(
    () => statusOf(server, short.secret!),
    (status) => status === 401,
  );
  assert.ok(Date.now() >= Date.parse(soon));

  // No key, living or dead, and no name of one, lies about in the clear; names are in the archive, keys are not.
  const takeout = await fetch(`${server.endpoint}/ownsight/v1/takeout?format=tar`, {
    headers: { 'Training-Key': server.trainingKey },
  });
  const archive = Buffer.from(await takeout.arrayBuffer()).toString('latin1');
  assert.ok(archive.includes('Visitor'));
  const logged = server
    .output()
    .split('\n')
    .filter((line) => line.startsWith('{'));
  await server.stop();
  const files = [server.home, `${server.home}-keys`].flatMap((folder) =>
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map(({ parentPath, name }) => readFileSync(join(parentPath, name), 'latin1')),
  );
  assert.ok(files.length > 0 && logged.length > 0);
  for (const secret of secrets)
    for (const text of [archive, ...logged, ...files]) assert.equal(text.includes(secret), false);
  for (const text of [...logged, ...files]) assert.equal(/gate 3|Night run/.test(text), false);
});
