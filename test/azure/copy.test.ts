/** ExportProject and ImportProject: into another account of the same server, and of another one. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { TrainingAPIModels } from '@azure/cognitiveservices-customvision-training';
import { type Access, type Clients, newestClients } from '../fixtures/clients.ts';
import { heldRoad } from '../fixtures/held-road.ts';
import { runOwnsight, startServer, type TestServer } from '../fixtures/server.ts';
import { type TrainedAccount, trainAccount } from '../fixtures/trained-account.ts';
import { until } from '../fixtures/until.ts';

let here: TestServer;
let there: TestServer;
let account: TrainedAccount;
let second: Access;

const allowed = { OWNSIGHT_ALLOW_NETWORKS: '127.0.0.0/8' };

before(async () => {
  [here, there] = await Promise.all([startServer(), startServer({ env: allowed })]);
  account = await trainAccount(here);
  const made = await runOwnsight(here.home, ['account', 'create', 'second', '--json']);
  const { keys } = JSON.parse(made.output);
  second = { endpoint: here.endpoint, trainingKey: keys.training.primary, predictionKey: keys.prediction.primary };
});
after(async () => {
  await Promise.all([here?.stop(), there?.stop()]);
});

/** Waits until an import has ended, and returns the project. */
const ended = ({ training }: Clients, id: string): Promise<TrainingAPIModels.Project> =>
  until(
    () => training.getProject(id),
    (project) => project.status !== 'Importing',
  );

/** What a training key of `access` gets. */
const ask = async (access: Access, path: string, method = 'GET') => {
  const answer = await fetch(access.endpoint + path, { method, headers: { 'Training-Key': access.trainingKey } });
  const text = await answer.text();
  return { status: answer.status, body: text === '' ? undefined : JSON.parse(text) };
};
const token = async (access: Access, projectId: string): Promise<string> =>
  (await ask(access, `/customvision/v3.2/training/projects/${projectId}/export`)).body.token;
const importing = (access: Access, of: string, version = '3.3', more = '') =>
  ask(access, `/customvision/v${version}/training/projects/import?token=${encodeURIComponent(of)}${more}`, 'POST');
const entriesOf = async (access: Access, action: string) =>
  (await ask(access, '/ownsight/v1/audit')).body.entries.filter((one: { action: string }) => one.action === action);

/** What is said of a project's content by everything that carries a name: ids and links are others in a copy. */
async function content({ training }: Clients, projectId: string) {
  const [tags, images, iterations] = await Promise.all([
    training.getTags(projectId),
    training.getImages(projectId, { take: 256 }),
    training.getIterations(projectId),
  ]);
  const iteration = iterations[0];
  const learned = iteration && {
    ...{ name: iteration.name, status: iteration.status, trainedAt: iteration.trainedAt, domainId: iteration.domainId },
    performance: await training.getIterationPerformance(projectId, iteration.id!, { threshold: 0.5 }),
    results: await training.getImagePerformances(projectId, iteration.id!, { take: 256 }),
    kept: (await training.getImages(projectId, { iterationId: iteration.id!, take: 256 })).length,
  };
  const told = JSON.stringify({ tags, images, learned }, (name, value) =>
    /^(id|tagId|regionId|imageId|\w+Uri|imageUri)$/.test(name) ? undefined : value,
  );
  const sorted = (list: { created: string }[]) => list.sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
  const { tags: names, images: pictures, ...rest } = JSON.parse(told);
  return { tags: sorted(names), images: sorted(pictures), ...rest };
}

test('into another account of the same server: new ids, the same content, and the same answers to the last bit', async () => {
  const { clients, projectId, iterationId, unseen } = account;
  const exported = await clients.training.exportProject(projectId);
  const { token: own, estimatedImportTimeInMS, ...counts } = exported;
  assert.deepEqual(counts, { iterationCount: 1, imageCount: 17, tagCount: 3, regionCount: 0 });
  assert.ok(estimatedImportTimeInMS! > 0);
  assert.match(own!, new RegExp(`^${here.endpoint}/prjexp-[0-9a-f]{32}/project-export-info\\?sv=`));

  const target = newestClients(second);
  const begun = await target.training.importProject(own!);
  assert.equal(begun.status, 'Importing');
  assert.equal(begun.name, 'Things, "quoted" & ção (1)');
  const done = await ended(target, begun.id!);
  assert.equal(done.status, 'Succeeded');
  assert.equal(done.description, 'três coisas');
  assert.notEqual(done.id, projectId);
  assert.deepEqual(await content(target, done.id!), await content(clients, projectId));

  const [copy] = await target.training.getIterations(done.id!);
  assert.notEqual(copy!.id, iterationId);
  assert.deepEqual([copy!.publishName, copy!.originalPublishResourceId], [null, null]);
  assert.deepEqual(await target.training.getExports(done.id!, copy!.id!), []);
  assert.deepEqual((await target.training.queryPredictions(done.id!, {})).results, []);
  await target.training.publishIteration(done.id!, copy!.id!, 'copy', 'resource');
  const answers = async (prediction: Clients['prediction'], project: string, name: string) =>
    (await prediction.classifyImageWithNoStore(project, name, unseen)).predictions!.map((one) => [
      one.tagName,
      one.probability,
    ]);
  assert.deepEqual(
    await answers(target.prediction, done.id!, 'copy'),
    await answers(clients.prediction, projectId, 'live'),
  );
  assert.equal((await target.training.trainProject(done.id!)).name, 'Iteration 2');

  const twice = await target.training.importProject(own!);
  assert.equal(twice.name, 'Things, "quoted" & ção (2)');
  await ended(target, twice.id!);
  assert.equal((await importing(second, own!, '3.3', '&name=Mine')).body.name, 'Mine');
  assert.equal((await importing(second, own!, '3.3', '&name=mine')).body.code, 'BadRequestProjectNameNotUnique');
  assert.equal((await importing(second, own!, '3.2', '&name=Mine')).body.name, 'Things, "quoted" & ção (3)');

  assert.ok(
    (await entriesOf(here, 'project-exported')).some((one: { projectId: string }) => one.projectId === projectId),
  );
  assert.ok((await entriesOf(here, 'project-copied')).length >= 2);
  const [entry] = await entriesOf(second, 'project-imported');
  assert.deepEqual([entry.projectId, entry.detail], [done.id, { images: 17, leftOut: 0 }]);
});

test('into another server: regions, a restart in the midst, a deletion in the midst, and nothing half there', async (t) => {
  const road = await heldRoad(t, here.endpoint);
  const by = (of: string): string => of.replace(here.endpoint, road.endpoint);
  const clients = newestClients(there);
  const [own, boxes] = [await token(here, account.projectId), await token(here, account.detectionId)];

  const { body } = await importing(there, by(boxes), '3.2');
  const copied = await ended(clients, body.id);
  assert.deepEqual([copied.status, copied.name], ['Succeeded', 'Where (1)']);
  const told = await content(clients, copied.id!);
  assert.equal(told.images.filter((one: { regions?: unknown[] }) => one.regions?.length === 1).length, 3);
  assert.deepEqual(told, await content(account.clients, account.detectionId));

  road.hold(100_000);
  const begun = (await importing(there, by(own))).body;
  assert.equal(begun.status, 'Importing');
  await until(
    async () => road.held(),
    (held) => held === 1,
  );
  const path = `/customvision/v3.3/training/projects/${begun.id}`;
  for (const [method, what] of [
    ['GET', '/tags'],
    ['POST', '/tags?name=x'],
    ['GET', '/images'],
    ['POST', '/train'],
    ['GET', '/export'],
  ])
    assert.deepEqual(
      await ask(there, path + what, method).then(({ status, body }) => [status, body.code]),
      [409, 'Conflict'],
      `${method} ${what}`,
    );
  const renamed = await clients.training.updateProject(begun.id, { name: 'Renamed', description: '', settings: {} });
  assert.deepEqual([renamed.name, renamed.status, renamed.thumbnailUri], ['Renamed', 'Importing', null]);
  assert.equal((await ask(there, '/ownsight/v1/data')).status, 200);

  // One that is deleted is not brought any further.
  const other = (await importing(there, by(own), '3.3', '&name=Other')).body;
  await clients.training.deleteProject(begun.id);
  await until(
    async () => road.held(),
    (held) => held === 1,
  );
  assert.equal((await ask(there, path)).status, 404);

  const { home } = there;
  await there.kill();
  road.go();
  there = await startServer({ home, env: allowed });
  const again = newestClients(there);
  assert.equal((await ended(again, other.id)).status, 'Succeeded');
  assert.deepEqual(await content(again, other.id), await content(account.clients, account.projectId));
  assert.deepEqual((await again.training.getProjects()).map((one) => one.name).sort(), ['Other', 'Where (1)']);
  const account2 = readdirSync(join(home, 'blobs', there.account));
  assert.deepEqual(account2.sort(), [copied.id, other.id].sort(), 'files of nothing else are left');

  // The token is nowhere in the clear: not in what was written to the logs, not in the data.
  const secret = new URL(own).searchParams.get('sig')!;
  for (const file of ['ownsight.db', 'ownsight.db-wal'])
    assert.ok(!readFileSync(join(home, file)).includes(secret), file);
  for (const server of [here, there]) assert.ok(!server.output().includes(secret));
});

test('tokens that are wrong, ended or lead nowhere are refused, and nothing is made', async (t) => {
  const refused = async (access: Access, of: string) => {
    const { status, body } = await importing(access, of);
    return [status, body.code];
  };
  const invalid = [400, 'BadRequestInvalidImportToken'];
  const projects = async () => (await ask(there, '/customvision/v3.3/training/projects')).body.length;
  const own = await token(here, account.detectionId);
  const before = await projects();
  const sig = new URL(own).searchParams.get('sig')!;
  const end = encodeURIComponent(new URL(own).searchParams.get('se')!);
  for (const bad of [
    'x',
    'http://',
    'file:///etc/passwd',
    `${here.endpoint}/`,
    own.replace('project-export-info', 'project-export-archive'),
  ])
    assert.deepEqual(await refused(there, bad), invalid, bad);
  assert.deepEqual(await refused(there, own.replace(sig, sig.toLowerCase())), invalid);
  assert.deepEqual(await refused(there, own.replace(end, '2999-01-01T00%3A00%3A00Z')), invalid);
  assert.deepEqual(
    await refused(there, own.replace(/prjexp-\w+/, `prjexp-${account.projectId.replaceAll('-', '')}`)),
    invalid,
  );
  const { body } = await importing(
    here,
    await token(there, (await newestClients(there).training.createProject('Empty')).id!),
  );
  assert.equal(body.code, 'BadRequestInvalidImportToken');
  assert.match(body.message, /OWNSIGHT_ALLOW_NETWORKS/);
  assert.ok(!body.message.includes('127.0.0.1'));
  const road = await heldRoad(t, here.endpoint);
  assert.deepEqual(
    await refused(there, own.replace(here.endpoint, road.endpoint).replace(/prjexp-.*info/, 'docs')),
    invalid,
  );
  assert.deepEqual(await refused(there, own.replace(here.endpoint, 'http://127.0.0.1:1')), [
    502,
    'ErrorProjectImportRequestFailed',
  ]);
  assert.equal((await ask(there, '/customvision/v3.3/training/projects/import', 'POST')).status, 400);

  // It ends with the key that asked for it, and with the project.
  const temporary = await newestClients(second).training.createProject('Temporary');
  const ending = await token(second, temporary.id!);
  assert.equal((await fetch(ending)).status, 200);
  await ask(second, `/customvision/v3.3/training/projects/${temporary.id}`, 'DELETE');
  assert.equal((await fetch(ending)).status, 403);
  const rotating = await token(second, (await newestClients(second).training.createProject('Rotating')).id!);
  assert.equal((await fetch(rotating)).status, 200);
  await ask(second, '/ownsight/v1/account/keys/training/primary/rotation', 'POST');
  assert.equal((await fetch(rotating)).status, 403);
  assert.deepEqual(await refused(there, rotating), invalid);
  assert.equal(await projects(), before + 1);
});
