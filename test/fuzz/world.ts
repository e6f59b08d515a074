import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { samplePictures } from '../../scripts/samples.ts';
import type { Access } from '../fixtures/clients.ts';
import { runOwnsight, startServer, type TestServer } from '../fixtures/server.ts';
import { temporaryFolder } from '../fixtures/stores.ts';
import { trainAccount } from '../fixtures/trained-account.ts';
import type { Attempt, Route } from './attempt.ts';

/** A server with two accounts: what is sent comes from one, and must show nothing of the other. */
export interface World {
  readonly server: TestServer;
  /** A picture to send. */
  readonly picture: Buffer;
  /** What fills in the marks of an attempt. */
  filling(route: Route, attempt: Attempt): (text: string) => string;
  /** Plants anew what was deleted, and looks up what has come. */
  tend(): Promise<void>;
  /** Texts and ids of the other account that are in `said` although they were not in `asked`. */
  leaked(said: Buffer, asked: readonly (Buffer | number)[]): string[];
}

/** Ids by the names that parameters have for them. */
type Ids = Readonly<Record<string, readonly string[]>>;

const training = '/customvision/v3.4-preview/training';
const own = '/ownsight/v1';
/** Text that the other account's things have and nothing else. */
const canary = 'kanarie-Xq7';

/** Starts the server. `trained`: both accounts have trained and published projects as well, which takes seconds. */
export async function openWorld(t: Pick<TestContext, 'after'>, trained: boolean): Promise<World> {
  const home = join(temporaryFolder(t), 'data');
  const server = await startServer({ home, env: { NODE_OPTIONS: '--inspect=127.0.0.1:0' } });
  t.after(() => server.kill());
  const made = await runOwnsight(home, ['account', 'create', canary, '--json']);
  assert.equal(made.code, 0, made.output);
  const { keys } = JSON.parse(made.output) as { keys: Record<'training' | 'prediction', { primary: string }> };
  const other: Access = {
    endpoint: server.endpoint,
    trainingKey: keys.training.primary,
    predictionKey: keys.prediction.primary,
  };
  const pictures = (await samplePictures({ perClass: 2 })).map(({ bytes }) => bytes);
  const marked = pictures.map((bytes) => Buffer.concat([bytes, Buffer.from(canary)]));
  const projects = { own: [''], others: [await plant(other, canary, marked)] };
  const further = trained ? [await trainAccount(server), await trainAccount(other)] : [];
  projects.own.push(...further.slice(0, 1).flatMap((one) => [one.projectId, one.detectionId]));
  projects.others.push(...further.slice(1).flatMap((one) => [one.projectId, one.detectionId]));
  await ask(other, 'DELETE', `${own}/projects/${await plant(other, `${canary} gone`, marked)}`);
  await ask(other, 'POST', `${own}/takeouts`, '{}');

  const others = { ...(await ofAccount(other)), ...(await ofProject(other, projects.others[0]!)) };
  const places: Ids[] = [];
  // A tier that somebody set would refuse what is planted.
  const free = () => ask(server, 'PATCH', `${own}/account/quotas`, '{"tier":"Unlimited"}');
  const plantMine = () => plant(server, `mine ${crypto.randomUUID()}`, pictures);
  const tend = async () => {
    await free();
    const known = await ask(server, 'GET', `${training}/projects/${projects.own[0] || crypto.randomUUID()}`);
    if (!known.ok) projects.own[0] = await plantMine().catch(() => free().then(plantMine));
    const account = await ofAccount(server);
    for (const [n, projectId] of projects.own.entries())
      places[n] = { ...account, ...(await ofProject(server, projectId)) };
  };
  await tend();
  const mine = new Set(Object.values(places).flatMap((ids) => Object.values(ids).flat()));
  const secrets = [canary, ...Object.values(others).flat()].filter((one) => one.length > 8 && !mine.has(one));
  return {
    server,
    picture: pictures[0]!,
    filling({ erases }, { path }) {
      // All of one address is of one project; what is deleted is of that which is planted anew.
      const chosen = Number(/<own projectId (\d+)>/.exec(path.join('/'))?.[1] ?? 0);
      const ids = places[erases ? 0 : chosen % places.length]!;
      const one = (list: readonly string[] | undefined, pick: number): string =>
        list?.[pick % list.length] ?? '00000000-0000-0000-0000-000000000000';
      return (text) =>
        text
          .replaceAll(/<own (\w+) (\d+)>/g, (_, name: string, pick: string) => one(ids[name], Number(pick)))
          .replaceAll(/<others (\w+)>/g, (_, name: string) => one(others[name as keyof typeof others], 0))
          .replaceAll('<picture>', pictures.at(-1)!.toString('base64'));
    },
    tend,
    leaked(said, asked) {
      const sent = Buffer.concat(asked.filter((piece) => typeof piece !== 'number'))
        .toString()
        .toLowerCase();
      return secrets.filter((secret) => said.includes(secret) && !sent.includes(secret.toLowerCase()));
    },
  };
}

/** A request that is right. */
async function ask(
  access: Access,
  method: string,
  path: string,
  body?: string,
): Promise<{ ok: boolean; text: string }> {
  const answer = await fetch(`${access.endpoint}${path}`, {
    method,
    headers: { 'Training-Key': access.trainingKey, ...(body && { 'Content-Type': 'application/json' }) },
    ...(body === undefined ? {} : { body }),
  });
  return { ok: answer.ok, text: await answer.text() };
}

/** Makes a project with tags, pictures and metadata; its id. */
async function plant(access: Access, name: string, pictures: readonly Buffer[]): Promise<string> {
  const make = async <T>(path: string, body?: object): Promise<T> => {
    const { ok, text } = await ask(access, 'POST', path, body && JSON.stringify(body));
    assert.ok(ok, `${path}: ${text}`);
    return JSON.parse(text) as T;
  };
  const described = `name=${encodeURIComponent(name)}&description=${encodeURIComponent(name)}`;
  const { id } = await make<{ id: string }>(`${training}/projects?${described}`);
  const project = `${training}/projects/${id}`;
  const tag = await make<{ id: string }>(`${project}/tags?${described}`);
  await make(`${project}/tags?name=spare`);
  await make(`${project}/images/files`, {
    images: pictures.map((bytes) => ({ name, contents: bytes.toString('base64') })),
    tagIds: [tag.id],
    metadata: { name },
  });
  return id;
}

/** All that is found in an account beside its projects. */
async function ofAccount(access: Access): Promise<Ids> {
  const list = async (path: string): Promise<string[]> => idsIn((await ask(access, 'GET', path)).text);
  const receiptId = await list(`${own}/receipts`);
  return {
    takeoutId: await list(`${own}/takeouts`),
    restoreId: await list(`${own}/restores`),
    trashId: await list(`${own}/trash`),
    receiptId,
    deletionId: receiptId,
    domainId: ['2e37d7fb-3a54-486a-b4d6-cfc369af0018', 'da2e3a8a-40a5-4171-82f4-58522f70fbc1'],
    // The key that the requests come with is not replaced.
    purpose: ['training', 'prediction'],
    slot: ['secondary'],
    publishedName: ['live'],
    trainingKey: [access.trainingKey],
    predictionKey: [access.predictionKey],
  };
}

async function ofProject(access: Access, projectId: string): Promise<Ids> {
  const list = async (path: string): Promise<string[]> =>
    idsIn((await ask(access, 'GET', `${training}/projects/${projectId}/${path}`)).text);
  const imageId = await list('images?take=5');
  return {
    projectId: [projectId],
    tagId: await list('tags'),
    iterationId: await list('iterations'),
    imageId,
    pictureId: imageId,
    id: imageId,
  };
}

const idsIn = (text: string): string[] =>
  [...text.matchAll(/"(?:id|receiptId)":"([0-9a-f-]{36})"/g)].map(([, id]) => id!);
