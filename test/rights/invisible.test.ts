/** What is deleted is seen by no request that begins after the deletion was answered, however many read meanwhile. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { OperationId } from '../../src/contract/operation.ts';
import { servedVersions } from '../../src/contract/served.ts';
import { startServer, type TestServer } from '../fixtures/server.ts';
import { type TrainedAccount, trainAccount } from '../fixtures/trained-account.ts';
import { until } from '../fixtures/until.ts';

const readers = 50;
/** How long it is read after the deletion, ms; and at least until everything was read once more. */
const afterwards = 1000;

/** They tell what was done, by ids, or take minutes. That nothing deleted is in an archive: takeout.test.ts. */
const notRead: readonly OperationId[] = [
  'GetAudit',
  'ListReceipts',
  'GetReceipt',
  'GetTakeout',
  'GetProjectTakeout',
  'ReadTakeout',
];

let server: TestServer;
let account: TrainedAccount;
before(async () => {
  server = await startServer();
  account = await trainAccount(server);
});
after(() => server?.stop());

/** One way to look at something: what it is called, and whether it shows it now. */
interface Look {
  readonly name: string;
  shows(): Promise<boolean>;
}

/** What is deleted: its id, the ids it is found by, links to it, and how it goes. */
interface Target {
  readonly id: string;
  readonly ids: Readonly<Record<string, string>>;
  readonly links: readonly string[];
  /** Predictions under this project and name show it, too. */
  readonly predicts?: { readonly projectId: string; readonly name: string };
  readonly counts?: true;
  /** Answers that were given and stored name it, and go on doing so until they go themselves. */
  readonly named?: true;
  remove(): Promise<unknown>;
}

const keys = () => ({ 'Training-Key': server.trainingKey, 'Prediction-Key': server.predictionKey });
const ask = (path: string, init: RequestInit = {}): Promise<Response> =>
  fetch(path.startsWith('http') ? path : server.endpoint + path, { ...init, headers: { ...keys(), ...init.headers } });

/** Every reading operation of every version that the ids lead to, with each optional id in the query and without. */
function addresses(ids: Target['ids']): string[] {
  return servedVersions.flatMap(({ operations }) =>
    operations
      .filter(({ id, method }) => method === 'GET' && !notRead.includes(id))
      .flatMap(({ path, query }) => {
        const whole = path.replace(/\{(\w+)\}/g, (part, name: string) => ids[name] ?? part);
        if (whole.includes('{')) return [];
        const named = Object.keys(query.properties ?? {}).filter((name) => ids[name] !== undefined);
        const bare = `${whole}?`;
        return [bare, ...named.map((name) => `${bare}${name}=${ids[name]}`)];
      }),
  );
}

async function looksAt(target: Target): Promise<Look[]> {
  const { id, ids, links, predicts, counts } = target;
  const forms = [id, id.replaceAll('-', ''), ...links.map((link) => new URL(link).pathname)];
  const body = async (response: Response): Promise<string> => {
    const text = await response.text();
    assert.ok(response.status < 500, `${response.url}: ${response.status} ${text}`);
    return response.ok ? text : '';
  };
  const looks: Look[] = [];
  for (const path of addresses(ids)) {
    const first = await body(await ask(path));
    // The picture is one of the workspace's, and carries a tag: of the others' counts it changes nothing.
    const counted = counts && /^\d+$/.test(first) && !/iterationId=|performance|untagged/.test(path);
    const shown = (text: string): boolean => (counted ? text === first : forms.some((form) => text.includes(form)));
    looks.push({ name: path, shows: async () => shown(await body(await ask(path))) });
  }
  for (const link of links)
    looks.push({ name: link.replace(/\?.*/, ''), shows: async () => (await body(await ask(link))) !== '' });
  const { projectId: of } = ids;
  for (const { operations } of target.named ? [] : servedVersions)
    for (const { path } of operations.filter((one) => one.id === 'QueryPredictions')) {
      const url = path.replace('{projectId}', of!);
      const init = { method: 'POST', body: '{}', headers: { 'Content-Type': 'application/json' } };
      const shown = async () => (await body(await ask(url, init))).includes(id);
      looks.push({ name: url, shows: shown });
    }
  for (const version of predicts === undefined ? [] : ['3.0', '3.1']) {
    const { projectId, name } = predicts!;
    const path = `/customvision/v${version}/prediction/${projectId}/classify/iterations/${name}/image/nostore`;
    const init = { method: 'POST', body: account.unseen, headers: { 'Content-Type': 'application/octet-stream' } };
    looks.push({ name: path, shows: async () => (await body(await ask(path, init))) !== '' });
  }
  const shown = await Promise.all(looks.map(async (look) => ((await look.shows()) ? [look] : [])));
  return shown.flat();
}

async function removeUnderReaders(target: Target, say: (line: string) => void): Promise<void> {
  const looks = await looksAt(target);
  assert.ok(looks.length >= target.links.length + 3, `only ${looks.map((look) => look.name)} show it`);
  const sights: { name: string; begun: number; ended: number }[] = [];
  let [turn, gone, read] = [0, Number.POSITIVE_INFINITY, 0];
  const reading = Promise.all(
    Array.from({ length: readers }, async () => {
      while (performance.now() < gone + afterwards || read < looks.length) {
        const look = looks[turn++ % looks.length]!;
        const begun = performance.now();
        if (await look.shows()) sights.push({ name: look.name, begun, ended: performance.now() });
        if (begun > gone) read++;
      }
    }),
  );
  await until(
    async () => sights.length,
    (seen) => seen >= readers,
  );
  await target.remove();
  gone = performance.now();
  await reading;
  const late = sights.filter(({ begun }) => begun > gone).map(({ name }) => name);
  assert.deepEqual([...new Set(late)], [], 'requests that began after the deletion was answered, and saw it');
  const longest = Math.max(0, ...sights.map(({ ended }) => ended - gone));
  say(
    `${looks.length} ways to see it, ${sights.length} sights; the last answer that showed it came after ${longest.toFixed(0)} ms`,
  );
}

/** The links in what the API says of the one thing with this id. */
const linksIn = (thing: object): string[] =>
  Object.entries(thing).flatMap(([name, value]) => (/Uri$/.test(name) && typeof value === 'string' ? [value] : []));

test('nobody sees a picture, an export, a prediction, an iteration, a tag or a project after its deletion was answered', async (t) => {
  const { clients, projectId, iterationId } = account;
  const { training, prediction } = clients;
  const say = (line: string): void => t.diagnostic(line);
  // Something trains all the while.
  const begun = await training.trainProject(projectId, { forceTrain: true });
  const trained = () =>
    until(
      () => training.getIteration(projectId, begun.id!),
      (one) => one.status !== 'Training',
    );

  const [image] = await training.getImages(projectId, { take: 1 });
  await removeUnderReaders(
    {
      id: image!.id!,
      ids: { projectId, iterationId, imageIds: image!.id! },
      links: linksIn(image!),
      counts: true,
      remove: () => training.deleteImages(projectId, { imageIds: [image!.id!], allIterations: true }),
    },
    say,
  );
  await trained();

  await prediction.classifyImage(projectId, 'live', account.unseen);
  const [stored] = (await training.queryPredictions(projectId, {})).results!;
  await removeUnderReaders(
    {
      id: stored!.id!,
      ids: { projectId, ids: stored!.id! },
      links: linksIn(stored!),
      remove: () => training.deletePrediction(projectId, [stored!.id!]),
    },
    say,
  );

  const [exported] = await training.getExports(projectId, iterationId);
  const exports = `/ownsight/v1/projects/${projectId}/iterations/${iterationId}/exports`;
  const foretold = await ask(`/ownsight/v1/projects/${projectId}/iterations/${iterationId}/deletion`);
  const [{ exportId }] = ((await foretold.json()) as { exports: [{ exportId: string }] }).exports;
  await removeUnderReaders(
    {
      id: exportId,
      ids: { projectId, iterationId, exportId },
      links: linksIn(exported!),
      remove: async () =>
        assert.equal((await ask(`${exports}/${exportId}?now=true`, { method: 'DELETE' })).status, 200),
    },
    say,
  );

  const [tag] = await training.getTags(projectId);
  await removeUnderReaders(
    {
      id: tag!.id!,
      ids: { projectId, tagId: tag!.id!, tagIds: tag!.id! },
      links: [],
      named: true,
      remove: () => training.deleteTag(projectId, tag!.id!),
    },
    say,
  );

  await removeUnderReaders(
    {
      id: iterationId,
      ids: { projectId, iterationId },
      links: [],
      named: true,
      predicts: { projectId, name: 'live' },
      remove: async () => {
        await training.unpublishIteration(projectId, iterationId);
        await training.deleteIteration(projectId, iterationId);
      },
    },
    say,
  );

  const images = await training.getImages(projectId, { take: 3 });
  await training.publishIteration(projectId, begun.id!, 'again', 'resource');
  await removeUnderReaders(
    {
      id: projectId,
      ids: { projectId, iterationId: begun.id!, imageIds: images[0]!.id! },
      links: images.flatMap(linksIn),
      predicts: { projectId, name: 'again' },
      remove: () => training.deleteProject(projectId),
    },
    say,
  );
});
