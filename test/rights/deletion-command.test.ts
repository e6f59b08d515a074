import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { runOwnsight, startServer, type TestServer } from '../fixtures/server.ts';
import { until } from '../fixtures/until.ts';
import { client, noise } from '../forensic/victim.ts';

let server: TestServer;
let ask: ReturnType<typeof client>['ask'];
let json: ReturnType<typeof client>['json'];

before(async () => {
  server = await startServer();
  ({ ask, json } = client(server));
});
after(() => server?.stop());

test('the command tells of each deletion what its operation tells, in words or as JSON, and changes nothing', async () => {
  const training = '/customvision/v3.3/training/projects';
  const project = (await json<{ id: string }>('POST', `${training}?name=shown`)).id;
  const tag = (await json<{ id: string }>('POST', `${training}/${project}/tags?name=one`)).id;
  const contents = (await noise()).toString('base64');
  await json('POST', `${training}/${project}/images/files`, { images: [{ contents, tagIds: [tag] }] });
  const [image] = await json<{ id: string }[]>('GET', `${training}/${project}/images`);
  const ofProject = `/ownsight/v1/projects/${project}`;
  await until(
    () => json<{ kinds: { kind: string }[] }>('GET', `${ofProject}/deletion`),
    ({ kinds }) => kinds.some(({ kind }) => kind === 'image_features'),
  );
  const cases: [path: string, options: string[]][] = [
    [`${ofProject}/deletion`, []],
    [`${ofProject}/tags/${tag}/deletion`, ['--tag', tag]],
    [`${ofProject}/images/deletion?allImages=true`, ['--images', 'all']],
    [`${ofProject}/images/deletion?imageIds=${image!.id}`, ['--images', image!.id.toUpperCase()]],
  ];
  for (const [path, options] of cases) {
    const { kinds, total } = await json<{ kinds: object[]; total: { count: number } }>('GET', path);
    const told = await runOwnsight(server.home, ['deletion', '--project', project, ...options, '--json']);
    const read = JSON.parse(told.output) as { kinds: object[]; total: object };
    assert.deepEqual([read.kinds, read.total], [kinds, total], path);
    assert.ok(total.count > 0);
  }
  const words = await runOwnsight(server.home, ['deletion', '--project', project]);
  assert.match(words.output, /^\d+ things, .* would be removed for good:\n.* 1 {2}/);
  assert.equal((await ask('GET', `${training}/${project}`)).status, 200);
  const refused = await runOwnsight(server.home, ['deletion', '--tag', tag]);
  assert.match(refused.output, /expected --project/);
  assert.equal(refused.code, 1);
});
