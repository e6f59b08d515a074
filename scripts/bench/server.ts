import { readFileSync } from 'node:fs';
import { startServer, type TestServer } from '../../test/fixtures/server.ts';
import { until } from '../../test/fixtures/until.ts';
import { inTurns, limitRow, median, type Row, ratioRow } from './compare.ts';
import { distinct } from './distinct.ts';
import { startSide } from './side.ts';
import type { LoadResult, LoadTask } from './sides/load.ts';
import { whileLearningRows } from './while-learning.ts';

const classes = 20;

/** Everything that goes through the server as its users reach it, and its memory. */
export async function serverRows(files: readonly string[], rounds: number): Promise<Row[]> {
  const server = await startServer();
  const load = await startSide('load', undefined);
  const run = (task: LoadTask) => load.round<LoadResult>(task);
  const pictures = files.map((file) => readFileSync(file));
  const { ask, address } = client(server);
  const rows: Row[] = [];
  try {
    const idle = await settledMemory(server.pid);
    const project = await ask('POST', '/projects?name=Bench&classificationType=Multiclass');
    const tags: string[] = [];
    for (let n = 0; n < classes; n++) tags.push((await ask('POST', `/projects/${project.id}/tags?name=${n}`)).id);

    rows.push(await tagRow(server, run, `/projects/${project.id}/tags/${tags[0]}`, address, rounds));
    rows.push(await uploadRow(run, files, pictures, ask, address, server.trainingKey, rounds));

    for (let n = 0; n < 1000; n += 50) {
      const images = Array.from({ length: 50 }, (_, at) => ({
        contents: distinct(pictures[(n + at) % pictures.length]!, n + at).toString('base64'),
        tagIds: [tags[(n + at) % classes]!],
      }));
      await ask('POST', `/projects/${project.id}/images/files`, { images });
    }
    const tagUrl = `${address}/projects/${project.id}/tags/${tags[0]}`;
    const { peak, p99, iteration } = await training(server, run, tagUrl, ask, project.id);
    await ask('POST', `/projects/${project.id}/iterations/${iteration}/publish?publishName=bench&predictionId=here`);
    rows.push(...(await predictRows(server, run, files, pictures, project.id, rounds)));
    const tag = { url: tagUrl, method: 'GET', headers: { 'Training-Key': server.trainingKey }, clients: 1 };
    const meanwhile = { tag, classify: { ...classifyTask(server, project.id), bodies: pictures } };
    rows.push(...(await whileLearningRows(server, run, ask, pictures, meanwhile)));
    rows.push(limitRow('other requests while training, p99', p99, 50, 'ms'));
    rows.push(limitRow('memory of the idle server', idle, 250, 'MB'));
    rows.push(limitRow('memory while training 1,000 pictures', peak, 1200, 'MB'));
  } finally {
    await load.stop();
    await server.stop();
  }
  return rows;
}

type Ask = (method: string, path: string, body?: unknown) => Promise<{ id: string; status: string }>;
type Run = (task: LoadTask) => Promise<LoadResult>;

function client(server: TestServer): { ask: Ask; address: string } {
  const address = `${server.endpoint}/customvision/v3.3/training`;
  return {
    address,
    async ask(method, path, body) {
      const response = await fetch(address + path, {
        method,
        headers: {
          'Training-Key': server.trainingKey,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const text = await response.text();
      if (response.status !== 200) throw new Error(`${method} ${path}: ${response.status} ${text.slice(0, 300)}`);
      return JSON.parse(text);
    },
  };
}

async function tagRow(server: TestServer, run: Run, path: string, address: string, rounds: number): Promise<Row> {
  const headers = { 'Training-Key': server.trainingKey };
  const body = await (await fetch(address + path, { headers })).json();
  const bare = await startSide('bare-fastify', { body });
  const bareAddress = `${await bare.round<string>()}/customvision/v3.3/training`;
  const task = { method: 'GET', headers, clients: 32, seconds: 2 };
  const found = await inTurns(
    rounds,
    () => run({ ...task, url: address + path }),
    () => run({ ...task, url: bareAddress + path }),
  );
  await bare.stop();
  const perSecond = (results: LoadResult[]) => results.map((one) => one.perSecond);
  return ratioRow(
    'GetTag, 32 clients, against bare fastify',
    'requests/s',
    perSecond(found.ours),
    perSecond(found.peer),
    0.5,
  );
}

async function uploadRow(
  run: Run,
  files: readonly string[],
  pictures: readonly Buffer[],
  ask: Ask,
  address: string,
  key: string,
  rounds: number,
): Promise<Row> {
  const bare = await startSide('bare-upload', { files });
  const batches = Array.from({ length: Math.floor(pictures.length / 64) }, (_, n) =>
    Buffer.from(
      JSON.stringify({
        images: pictures.slice(n * 64, n * 64 + 64).map((one) => ({ contents: one.toString('base64') })),
      }),
    ),
  );
  const ours = async (): Promise<number> => {
    const { id } = await ask('POST', `/projects?name=${crypto.randomUUID()}`);
    const result = await run({
      url: `${address}/projects/${id}/images/files`,
      method: 'POST',
      headers: { 'Training-Key': key, 'content-type': 'application/json' },
      bodies: batches,
      clients: 2,
      requests: batches.length,
    });
    await deleted(ask, `/projects/${id}`, address, key);
    return result.perSecond * 64;
  };
  const found = await inTurns(rounds, ours, () => bare.round<number>());
  await bare.stop();
  return ratioRow('upload in batches of 64', 'pictures/s', found.ours, found.peer, 0.6);
}

/** Deletes a project, so that its features are not computed beside the next measurement. */
async function deleted(ask: Ask, path: string, address: string, key: string): Promise<void> {
  await fetch(address + path, { method: 'DELETE', headers: { 'Training-Key': key } });
  await until(
    () =>
      ask('GET', path).then(
        () => 200,
        () => 404,
      ),
    (status) => status === 404,
  );
}

const classifyTask = (server: TestServer, project: string): LoadTask => ({
  url: `${server.endpoint}/customvision/v3.1/prediction/${project}/classify/iterations/bench/image/nostore`,
  method: 'POST',
  headers: { 'Prediction-Key': server.predictionKey, 'content-type': 'application/octet-stream' },
  clients: 1,
});

async function predictRows(
  server: TestServer,
  run: Run,
  files: readonly string[],
  pictures: readonly Buffer[],
  project: string,
  rounds: number,
): Promise<Row[]> {
  const bare = await startSide('bare-features', { files });
  const task: LoadTask = { ...classifyTask(server, project), bodies: pictures, clients: 8, seconds: 3 };
  const found = await inTurns(
    rounds,
    () => run(task),
    () => bare.round<number>(),
  );
  await bare.stop();
  const tail = median(found.ours.map((one) => one.p99 / one.median));
  return [
    ratioRow(
      'classify nostore, 640x480, 8 clients',
      'pictures/s',
      found.ours.map((one) => one.perSecond),
      found.peer,
      0.8,
    ),
    limitRow('classify nostore, p99 over median', tail, 5, 'x'),
  ];
}

/** Trains while a client keeps asking; peak memory in MB, p99 of the client in ms. */
async function training(server: TestServer, run: Run, url: string, ask: Ask, project: string) {
  const iteration = (await ask('POST', `/projects/${project}/train`)).id;
  const state = () => ask('GET', `/projects/${project}/iterations/${iteration}`);
  let peak = 0;
  const watch = setInterval(() => {
    peak = Math.max(peak, memory(server.pid));
  }, 20);
  const p99s: number[] = [];
  try {
    for (let status = 'Training'; status === 'Training'; status = (await state()).status)
      p99s.push(
        (await run({ url, method: 'GET', headers: { 'Training-Key': server.trainingKey }, clients: 1, seconds: 2 }))
          .p99,
      );
  } finally {
    clearInterval(watch);
  }
  const { status } = await state();
  if (status !== 'Completed') throw new Error(`expected a completed training but received ${status}`);
  return { peak, p99: Math.max(...p99s), iteration };
}

/** Resident memory in MB. Source: /proc, so Linux only; elsewhere 0. */
function memory(pid: number): number {
  try {
    return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024;
  } catch {
    return 0;
  }
}

/** Resident memory once it no longer changes much from second to second. */
async function settledMemory(pid: number): Promise<number> {
  let last = Number.POSITIVE_INFINITY;
  return until(
    async () => {
      await new Promise((done) => setTimeout(done, 1000));
      const now = memory(pid);
      const settled = Math.abs(now - last) < 2;
      last = now;
      return settled ? now : Number.NaN;
    },
    (value) => !Number.isNaN(value),
  );
}
