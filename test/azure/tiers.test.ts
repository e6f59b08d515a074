import assert from 'node:assert/strict';
import { test } from 'node:test';
import { newestClients } from '../fixtures/clients.ts';
import { runOwnsight, startServer, type TestServer } from '../fixtures/server.ts';
import { until } from '../fixtures/until.ts';

interface Refusal {
  readonly statusCode: number;
  readonly body: { readonly code: string; readonly message: string };
  readonly response: { readonly headers: { get(name: string): string | undefined } };
}
const refused = (promise: Promise<unknown>): Promise<Refusal> =>
  promise.then(
    () => assert.fail('expected a refusal'),
    (error: Refusal) => error,
  );

interface AccountInfo {
  readonly Quotas: {
    readonly Tier: string;
    readonly Projects: { readonly Total: number; readonly Used: number; readonly TimeUntilReset: string | null };
    readonly Predictions: { readonly Total: number; readonly Used: number; readonly TimeUntilReset: string | null };
    readonly PerProject: { readonly Tags: object; readonly Iterations: object; readonly Images: object }[];
  };
}
const get = async <T>(server: TestServer, path: string, key = server.trainingKey): Promise<T> => {
  const answer = await fetch(`${server.endpoint}${path}`, { headers: { 'Training-Key': key } });
  assert.equal(answer.status, 200, await answer.clone().text());
  return (await answer.json()) as T;
};
const info = async (server: TestServer) =>
  (await get<AccountInfo>(server, '/customvision/v1.2/Training/account')).Quotas;
const setTier = (server: TestServer, tier: string) =>
  fetch(`${server.endpoint}/ownsight/v1/account/quotas`, {
    method: 'PATCH',
    headers: { 'Training-Key': server.trainingKey },
    body: JSON.stringify({ tier }),
  });

test('an account held to a tier meets its limits with Azure’s codes, and GetAccountInfo tells of them', async (t) => {
  const server = await startServer({ env: { OWNSIGHT_TIER: 'F0' } });
  t.after(() => server.stop());
  const { training } = newestClients(server);
  const project = await training.createProject('One');
  await training.createProject('Two');
  const third = await refused(training.createProject('Three'));
  assert.deepEqual([third.statusCode, third.body.code], [400, 'BadRequestExceedProjectLimit']);
  assert.match(third.body.message, /at most 2 projects in the account, as its tier F0 allows/);
  await training.createTag(project.id!, 'a tag');
  const { Tier, Projects, Predictions, PerProject } = await info(server);
  assert.deepEqual([Tier, Projects], ['F0', { Total: 2, Used: 2, TimeUntilReset: null }]);
  assert.deepEqual([Predictions.Total, Predictions.Used], [10_000, 0]);
  assert.match(Predictions.TimeUntilReset!, /^P\d+DT\d+H\d+M\d+S$/);
  assert.deepEqual(
    PerProject.map(({ Tags, Iterations, Images }) => [Tags, Iterations, Images].map((one) => Object.values(one)))[0],
    [
      [50, 1, null],
      [20, 0, null],
      [5000, 0, null],
    ],
  );
  assert.equal((await get<{ tier: string }>(server, '/ownsight/v1/data')).tier, 'F0');
  // Whoever has the account cannot go beyond what the server says; whoever runs the server can.
  const looser = await setTier(server, 'S0');
  assert.equal(looser.status, 400);
  assert.match(await looser.text(), /expected F0 for tier but received \\"S0\\"/);
  const command = await runOwnsight(server.home, ['account', 'tier', '--set', 'Unlimited']);
  assert.match(command.output, /tier +Unlimited\nprojects +2\nstored predictions +0\n/);
  await training.createProject('Three');
  const unbound = await info(server);
  assert.deepEqual(
    [unbound.Tier, unbound.Projects, unbound.Predictions.TimeUntilReset],
    ['Unlimited', { Total: 2_147_483_647, Used: 3, TimeUntilReset: null }, null],
  );
  const stricter = await setTier(server, 'F0');
  assert.equal(stricter.status, 200);
  const { projects } = (await stricter.json()) as { projects: object };
  assert.deepEqual(projects, { total: 2, used: 3 });
});

test('calls in a second: none are counted without a tier; beyond those of a tier 429 says how long to wait', async (t) => {
  const server = await startServer();
  t.after(() => server.stop());
  const { training } = newestClients(server);
  const { id = '' } = await training.createProject('Calls');
  const train = () =>
    fetch(`${server.endpoint}/customvision/v3.3/training/projects/${id}/train`, {
      method: 'POST',
      headers: { 'Training-Key': server.trainingKey },
    });
  const many = async (count: number) => Promise.all(Array.from({ length: count }, train));
  assert.deepEqual([...new Set((await many(100)).map(({ status }) => status))], [400]);
  assert.equal((await setTier(server, 'F0')).status, 200);
  const answers = await many(6);
  assert.ok(answers.filter(({ status }) => status === 429).length >= 3, String(answers.map(({ status }) => status)));
  const late = answers.find(({ status }) => status === 429)!;
  assert.equal(late.headers.get('retry-after'), '1');
  const body = (await late.json()) as { code: string; message: string; error: object };
  assert.equal(body.code, 'TooManyRequests');
  assert.match(body.message, /at most 2 calls of this kind in a second, as the account's tier F0 allows/);
  assert.deepEqual(body.error, { code: '429', message: body.message });
  // Other calls are counted apart, and those of our own API not at all.
  assert.equal((await training.getProject(id)).name, 'Calls');
  await Promise.all(Array.from({ length: 30 }, () => get(server, '/ownsight/v1/trash')));
  await until(
    async () => (await train()).status,
    (status) => status === 400,
    10,
  );
  // Microsoft's client does not try again by itself: its user sees the code, and how long to wait.
  const asked = await Promise.allSettled(Array.from({ length: 15 }, () => training.getTags(id)));
  const tooMany = asked.flatMap((one) => (one.status === 'rejected' ? [one.reason as Refusal] : []));
  assert.ok(tooMany.length > 0);
  for (const { statusCode, body: told, response } of tooMany)
    assert.deepEqual([statusCode, told.code, response.headers.get('Retry-After')], [429, 'TooManyRequests', '1']);
});
