/** Who may do what, in every version: roles, operations and ids, crossed from the tables of the contract. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { samplePictures } from '../../scripts/samples.ts';
import { keyHeaders, keyPurposes, type OperationId } from '../../src/contract/operation.ts';
import type { PlainSchema } from '../../src/contract/schema.ts';
import { servedVersions } from '../../src/contract/served.ts';
import type { VersionedOperation } from '../../src/contract/version.ts';
import { environment, root, startServer, type TestServer } from '../fixtures/server.ts';

const run = promisify(execFile);

/** An account beside the server's first one. */
interface Account {
  readonly account: string;
  readonly keys: Record<'training' | 'prediction', { primary: string; secondary: string }>;
}

/** Parts of addresses that name nothing of an account. */
const nobodys: readonly string[] = ['domainId', 'purpose', 'slot'];
/** Open to everybody: it tells nothing of any account. */
const forAll: readonly OperationId[] = ['GetReceiptKey'];

let server: TestServer;
let owner: Record<'training' | 'prediction', string>;
let stranger: Account;
/** Keys that the stranger had before they were replaced. */
let revoked: Record<'training' | 'prediction', string>;
/** The owner's, by the names that addresses have for them. */
let ids: Record<string, string>;
/** Of each operation that a secret link opens instead of a key: one, and another account's. */
let links: Partial<Record<OperationId, { readonly right: URL; readonly others: URL }>>;
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
  const [values] = Object.values(schema.patternProperties ?? {});
  if (values) return { rotation: sample(values) };
  return Object.fromEntries(Object.entries(schema.properties ?? {}).map(([name, part]) => [name, sample(part)]));
}

/** The operation on the owner's ids, everything optional included. */
function requestOf(operation: VersionedOperation): [string, RequestInit] {
  const path = operation.path.replace(
    /\{(\w+)\}/g,
    (_, name: string) => ids[name] ?? (name.endsWith('Id') ? ids.projectId! : assert.fail(`no sample for {${name}}`)),
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
  return [`${path}?${query}`, { method: operation.method, ...body }];
}

const call = (path: string, init: RequestInit, key: Record<string, string>): Promise<Response> =>
  fetch(new URL(path, server.endpoint), { ...init, headers: { ...(init.headers as Record<string, string>), ...key } });

/** What the call answers, which must be a success. */
async function done<T>(path: string, method: string, key: string, body?: object | Uint8Array<ArrayBuffer>): Promise<T> {
  const json = body !== undefined && !(body instanceof Uint8Array);
  const answer = await call(
    path,
    {
      method,
      ...(body === undefined ? {} : { body: json ? JSON.stringify(body) : (body as Uint8Array<ArrayBuffer>) }),
      headers: { 'Content-Type': json ? 'application/json' : 'application/octet-stream' },
    },
    { 'Training-Key': key },
  );
  const text = await answer.text();
  assert.ok(answer.ok, `${method} ${path}: ${answer.status} ${text}`);
  return JSON.parse(text) as T;
}

async function createAccount(name: string): Promise<Account> {
  const command = [join(root, 'src/main.ts'), 'account', 'create', name, '--json'];
  return JSON.parse((await run(process.execPath, command, { env: environment(server.home) })).stdout) as Account;
}

const training = '/customvision/v3.3/training';
const own = '/ownsight/v1';

before(async () => {
  server = await startServer();
  owner = { training: server.trainingKey, prediction: server.predictionKey };
  const [first, ...leaving] = await Promise.all(['stranger', 'leaving', 'leaving too', 'gone'].map(createAccount));
  stranger = first!;
  revoked = { training: stranger.keys.training.secondary, prediction: stranger.keys.prediction.secondary };
  for (const purpose of ['training', 'prediction'] as const) {
    const path = `${own}/account/keys/${purpose}/secondary/rotation`;
    const { secret } = await done<{ secret: string }>(path, 'POST', stranger.keys.training.primary);
    stranger.keys[purpose].secondary = secret;
  }

  const key = owner.training;
  const { id: projectId } = await done<{ id: string }>(`${training}/projects?name=mine`, 'POST', key);
  const project = `${training}/projects/${projectId}`;
  const { id: tagId } = await done<{ id: string }>(`${project}/tags?name=mine`, 'POST', key);
  const [picture] = await samplePictures({ perClass: 1 });
  const uploaded = await done<{ images: { image: { id: string } }[] }>(
    `${project}/images`,
    'POST',
    key,
    picture!.bytes,
  );
  const pictureId = uploaded.images[0]!.image.id;
  const mine = `${own}/projects/${projectId}`;
  const trashed = await done<{ trash: { id: string } }>(`${mine}/images?imageIds=${pictureId}`, 'DELETE', key);
  const { id: goneId } = await done<{ id: string }>(`${project}/tags?name=gone`, 'POST', key);
  const erased = await done<{ receiptId: string }>(`${mine}/tags/${goneId}?now=true`, 'DELETE', key);
  const archive = await (await call(`${own}/takeout`, {}, { 'Training-Key': key })).arrayBuffer();
  const restore = await done<{ id: string }>(`${own}/restores`, 'POST', key, new Uint8Array(archive));
  const takeout = await done<{ id: string; link: string }>(`${own}/takeouts`, 'POST', key, {});
  const theirs = await done<{ link: string }>(`${own}/takeouts`, 'POST', stranger.keys.training.primary, {});
  const [left, others, gone] = await Promise.all(
    leaving.map(({ keys }, n) =>
      done<{ receiptUrl: string; undoUrl: string }>(`${own}/account/deletion`, 'POST', keys.training.primary, {
        name: ['leaving', 'leaving too', 'gone'][n]!,
        undoDays: [5, 5, 0][n]!,
      }),
    ),
  );
  const { id: keyId } = await done<{ id: string }>(`${own}/account/keys`, 'POST', key, {
    name: 'a key',
    role: 'reader',
  });
  const pair = (right: string, others: string) => ({ right: new URL(right), others: new URL(others) });
  links = {
    ReadTakeout: pair(takeout.link, theirs.link),
    CollectReceipt: pair(gone!.receiptUrl, others!.receiptUrl),
    GetPendingAccountDeletion: pair(left!.undoUrl, others!.undoUrl),
    UndoAccountDeletion: pair(left!.undoUrl, others!.undoUrl),
  };
  ids = {
    projectId,
    tagId,
    iterationId: tagId,
    imageId: tagId,
    publishedName: 'mine',
    takeoutId: takeout.id,
    restoreId: restore.id,
    receiptId: erased.receiptId,
    trashId: trashed.trash.id,
    pictureId,
    keyId,
    domainId: '2e37d7fb-3a54-486a-b4d6-cfc369af0018',
    purpose: 'training',
    slot: 'primary',
  };
  samples = {
    notificationEmailAddress: 'owner@example.org',
    path: `i-${projectId.replaceAll('-', '')}/i-${tagId.replaceAll('-', '')}`,
    platform: 'ONNX',
    flavor: '',
  };
});

after(() => server?.stop());

/** Whether the answer is this refusal; else what was answered instead. */
async function refused(answer: Response, status: number, code: string): Promise<string | undefined> {
  const text = await answer.text();
  const right = answer.status === status && text.includes(`"${code}"`);
  return right ? undefined : `${answer.status} ${text.slice(0, 200)}`;
}

for (const { api, version, operations } of servedVersions)
  test(`${api} v${version}: no operation is opened by no key, an unknown, a revoked, or one of the other kind`, async () => {
    const purpose = keyPurposes[api];
    const other = purpose === 'training' ? 'prediction' : 'training';
    const header = keyHeaders[purpose];
    const keys: Record<string, Record<string, string>> = {
      none: {},
      empty: { [header]: '' },
      unknown: { [header]: 'f'.repeat(owner[purpose].length) },
      revoked: { [header]: revoked[purpose] },
      'of the other kind': { [header]: owner[other] },
      'of the other kind, as such': { [keyHeaders[other]]: owner[other] },
      'of the other kind, for either': { 'Ocp-Apim-Subscription-Key': owner[other] },
      'in the wrong header': { [keyHeaders[other]]: owner[purpose] },
    };
    const wrong: string[] = [];
    for (const operation of operations.filter((one) => !one.open)) {
      const [path, init] = requestOf(operation);
      for (const [name, key] of Object.entries(keys)) {
        const instead = await refused(await call(path, init, key), 401, 'Unauthorized');
        if (instead !== undefined) wrong.push(`${operation.id}, ${name}: ${instead}`);
      }
    }
    assert.deepEqual(wrong, []);
  });

for (const { api, version, operations } of servedVersions)
  for (const operation of operations.filter((one) => one.path.includes('{projectId}')))
    test(`${api} v${version} ${operation.id}: another account's project is not found`, async () => {
      const [path, init] = requestOf(operation);
      const purpose = keyPurposes[api];
      const answer = await call(path, init, { [keyHeaders[purpose]]: stranger.keys[purpose].primary });
      const text = await answer.text();
      assert.equal(answer.status, 404, text);
      assert.match(text, /^\{"[Cc]ode":"NotFoundProject"/);
    });

/** The parts of an address that name something of an account. */
const named = (path: string): string[] =>
  [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name!).filter((name) => !nobodys.includes(name));

const bodyNames = (body: VersionedOperation['body']): string[] =>
  body?.kind === 'json' ? Object.keys(body.schema.properties ?? {}) : [];

for (const { api, version, operations } of servedVersions)
  for (const operation of operations.filter((one) => !one.open && !one.path.includes('{projectId}'))) {
    const inBody = bodyNames(operation.body).includes('projectId');
    if (named(operation.path).length === 0 && !inBody) continue;
    test(`${api} v${version} ${operation.id}: what is another account's is not found, and stays`, async () => {
      for (const name of named(operation.path)) assert.ok(ids[name] !== undefined, `no sample for {${name}}`);
      const [path, init] = requestOf(operation);
      const key = { 'Training-Key': stranger.keys.training.primary };
      assert.equal(await refused(await call(path, init, key), 404, inBody ? 'NotFoundProject' : 'NotFound'), undefined);
      // The owner finds all of it, whatever the stranger has asked for.
      for (const one of operations.filter(({ method, open }) => method === 'GET' && !open))
        if (!one.path.includes('{projectId}') && named(one.path).length > 0) {
          const answer = await call(...requestOf(one), { 'Training-Key': owner.training });
          assert.equal(answer.status, 200, `${one.id}: ${await answer.text()}`);
        }
    });
  }

for (const { operations } of servedVersions)
  for (const { id, method, head } of operations.filter((one) => one.open && !forAll.includes(one.id)))
    test(`${id} is opened by its own link alone, not by a wrong one, another's, or a key`, async () => {
      const { right, others } = links[id] ?? assert.fail(`no link to ${id}`);
      const secret = (url: URL): string => url.searchParams.get('token') ?? assert.fail(`no token in ${url.pathname}`);
      const key = { 'Training-Key': stranger.keys.training.primary };
      for (const token of ['', 'wrong', `${secret(right)}x`, secret(right).slice(0, -1), secret(others)])
        for (const headers of [{}, key])
          for (const asked of head ? [method, 'HEAD'] : [method]) {
            const answer = await call(
              `${right.pathname}?${new URLSearchParams({ token })}`,
              { method: asked },
              headers,
            );
            assert.equal(answer.status, 404, `${asked} with ${token}: ${await answer.text()}`);
          }
      assert.equal((await call(right.pathname, { method }, key)).status, 400);
      const answer = await call(right.pathname + right.search, { method }, {});
      assert.equal(answer.status, 200, await answer.text());
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
